package mqttapi

import (
	"bytes"
	"strconv"
	"testing"
)

// BenchmarkParseUpload parses JSON with a photo in base64: 27 KB as a camera's snapshot, and 8 MB; plain, with the escaped slashes of PHP,
// and as a Buffer of Node-RED.
func BenchmarkParseUpload(b *testing.B) {
	for _, size := range []int{27 << 10, 8 << 20} {
		content := append(photo(), bytes.Repeat([]byte("\xff0123456789\xffabcdef"), size/18+1)...)[:size*3/4]
		text := base64Of(content)
		for name, data := range map[string]string{"plain": `"` + text + `"`, "escaped": `"` + escapeSlashes(text) + `"`, "buffer": bufferOf(content)} {
			payload := []byte(`{"data": ` + data + `, "name": "door.jpg", "album": "Front door", "id": "door-1", "transaction": {"n": 1}}`)
			b.Run(strconv.Itoa(size>>10)+"KB/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := ParseUpload(payload, "home", nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func escapeSlashes(text string) string {
	return string(bytes.ReplaceAll([]byte(text), []byte("/"), []byte(`\/`)))
}
