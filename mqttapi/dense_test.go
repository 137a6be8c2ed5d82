package mqttapi

import (
	"bytes"
	"encoding/base64"
	"io"
	"testing"
	"testing/iotest"
)

// However it is read, base64 without white space gives what was encoded, and one letter that changes after it was looked at is an error.
func TestDenseBase64(t *testing.T) {
	content := []byte("some bytes \xFF\xD8, and more of them, \x00\x01\x02\xFB\xEF")
	for n := range content {
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding, base64.StdEncoding} {
			text := []byte(alphabet.EncodeToString(content[:n+1]))
			d, err := readBase64(text, true)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			for name, how := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "by halves": iotest.HalfReader,
			} {
				if got, err := io.ReadAll(how(d.Open())); !bytes.Equal(got, content[:n+1]) || err != nil || int64(len(got)) != d.Len() || !d.dense {
					t.Errorf("%s %q: %q, %v", name, text, got, err)
				}
			}
			if text[0] = '!'; n > 1 {
				if _, err := io.ReadAll(d.Open()); err == nil {
					t.Errorf("%q: no error", text)
				}
			}
		}
	}
}
