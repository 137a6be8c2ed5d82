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
	"strings"
)

// Key seals with AES-256-GCM: 32 random bytes. It prints as a short hash.
type Key [32]byte

// What Open tells apart.
var (
	// ErrOtherKey: the bytes were sealed with another key.
	ErrOtherKey = errors.New("sealed with another secret key")
	// ErrDamaged: the bytes are not what was sealed, or not for this purpose.
	ErrDamaged = errors.New("damaged under its seal")
)

var errKeyText = errors.New("a secret key is 32 random bytes in base64 or hex; " +
	"`openssl rand -base64 32` prints one")

// keyFileLimit bounds what KeyFile reads: a key is 64 characters in its longest form.
const keyFileLimit = 1 << 10

// ReadKey reads a key of 32 bytes written as hex or as base64 (standard or URL alphabet, padded or not), with
// white space around it. The error never repeats the text.
func ReadKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	decoders := []func(string) ([]byte, error){
		hex.DecodeString,
		base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	}
	for _, decode := range decoders {
		if b, err := decode(text); err == nil && len(b) == len(Key{}) && Key(b) != (Key{}) {
			return Key(b), nil
		}
	}
	return Key{}, errKeyText
}

// KeyFile reads the key in the file, or makes the file with a new key, for its owner alone (mode 0600), and
// returns when it is on disk. Without this file what was sealed with its key is lost, and every account has
// to be linked again.
func KeyFile(path string) (Key, error) {
	key, err := readKeyFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err = makeKeyFile(path)
	if errors.Is(err, fs.ErrExist) { // another process was quicker: its key counts
		return readKeyFile(path)
	}
	return key, err
}

// String gives a short hash that tells keys apart.
func (k Key) String() string { return fmt.Sprintf("key-%x", k.id()) }

// Format prints String whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// A sealed record is one byte version, four bytes key id, then nonce, ciphertext and
// tag. Nonces are random: safe for 2^32 records under one key, which at one record a
// second is never reached. https://pkg.go.dev/crypto/cipher#NewGCMWithRandomNonce
const (
	sealVersion = 1
	sealHeader  = 1 + 4
)

// Seal encrypts plain. The seal covers purpose too, so that a record that is put in
// the place of another does not open.
func (k Key) Seal(plain []byte, purpose string) []byte {
	id := k.id()
	header := append([]byte{sealVersion}, id[:]...)
	covered := append(bytes.Clone(header), purpose...)
	return k.aead().Seal(header, nil, plain, covered) //nolint:gosec // G407: this AEAD makes its own nonces
}

// Open is the way back. Its errors are ErrOtherKey and ErrDamaged.
func (k Key) Open(sealed []byte, purpose string) ([]byte, error) {
	id := k.id()
	switch {
	case len(sealed) < sealHeader:
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, len(sealed))
	case sealed[0] != sealVersion:
		return nil, fmt.Errorf("%w: version %d", ErrDamaged, sealed[0])
	case !bytes.Equal(sealed[1:sealHeader], id[:]):
		return nil, fmt.Errorf("%w: key-%x, and the key in use is %s", ErrOtherKey, sealed[1:sealHeader], k)
	}
	covered := append(bytes.Clone(sealed[:sealHeader]), purpose...)
	plain, err := k.aead().Open(nil, nil, sealed[sealHeader:], covered)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

func (k Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // cannot be: the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // cannot be: AES has blocks of 16 bytes
	}
	return aead
}

// id is written before every sealed record, to tell another key from a damaged record.
func (k Key) id() [4]byte {
	sum := sha256.Sum256(append([]byte("gphotos2mqtt key id\x00"), k[:]...))
	return [4]byte(sum[:4])
}

func readKeyFile(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the secret key: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, keyFileLimit))
	if err != nil {
		return Key{}, fmt.Errorf("read the secret key: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return Key{}, fmt.Errorf("the key file %s is empty: put the key back, "+
			"or delete the file to have a new key made and link every account again", path)
	}
	key, err := ReadKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("the key file %s: %w", path, err)
	}
	return key, nil
}

// makeKeyFile leaves either the whole key on disk or no file. A stop in the middle can leave an empty or cut
// file, with which nothing has been sealed yet; readKeyFile says what to do then.
func makeKeyFile(path string) (key Key, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("make the secret key: %w", err)
	}
	_, _ = rand.Read(key[:]) // never fails: it would end the process
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(key[:]))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return Key{}, fmt.Errorf("make the secret key: %w", errors.Join(err, os.Remove(path)))
	}
	return key, nil
}

// syncDir makes the new name in the directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
