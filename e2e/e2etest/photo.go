package e2etest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
)

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

// filmEnd is the directory of a film, which the bridge takes for its end.
var filmEnd = []byte("\x00\x00\x00\x10moov\x00\x00\x00\x08free")

// FilmHead begins an MP4 of a size in bytes, with a box for all that follows but EndFilm's.
func FilmHead(size int64) []byte {
	head := []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom\x00\x00\x00\x01mdat")
	return binary.BigEndian.AppendUint64(head, uint64(size)-24-uint64(len(filmEnd)))
}

// EndFilm writes the end of an MP4 over the last bytes of a file.
func EndFilm(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = file.Seek(-int64(len(filmEnd)), io.SeekEnd); err == nil {
		_, err = file.Write(filmEnd)
	}
	return err
}
