package auth

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
)

func testRecord() *record {
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	return &record{
		Account: sam, Scopes: []string{"email", ScopeAppend}, Access: "ya29.a", Expires: at.Add(time.Hour),
		Refresh: "1//r", Granted: at, Until: at.Add(time.Minute), Renewed: at, Reason: "because",
	}
}

func TestSeal(t *testing.T) {
	sealed, err := testRecord().seal(testKey, "home")
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"ya29.a", "1//r", "sam@example.com"} {
		if bytes.Contains(sealed, []byte(plain)) {
			t.Errorf("%q is in the sealed record", plain)
		}
	}
	got, err := unseal(testKey, "home", sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(testRecord(), got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	other, _ := testRecord().seal(testKey, "home")
	if bytes.Equal(sealed, other) {
		t.Error("sealed twice alike: the nonce is not random")
	}
	_, err = unseal(testKey, "garden", sealed)
	wantError(t, err, ErrSealed, "is damaged")
	_, err = unseal(secret.Key{7}, "home", sealed)
	wantError(t, err, ErrSealed, fmt.Sprintf("The link of entry home was sealed with another secret key (%v, and the key in use is %v). "+
		"Put the old key back", testKey, secret.Key{7}))
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := unseal(testKey, "home", bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for i := range sealed {
		if _, err := unseal(testKey, "home", sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	sealed, err := testRecord().seal(testKey, "home")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{})
	f.Add(sealed[:5])
	f.Add(append([]byte{sealed[0] + 1}, sealed[1:5]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := unseal(testKey, "home", b)
		if err == nil && !cmp.Equal(r, testRecord()) { // each fuzzing process seals its own seed
			t.Fatalf("unsealed what was never sealed: %v", r)
		}
		if err != nil && !errors.Is(err, ErrSealed) {
			t.Fatalf("err = %v", err)
		}
	})
}
