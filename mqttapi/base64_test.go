package mqttapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"gphotos2mqtt/mediatype"
)

// encodings are the four ways in which base64 is written.
var encodings = map[string]*base64.Encoding{
	"standard": base64.StdEncoding, "standard unpadded": base64.RawStdEncoding,
	"url": base64.URLEncoding, "url unpadded": base64.RawURLEncoding,
}

// contents are bytes of each length modulo 3, with all letters of both alphabets in their base64.
func contents() [][]byte {
	all := make([]byte, 0, 768)
	for i := range 256 {
		all = append(all, byte(i), byte(255-i), byte(i*7))
	}
	return [][]byte{all, all[:len(all)-1], all[:len(all)-2], {0}, {0xfb, 0xff}, {0xff, 0xff, 0xff}}
}

func TestBase64(t *testing.T) {
	for name, encoding := range encodings {
		for _, content := range contents() {
			plain := encoding.EncodeToString(content)
			for form, text := range map[string]string{
				"one line": plain,
				"lines":    wrapped(plain, 76, "\n"),
				"crlf":     wrapped(plain, 64, "\r\n"),
				"indented": wrapped(plain, 5, "\n    \t"),
				"ended":    plain + "\r\n",
			} {
				data, err := readBase64([]byte(text), false)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, form, err)
				}
				checkData(t, data, content)
				quoted, err := json.Marshal(text)
				if err != nil {
					t.Fatal(err)
				}
				data, err = readBase64(quoted[1:len(quoted)-1], true)
				if err != nil {
					t.Fatalf("%s, %s in JSON: %v", name, form, err)
				}
				checkData(t, data, content)
			}
		}
	}
}

