package auth

import (
	"bytes"
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

// Key seals links: 32 random bytes. It prints as a short hash.
type Key [32]byte

// keyFileLimit bounds what KeyFile reads: a key is 64 characters in its longest form.
const keyFileLimit = 1 << 10

var errKeyText = errors.New("a secret key is 32 random bytes in base64 or hex; " +
	"`openssl rand -base64 32` prints one")

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
// returns when it is on disk. Without this file the links sealed with its key are lost, and every account has
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
