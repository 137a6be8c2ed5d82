package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Secret is a client secret, an access or refresh token, an authorization code, a PKCE verifier, a state
// or a link code. It prints and marshals as a short hash, which tells two secrets apart and gives neither
// away; string(s) is the one way to the real value.
type Secret string

// String returns the first four bytes of the secret's SHA-256, or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return "secret-" + hex.EncodeToString(sum[:4])
}

// Format prints String whatever the verb: without it %d and %#v would show the value.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String())
}

// MarshalText gives String, so that a JSON log line or document holds no secret either.
func (s Secret) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}
