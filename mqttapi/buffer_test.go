package mqttapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

// bufferOf writes content as Node.js does for JSON.stringify.
func bufferOf(content []byte) string {
	var b strings.Builder
	b.WriteString(`{"type":"Buffer","data":[`)
	for i, c := range content {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, c)
	}
	b.WriteString("]}")
	return b.String()
}

func TestBuffer(t *testing.T) {
	for _, content := range append(contents(), photo()) {
		buffer := bufferOf(content)
		var indented bytes.Buffer
		if err := json.Indent(&indented, []byte(buffer), "", "\t"); err != nil {
			t.Fatal(err)
		}
		_, array, _ := strings.Cut(strings.TrimSuffix(buffer, "}"), `"data":`)
		for name, payload := range map[string]string{
			"whole": buffer, "in lines": indented.String(), "with keys": `{"album": "x", ` + buffer[1:], "value": `{"data": ` + buffer + `}`,
			"array": `{"data": ` + array + `}`, "file": `{"files": [{"data": ` + buffer + `, "name": "x"}]}`, "files": `{"files": [` + buffer + `]}`,
			"data first": `{"data": {"data": ` + array + `, "type": "Buffer"}}`,
		} {
			u, err := ParseUpload([]byte(payload), "home", nil)
			if err != nil || len(u.Files) != 1 {
				t.Errorf("%s: %v", name, err)
				continue
			}
			checkData(t, u.Files[0].Data, content)
			if err := iotest.TestReader(u.Files[0].Data.Open(), content); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestBufferRefused(t *testing.T) {
	for payload, says := range map[string]string{
		`{"type":"Buffer","data":[]}`:                         `empty: "data" has no content: check what fills it.`,
		`{"type":"Buffer"}`:                                   `One of the keys path, paths, data, files, filename is missing.`,
		`{"type":"Buffer","data":[1,256]}`:                    `"data[1]" must be a byte, a whole number from 0 to 255.`,
		`{"type":"Buffer","data":[1,2,1000]}`:                 `"data[2]" must be a byte`,
		`{"type":"Buffer","data":[-1]}`:                       `"data[0]" must be a byte`,
		`{"type":"Buffer","data":[1.5]}`:                      `"data[0]" must be a byte`,
		`{"type":"Buffer","data":[1e1]}`:                      `"data[0]" must be a byte`,
		`{"type":"Buffer","data":["1"]}`:                      `"data[0]" must be a byte`,
		`{"type":"Buffer","data":[[1]]}`:                      `"data[0]" must be a byte`,
		`{"type":"Blob","data":[1]}`:                          `"type" is "Blob"; possible are Buffer.`,
		`{"data":{"type":"Buffer","data":"QUJD"}}`:            `"data.data" must be an array of bytes, not a string.`,
		`{"data":{"data":[1]}}`:                               `"data.type" is missing.`,
		`{"data":{"0":255,"1":216}}`:                          `"data.0" is an unknown key; the keys known here are type, data.`,
		`{"files":[{"data":{"type":"Buffer","data":[300]}}]}`: `"files[0].data.data[0]" must be a byte`,
		`{"type":"Buffer","data":[255,216`:                    `The JSON is broken at byte 32 of 32, in "data": it ends too early.`,
	} {
		_, err := ParseUpload([]byte(payload), "home", nil)
		if code, got := refusedWith(t, err); !strings.Contains(string(code)+": "+got, says) {
			t.Errorf("%s:\n got %s: %s\nwant %s", payload, code, got, says)
		}
	}
}

func FuzzBuffer(f *testing.F) {
	for _, content := range contents() {
		f.Add(content, "")
		f.Add(content, " \r\n\t")
	}
	f.Fuzz(func(t *testing.T, content []byte, space string) {
		space = strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \r\n\t", r) {
				return r
			}
			return -1
		}, space)
		u, err := ParseUpload([]byte(strings.ReplaceAll(bufferOf(content), ",", space+","+space)), "home", nil)
		if len(content) == 0 {
			if codeOf(t, err) != CodeEmpty {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkData(t, u.Files[0].Data, content)
	})
}
