package mqttapi

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
)

// Data is the content of a file that came inside a command. It points into the command's payload, which must stay as it
// is while the Data is in use; nothing is copied or decoded before somebody reads. The zero value is no data.
type Data struct {
	raw      []byte           // the part of the payload that holds the content
	alphabet *base64.Encoding // nil: raw is the content itself
	quoted   bool             // raw stands in a JSON string and may have its escapes
	size     int64            // of the content
}

// Len returns how many bytes of content there are.
func (d Data) Len() int64 { return d.size }

// Open returns a new reader of the content. Every call starts at the first byte, so a failed reading can be repeated.
// Reading fails only when the payload was changed after ParseUpload had checked it.
func (d Data) Open() io.Reader {
	if d.alphabet == nil {
		return bytes.NewReader(d.raw)
	}
	return base64.NewDecoder(d.alphabet, &letters{in: d.raw, quoted: d.quoted})
}

// Head returns the first bytes of the content, as many as MediaType looks at.
func (d Data) Head() []byte {
	if d.alphabet == nil {
		return d.raw[:min(len(d.raw), HeadSize)]
	}
	head := make([]byte, min(d.size, HeadSize))
	n, _ := io.ReadFull(d.Open(), head) // what cannot be read is not recognised
	return head[:n]
}

// wholeData returns data whose content is the payload itself.
func wholeData(content []byte) Data {
	return Data{raw: content, size: int64(len(content))}
}

// decoded returns the data of a data URI or of base64; quoted says that text is the inside of a JSON string.
func decoded(text []byte, quoted bool) (Data, error) {
	if !isDataURI(text) {
		return readBase64(text, quoted)
	}
	comma := bytes.IndexByte(text[:min(len(text), maxURIHead)], ',')
	if comma < 0 {
		return Data{}, Errorf(CodeBadPayload, "The data URI has no comma after its media type: write data:image/jpeg;base64, and then the base64.")
	}
	if head := strings.TrimSpace(string(text[:comma])); !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return Data{}, Errorf(CodeBadPayload, "The data URI is not in base64: write data:image/jpeg;base64, and then the base64.")
	}
	return readBase64(text[comma+1:], quoted)
}

// maxURIHead is where the comma of a data URI must have come. The media types of images and videos take 30 bytes; some
// programs add the file's name. The media type itself is not looked at: the content decides.
const maxURIHead = 1024

// isDataURI reports whether text starts like a data URI. Source: https://www.rfc-editor.org/rfc/rfc2397
func isDataURI(text []byte) bool {
	return len(text) >= 5 && bytes.EqualFold(text[:5], []byte("data:"))
}
