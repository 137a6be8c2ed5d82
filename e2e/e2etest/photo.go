package e2etest

import "math/rand/v2"

// Photo is a JPEG of a size in bytes that differs for each seed: a valid picture with
// its rest in bytes that no reader looks at.
func Photo(seed, size int) []byte {
	head := []byte{
		0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
		0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0,
	}
	data := make([]byte, size)
	noise := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	_, _ = noise.Read(data)
	for i, b := range data {
		data[i] = b & 0x7F // never 0xFF, which would begin a marker
	}
	copy(data, head)
	copy(data[size-2:], []byte{0xFF, 0xD9})
	return data
}
