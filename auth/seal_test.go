package auth

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testRecord() *record {
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	return &record{
		Account: sam, Scopes: []string{"email", ScopeAppend}, Access: "ya29.a", Expires: at.Add(time.Hour),
		Refresh: "1//r", Granted: at, Until: at.Add(time.Minute), Renewed: at, Reason: "because",
	}
}

func TestSeal(t *testing.T) {
	sealed, err := testKey.seal("home", testRecord())
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"ya29.a", "1//r", "sam@example.com"} {
		if bytes.Contains(sealed, []byte(plain)) {
			t.Errorf("%q is in the sealed record", plain)
		}
	}
	got, err := testKey.unseal("home", sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(testRecord(), got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	other, _ := testKey.seal("home", testRecord())
	if bytes.Equal(sealed, other) {
		t.Error("sealed twice alike: the nonce is not random")
	}
	_, err = testKey.unseal("garden", sealed)
	wantError(t, err, ErrSealed, "is damaged")
	_, err = (Key{7}).unseal("home", sealed)
	wantError(t, err, ErrSealed, "another secret key")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := testKey.unseal("home", bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for i := range sealed {
		if _, err := testKey.unseal("home", sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	sealed, err := testKey.seal("home", testRecord())
	if err != nil {
		f.Fatal(err)
	}
	id := testKey.id()
	f.Add(sealed)
	f.Add([]byte{})
	f.Add(append([]byte{sealVersion}, id[:]...))
	f.Add(append([]byte{sealVersion + 1}, id[:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := testKey.unseal("home", b)
		if err == nil && !cmp.Equal(r, testRecord()) { // each fuzzing process seals its own seed
			t.Fatalf("unsealed what was never sealed: %v", r)
		}
		if err != nil && !errors.Is(err, ErrSealed) {
			t.Fatalf("err = %v", err)
		}
	})
}