// TestBase64Escapes reads what JSON writers make of base64: PHP escapes slashes, others write any sign as a number.
func TestBase64Escapes(t *testing.T) {
	content := []byte{0xff, 0xff, 0xfe, 0xfb, 0xef, 0xbe}
	for _, text := range []string{
		`\/\/\/+++++`, `\u002f\u002F/\u002b++++`, `///+\n+++\r\n+`, `///+\t++++`, `\u002f//+ \n ++++`,
	} {
		data, err := readBase64([]byte(text), true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		checkData(t, data, content)
	}
}

func TestBase64Refused(t *testing.T) {
	for _, tt := range []struct {
		text   string
		quoted bool
		code   Code
		says   string
	}{
		{"", false, CodeEmpty, "no content"},
		{" \r\n", false, CodeEmpty, "no content"},
		{"====", false, CodeBadPayload, "cut off"},
		{"=", false, CodeBadPayload, "cut off"},
		{"QUJ", false, "", ""},
		{"QUI=", false, "", ""},
		{"QQ==", false, "", ""},
		{" QQ = =\n", false, "", ""},
		{"QUJD \r\n QUJD", false, "", ""},
		{"QUJD QUJD", false, CodeBadPayload, "A space stands in the base64 at byte 4: what sent it made spaces of its '+'."},
		{"QUJD QUJD", true, CodeBadPayload, "at byte 4"},
		{"QUJDR", false, CodeBadPayload, "5 characters"},
		{"QQ=", false, CodeBadPayload, "cut off"},
		{"QUI==", false, CodeBadPayload, "cut off"},
		{"QUJD=", false, CodeBadPayload, "cut off"},
		{"QQ==QQ==", false, CodeBadPayload, "byte 4"},
		{"QU!D", false, CodeBadPayload, `'!' at byte 2`},
		{"QU\x00D", false, CodeBadPayload, `'\x00' at byte 2`},
		{"QUäD", false, CodeBadPayload, `'ä' at byte 2`},
		{"QU\xffD", false, CodeBadPayload, `at byte 2`},
		{`QU\/D`, false, CodeBadPayload, `'\\' at byte 2`},
		{"+-AA", false, CodeBadPayload, "mixes"},
		{"_/AA", false, CodeBadPayload, "mixes"},
		{`QU\u00e4D`, true, CodeBadPayload, "byte 2"},
		{`QU\uZZZZ`, true, CodeBadPayload, "byte 2"},
		{`QU\u00`, true, CodeBadPayload, "byte 2"},
		{`QU\`, true, CodeBadPayload, "byte 2"},
		{`QU\"D`, true, CodeBadPayload, `'"' at byte 2`},
		{"QU\nD", true, CodeBadPayload, "byte 2"},
	} {
		_, err := readBase64([]byte(tt.text), tt.quoted)
		if tt.code == "" {
			if err != nil {
				t.Errorf("%q: %v", tt.text, err)
			}
			continue
		}
		if code, says := refusedWith(t, err); code != tt.code || !strings.Contains(says, tt.says) {
			t.Errorf("%q: got %s %q, want %s with %q", tt.text, code, says, tt.code, tt.says)
		}
	}
}

// TestBase64DamagedLater proves that damage after the check is an error of reading, never other content.
func TestBase64DamagedLater(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789ab"), 500)
	for _, damage := range []byte{'!', '=', 0, 0xff, '\\'} {
		text := []byte(base64Of(content))
		data, err := readBase64(text, true)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] = damage
		got, err := io.ReadAll(data.Open())
		if _, ok := errors.AsType[base64.CorruptInputError](err); !ok || !bytes.HasPrefix(content, got) {
			t.Errorf("%q: read %d bytes with %v", damage, len(got), err)
		}
	}
}

func TestDataURI(t *testing.T) {
	content := photo()
	for _, head := range []string{
		"data:image/jpeg;base64,", "DATA:IMAGE/JPEG;BASE64,", "data:;base64,", "data:image/svg+xml;charset=utf-8;name=a%20b.jpg;base64,",
		`data:image\/jpeg;base64,`,
	} {
		data, err := decoded([]byte(head+base64Of(content)), true)
		if err != nil {
			t.Errorf("%s: %v", head, err)
			continue
		}
		checkData(t, data, content)
	}
	for text, says := range map[string]string{
		"data:":                     "no comma",
		"data:image/jpeg;base64":    "no comma",
		"data:image/jpeg," + "aaaa": "not in base64",
		"data:,Hello%20world":       "not in base64",
		"data:" + strings.Repeat("x", 1024) + ";base64,QQ==": "no comma",
		"data:image/jpeg;base64,QQ!=":                        "'!'",
		"data:image/jpeg;base64,":                            "no content",
	} {
		_, err := decoded([]byte(text), false)
		if _, got := refusedWith(t, err); !strings.Contains(got, says) {
			t.Errorf("%.40q: got %q, want %q", text, got, says)
		}
	}
}

// checkData reads data in every way and compares.
func checkData(t *testing.T, data Data, content []byte) {
	t.Helper()
	if data.Len() != int64(len(content)) {
		t.Errorf("length is %d, want %d", data.Len(), len(content))
	}
	for range 2 {
		if err := iotest.TestReader(data.Open(), content); err != nil {
			t.Errorf("read: %v", err)
		}
	}
	if head := data.head(); !bytes.Equal(head, content[:min(len(content), mediatype.HeadSize)]) {
		t.Errorf("head has %d bytes: %q", len(head), head)
	}
}

func wrapped(text string, width int, separator string) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), separator)
}

// Base64 without padding may be cut off anywhere: the file in it tells.
func TestBase64CutOff(t *testing.T) {
	t.Parallel()
	whole := strings.TrimRight(base64Of(photo()), "=")
	for n := len(whole) / 2; n < len(whole)/2+8; n++ {
		for _, payload := range []string{whole[:n], `{"data": "` + whole[:n] + `"}`, "data:image/jpeg;base64," + wrapped(whole[:n], 76, "\r\n")} {
			_, err := ParseUpload([]byte(payload), "home", nil)
			if n%4 == 0 { // where a camera's file may end as well
				if err != nil {
					t.Errorf("%d characters: %v", n, err)
				}
			} else if code, says := refusedWith(t, err); code != CodeBadPayload || !strings.Contains(says, "cut off") || !strings.Contains(says, strconv.Itoa(n)) {
				t.Errorf("%d characters: %s %s", n, code, says)
			}
		}
	}
}
