package photos

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// UploadToken is Google's receipt for uploaded bytes, good for one day and for one account.
// Whoever has it can make an item of the bytes, so printing it shows a short hash; string(t) gives it away.
// Source: https://developers.google.com/photos/library/guides/upload-media
type UploadToken string

// String names the token without giving it away.
func (t UploadToken) String() string { return hidden("upload token", string(t)) }

// Format hides the token from every verb of package fmt.
func (t UploadToken) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// SessionURL is the address of an unfinished upload, good for seven days. It is opaque and must be kept byte
// for byte; printing it shows a short hash, string(u) gives it away.
// Source: https://developers.google.com/photos/library/guides/resumable-uploads
type SessionURL string

// String names the session without giving its address away.
func (u SessionURL) String() string { return hidden("session", string(u)) }

// Format hides the address from every verb of package fmt.
func (u SessionURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// BaseURL is the address of an item's bytes. It opens them to anybody for 60 minutes, and never without a
// suffix; printing it shows a short hash, string(u) gives it away.
// Source: https://developers.google.com/photos/library/guides/access-media-items#base-urls
type BaseURL string

// String names the address without giving it away.
func (u BaseURL) String() string { return hidden("base URL", string(u)) }

// Format hides the address from every verb of package fmt.
func (u BaseURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// hidden gives a secret a name that is the same each time, so that two log lines can be told to be about one.
func hidden(what, secret string) string {
	if secret == "" {
		return "no " + what
	}
	sum := sha256.Sum256([]byte(secret))
	return fmt.Sprintf("%s #%x", what, sum[:4])
}
