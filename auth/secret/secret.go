// Package secret holds what must not be seen: [Text] hides itself from whatever prints it, and a [Key] seals bytes so that they may lie on
// a disk.
//
// It is a leaf: every other package may import it, and it imports none of ours.
package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Text is a client secret, a token, an authorization code, or an address that is as good as one: Google's sessions and base URLs. It prints
// and marshals as a short hash, which tells two apart and gives neither away; string(t) is the one way to the real value.
type Text string

// String returns the first four bytes of the text's SHA-256, or "" for an empty one.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(t))
	return fmt.Sprintf("secret-%x", sum[:4])
}

// Format prints String whatever the verb: without it %d and %#v would show the value.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// MarshalText gives String, so that a JSON log line or document holds no secret either.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Key seals with AES-256-GCM: 32 random bytes. It prints as a short hash.
type Key [32]byte

// What Open tells apart.
var (
	ErrOtherKey = errors.New("sealed with another secret key")
	ErrDamaged  = errors.New("damaged under its seal") // not what was sealed, or not for this purpose
)

// ReadKey reads 32 bytes as hex or base64 (standard or URL alphabet, padded or not), amid white space. The error never repeats the text.
func ReadKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	b, err := hex.DecodeString(text)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "=")))
	}
	if err != nil || len(b) != len(Key{}) || Key(b) == (Key{}) {
		return Key{}, errors.New("a secret key is 32 random bytes in base64 or hex; `openssl rand -base64 32` prints one")
	}
	return Key(b), nil
}

// KeyFile reads the file's key or makes the file (mode 0600), on disk at return. Without it all it sealed is lost: accounts link again.
func KeyFile(path string) (Key, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newKeyFile(path)
	case err != nil:
		return Key{}, fmt.Errorf("read the secret key: %w", err)
	case len(bytes.TrimSpace(text)) == 0:
		return Key{}, fmt.Errorf("the key file %s is empty: put the key back, "+
			"or delete the file to have a new key made and link every account again", path)
	}
	key, err := ReadKey(string(text))
	if err != nil {
		err = fmt.Errorf("the key file %s: %w; put the key back, or delete the file to have a new key made and link every account again", path, err)
	}
	return key, err
}

// newKeyFile never replaces a file. A stop in the middle can leave an empty or cut one, with which nothing is sealed yet: see KeyFile.
func newKeyFile(path string) (key Key, err error) {
	_, _ = rand.Read(key[:]) // never fails: it would end the process
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
		if err = errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(path))); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}
	if err != nil {
		return Key{}, fmt.Errorf("make the secret key: %w", err)
	}
	return key, nil
}

// syncFolder makes a new name durable. Windows refuses to flush a folder, and has the names in its journal.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err == nil && runtime.GOOS != "windows" {
		err = dir.Sync()
	}
	return errors.Join(err, dir.Close())
}

func (k Key) String() string { return fmt.Sprintf("key-%x", k.id()) }

// Format prints String whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// A sealed record is one byte version, four bytes key id, then nonce, ciphertext and tag. Nonces are random: safe for 2^32 records under
// one key, which at one record a second takes 136 years. https://pkg.go.dev/crypto/cipher#NewGCMWithRandomNonce
const sealVersion, sealHeader = 1, 1 + 4

// Seal encrypts plain. The seal covers purpose too, so that a record that is put in the place of another does not open.
func (k Key) Seal(plain []byte, purpose string) []byte {
	header := append([]byte{sealVersion}, k.id()...)
	return k.aead().Seal(header, nil, plain, append(bytes.Clone(header), purpose...)) //nolint:gosec // G407: this AEAD makes its own nonces
}

// Open is the way back. Its errors are ErrOtherKey, which names both keys, and ErrDamaged.
func (k Key) Open(sealed []byte, purpose string) ([]byte, error) {
	switch {
	case len(sealed) < sealHeader:
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, len(sealed))
	case sealed[0] != sealVersion:
		return nil, fmt.Errorf("%w: version %d", ErrDamaged, sealed[0])
	case !bytes.Equal(sealed[1:sealHeader], k.id()):
		return nil, fmt.Errorf("%w (key-%x, and the key in use is %s)", ErrOtherKey, sealed[1:sealHeader], k)
	}
	plain, err := k.aead().Open(nil, nil, sealed[sealHeader:], append(bytes.Clone(sealed[:sealHeader]), purpose...))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

func (k Key) aead() cipher.AEAD {
	block, _ := aes.NewCipher(k[:])                // never fails with 32 bytes
	aead, _ := cipher.NewGCMWithRandomNonce(block) // nor with the blocks of AES
	return aead
}

func (k Key) id() []byte {
	sum := sha256.Sum256(append([]byte("gphotos2mqtt key id\x00"), k[:]...))
	return sum[:4]
}
