// Package secret holds what must not be seen: [Text] hides itself from whatever
// prints it, and a [Key] seals bytes so that they may lie on a disk.
//
// It is a leaf: every other package may import it, and it imports none of ours.
package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Text is a client secret, a token, an authorization code, or an address that is as
// good as one: Google's sessions and base URLs. It prints and marshals as a short
// hash, which tells two apart and gives neither away; string(t) is the one way to
// the real value.
type Text string

// String returns the first four bytes of the text's SHA-256, or "" for an empty one.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(t))
	return "secret-" + hex.EncodeToString(sum[:4])
}

// Format prints String whatever the verb: without it %d and %#v would show the value.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// MarshalText gives String, so that a JSON log line or document holds no secret either.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
