package secret

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const plain = "ya29.a and 1//r"

func TestSeal(t *testing.T) {
	key, other := Key{1, 2, 3}, Key{7}
	sealed := key.Seal([]byte(plain), "home")
	if bytes.Contains(sealed, []byte("ya29.a")) {
		t.Error("the plain text is in what is sealed")
	}
	if got, err := key.Open(sealed, "home"); err != nil || string(got) != plain {
		t.Errorf("opened %q, %v", got, err)
	}
	if bytes.Equal(sealed, key.Seal([]byte(plain), "home")) {
		t.Error("sealed twice alike: the nonce is not random")
	}
	if _, err := key.Open(sealed, "garden"); !errors.Is(err, ErrDamaged) {
		t.Errorf("for another purpose: %v", err)
	}
	_, err := other.Open(sealed, "home")
	if !errors.Is(err, ErrOtherKey) || !strings.Contains(err.Error(), "("+key.String()+", and the key in use is "+other.String()+")") {
		t.Errorf("with another key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := key.Open(bad, "home"); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOtherKey) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := key.Open(sealed[:i], "home"); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := Key{1, 2, 3}
	id := key.id()
	f.Add(key.Seal([]byte(plain), "home"))
	f.Add([]byte{})
	f.Add(append([]byte{sealVersion}, id[:]...))
	f.Add(append([]byte{sealVersion + 1}, id[:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := key.Open(b, "home")
		if err == nil && string(got) != plain { // each fuzzing process seals its own seed
			t.Fatalf("opened what was never sealed: %q", got)
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOtherKey) {
			t.Fatalf("err = %v", err)
		}
	})
}
