package mqttapi

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// form is the form that the payload of an upload has.
type form int

// The forms, in the order in which they are tried.
const (
	formJSON form = iota + 1
	formDataURI
	formBytes
	formPath
	formBase64
)

// formOf tells by what was read from payload which form it was taken for.
func formOf(payload []byte, u Upload) form {
	text, f := trim(payload), u.Files[0]
	switch {
	case f.Data.Len() > 0 && f.Data.alphabet == nil:
		return formBytes
	case text[0] == '{':
		return formJSON
	case f.Path != "":
		return formPath
	case isDataURI(text):
		return formDataURI
	}
	return formBase64
}

// shape is an upload without its content, for comparing.
type shape struct {
	Form  form
	Path  string
	Bytes int64
}

func shapeOf(payload string, u Upload) shape {
	form := formOf([]byte(payload), u)
	if len(u.Files) != 1 {
		return shape{Form: form}
	}
	return shape{Form: form, Path: u.Files[0].Path, Bytes: u.Files[0].Data.Len()}
}

// TestForms holds each form of the contract's table, and what is near its edges.
func TestForms(t *testing.T) {
	jpeg := photo()
	b64, size := base64Of(jpeg), int64(len(jpeg))
	if !strings.HasPrefix(b64, "/9j/4AAQ") {
		t.Fatalf("the sample starts with %.8q", b64)
	}
	there := func(names ...string) func(string) bool {
		return func(path string) bool { return slices.Contains(names, path) }
	}
	none := there()
	short := b64[:len(b64)/4/4*4] // fits into a path
	for name, tt := range map[string]struct {
		payload string
		exists  func(string) bool
		want    shape
	}{
		"object":                     {`{"path": "/media/door.jpg"}`, none, shape{formJSON, "/media/door.jpg", 0}},
		"object after space":         {" \r\n\t{\"path\": \"/media/door.jpg\"}\n", none, shape{formJSON, "/media/door.jpg", 0}},
		"object after BOM":           {"\ufeff{\"path\": \"a.jpg\"}", none, shape{formJSON, "a.jpg", 0}},
		"data URI":                   {"data:image/jpeg;base64," + b64, none, shape{formDataURI, "", size}},
		"data URI, other type":       {"data:text/plain;base64," + b64, none, shape{formDataURI, "", size}},
		"data URI of no image":       {"data:image/png;base64,aGVsbG8=", none, shape{formDataURI, "", 5}},
		"bytes":                      {string(jpeg), none, shape{formBytes, "", size}},
		"bytes that start a brace":   {heads["mts"], none, shape{formBytes, "", 192 * 6}},
		"path":                       {"/media/door.jpg", none, shape{formPath, "/media/door.jpg", 0}},
		"path with line end":         {"/media/door.jpg\r\n", none, shape{formPath, "/media/door.jpg", 0}},
		"path with a space":          {"/media/front door.jpg", none, shape{formPath, "/media/front door.jpg", 0}},
		"path of an unknown ending":  {"/media/door.snapshot", none, shape{formPath, "/media/door.snapshot", 0}},
		"path without ending, there": {"/media/door", there("/media/door"), shape{formPath, "/media/door", 0}},
		"path from here":             {"./door", none, shape{formPath, "./door", 0}},
		"path upwards":               {"../etc/shadow", none, shape{formPath, "../etc/shadow", 0}},
		"file address":               {"file:///media/front%20door.jpg", none, shape{formPath, "/media/front door.jpg", 0}},
		"file address of Java":       {"file:/media/front%20door.jpg", none, shape{formPath, "/media/front door.jpg", 0}},
		"file address in capitals":   {"FILE:///media/door", none, shape{formPath, "/media/door", 0}},
		"file address of localhost":  {"file://localhost/media/a.jpg", none, shape{formPath, "/media/a.jpg", 0}},
		"bare name, there":           {"door.jpg", there("door.jpg"), shape{formPath, "door.jpg", 0}},
		"bare folder, there":         {"cam 1/door", there("cam 1/door"), shape{formPath, "cam 1/door", 0}},
		"bare name, not there":       {"door.jpg", none, shape{formPath, "door.jpg", 0}},
		"bare name with spaces":      {"the front door.JPEG\n", none, shape{formPath, "the front door.JPEG", 0}},
		"bare name, umlauts":         {"Türen/Haus", none, shape{formPath, "Türen/Haus", 0}},
		"bare folder and name":       {"cam1/door", none, shape{formPath, "cam1/door", 0}},
		"path without ending":        {"/media/door", none, shape{formPath, "/media/door", 0}},
		"path of a folder":           {"/media/clips/", none, shape{formPath, "/media/clips/", 0}},
		"path in proc":               {"/proc/self/environ", none, shape{formPath, "/proc/self/environ", 0}},
		"path with spaces, outside":  {"/root/a snapshot", none, shape{formPath, "/root/a snapshot", 0}},
		"pattern":                    {"/media/clips/*", none, shape{formPath, "/media/clips/*", 0}},
		"pattern, bare":              {"clips/*.mp4", none, shape{formPath, "clips/*.mp4", 0}},
		"base64":                     {b64, none, shape{formBase64, "", size}},
		"base64 without exists":      {b64, nil, shape{formBase64, "", size}},
		"base64 in lines":            {wrapped(b64, 76, "\n") + "\n", none, shape{formBase64, "", size}},
		"base64 for URLs":            {strings.NewReplacer("/", "_", "+", "-", "=", "").Replace(b64), none, shape{formBase64, "", size}},
		"base64 of a PNG":            {base64Of([]byte(heads["png"])), none, shape{formBase64, "", int64(len(heads["png"]))}},
		// The same text is a path when it names a file, and base64 when it does not.
		"base64 like a path":          {short, none, shape{formBase64, "", int64(len(short) / 4 * 3)}},
		"path like base64":            {short, there(short), shape{formPath, short, 0}},
		"path like base64, by ending": {"/9j/4AAQSkZJRg.jpg", none, shape{formPath, "/9j/4AAQSkZJRg.jpg", 0}},
		"ending in a folder only":     {"/9j/4AA.d/door", there("/9j/4AA.d/door"), shape{formPath, "/9j/4AA.d/door", 0}},
	} {
		u, err := ParseUpload([]byte(tt.payload), "home", tt.exists)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, shapeOf(tt.payload, u)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if data := u.Files[0].Data; data.Len() == size {
			checkData(t, data, jpeg)
		}
	}
}

func TestFormsRefused(t *testing.T) {
	b64 := base64Of(photo())
	for name, tt := range map[string]struct {
		payload string
		code    Code
		says    string
	}{
		"nothing":                     {"", CodeBadPayload, "payload is empty"},
		"space":                       {" \r\n\t ", CodeBadPayload, "payload is empty"},
		"byte order mark":             {"\ufeff", CodeBadPayload, "payload is empty"},
		"words":                       {"please upload my photo", CodeBadPayload, "accepted forms"},
		"one word":                    {"upload", CodeBadPayload, "accepted forms"},
		"base64 cut off":              {b64[:101], CodeBadPayload, "cut off or incomplete: its 101 characters"},
		"base64 damaged":              {b64[:100] + "!" + b64[101:], CodeBadPayload, "'!' at byte 100 is no character of base64"},
		"base64 damaged, in lines":    {wrapped(b64, 76, "\n")[:200] + "ä", CodeBadPayload, "'ä' at byte 200"},
		"base64, two pictures":        {b64[:400] + "==" + b64, CodeBadPayload, "goes on after its end"},
		"base64, two alphabets":       {b64[:100] + "+/-_" + b64, CodeBadPayload, "mixes the standard alphabet"},
		"base64 of a PNG, damaged":    {base64Of([]byte(heads["png"]))[:36] + "%3D", CodeBadPayload, "'%' at byte 36"},
		"base64 of text":              {base64Of([]byte(strings.Repeat("hello world ", 20))), CodeBadPayload, "accepted forms"},
		"base64 of a PDF":             {base64Of([]byte(heads["pdf"] + strings.Repeat("x", 64))), CodeUnsupportedType, "is a PDF document, which Google Photos does not take: convert it to JPEG or PNG."},
		"data URI, no base64":         {"data:image/jpeg,xyz", CodeBadPayload, "not in base64"},
		"data URI, empty":             {"data:image/jpeg;base64,", CodeEmpty, "no content"},
		"PDF":                         {heads["pdf"], CodeUnsupportedType, "is a PDF document, which Google Photos does not take: convert it to JPEG or PNG."},
		"zip":                         {heads["zip"], CodeUnsupportedType, "is a ZIP archive"},
		"webm":                        {heads["webm"], CodeUnsupportedType, "is a WebM video"},
		"SVG":                         {heads["svg"], CodeUnsupportedType, "is an SVG drawing"},
		"HTML":                        {"<!DOCTYPE html>\n<html><body>401</body></html>", CodeUnsupportedType, "is an HTML page, which Google Photos does not take: look into it"},
		"unknown bytes":               {heads["unknown"], CodeUnsupportedType, "unknown format"},
		"broken object":               {`{"path": "/media/door.jpg"`, CodeBadPayload, "broken at byte 26"},
		"array":                       {`["/media/a.jpg"]`, CodeBadPayload, "not an object"},
		"path in quotes":              {`"/media/a.jpg"`, CodeBadPayload, `stands in quotes ("): send it without`},
		"path in single quotes":       {`'/media/a.jpg'`, CodeBadPayload, "stands in quotes ('): send it without"},
		"base64 in quotes":            {`"` + b64 + `"`, CodeBadPayload, `stands in quotes (")`},
		"object in quotes":            {`"{\"path\": \"/media/a.jpg\"}"`, CodeBadPayload, "object stands in quotes, as a text"},
		"object in single quotes":     {`'{"path": "/media/a.jpg"}'`, CodeBadPayload, "object stands in quotes, as a text"},
		"object in UTF-16":            {utf16Of(`{"path": "/media/a.jpg"}`, true), CodeBadPayload, "is text in UTF-16"},
		"object in UTF-16, marked":    {"\xff\xfe" + utf16Of(`{"path": "/ä.jpg"}`, true), CodeBadPayload, "is text in UTF-16"},
		"path in UTF-16, big end":     {utf16Of("/media/a.jpg", false), CodeBadPayload, "is text in UTF-16"},
		"path in Latin-1":             {"T\xfcr.jpg", CodeBadPayload, "no valid UTF-8: send it in UTF-8"},
		"web address":                 {"https://example.com/a.jpg", CodeBadPayload, "not fetched"},
		"camera's address":            {"rtsp://192.168.1.9/live", CodeBadPayload, "Addresses (rtsp://) are not fetched"},
		"Home Assistant's address":    {"media-source://media_source/local/a.jpg", CodeBadPayload, "Addresses (media-source://) are not fetched"},
		"base64, + made spaces":       {strings.ReplaceAll(b64, "+", " "), CodeBadPayload, "what sent it made spaces of its '+'"},
		"Python's bytes":              {"b'" + b64 + "'", CodeBadPayload, "what Python prints of bytes"},
		"path in curly quotes":        {"“/media/a.jpg”", CodeBadPayload, "stands in quotes (“)"},
		"half a data URI":             {"image/jpeg;base64," + b64[:400], CodeBadPayload, "lacks its beginning: write data:image/jpeg"},
		"path of 60 KB":               {"/" + strings.Repeat("a", 60<<10) + ".jpg", CodeBadPayload, "61445 bytes; at most 4096"},
		"path of 60 KB, no ending":    {"/" + strings.Repeat("a", 60<<10), CodeBadPayload, "accepted forms"},
		"path with NUL":               {"/media/a\x00.jpg", CodeBadPayload, "control character"},
		"path with a tab":             {"./a\tb", CodeBadPayload, "control character"},
		"path, not UTF-8":             {"/media/\xe4.jpg", CodeBadPayload, "UTF-8"},
		"two paths":                   {"/media/a.jpg\n/media/b.jpg", CodeBadPayload, "has several lines"},
		"file address, other host":    {"file://server/media/a.jpg", CodeBadPayload, "file address"},
		"file address, bad escape":    {"file:///media/%zz.jpg", CodeBadPayload, "file address"},
		"file address, query":         {"file:///media/a.jpg?x=1", CodeBadPayload, "file address"},
		"file address, nothing":       {"file://", CodeBadPayload, "path is empty"},
		"file address, escaped break": {"file:///a%0Ab.jpg", CodeBadPayload, "control character"},
	} {
		u, err := ParseUpload([]byte(tt.payload), "home", func(string) bool { return false })
		if err == nil {
			t.Errorf("%s: accepted as %+v", name, shapeOf(tt.payload, u))
			continue
		}
		if code, says := refusedWith(t, err); code != tt.code || !strings.Contains(says, tt.says) {
			t.Errorf("%s: got %s %q, want %s with %q", name, code, says, tt.code, tt.says)
		}
		if u.ID != "" || u.Transaction != nil {
			t.Errorf("%s: has id %q, transaction %s", name, u.ID, u.Transaction)
		}
	}
}

// utf16Of writes a text of the Basic Multilingual Plane in UTF-16, with the little or the big end first.
func utf16Of(text string, little bool) string {
	var b []byte
	for _, r := range text {
		if little {
			b = binary.LittleEndian.AppendUint16(b, uint16(r))
		} else {
			b = binary.BigEndian.AppendUint16(b, uint16(r))
		}
	}
	return string(b)
}

// TestExistsAskedSparingly proves that nobody's files are looked for when the form is clear, or the text too long.
func TestExistsAskedSparingly(t *testing.T) {
	long := wrapped(base64Of(photo()), 9999, "") + strings.Repeat("A", 5000)
	for payload, want := range map[string]int{
		`{"path": "/media/a"}`: 0, "./a": 0, "/media/a.jpg": 0, string(photo()): 0, "data:;base64,QQ==": 0, long: 0,
		"two\nlines": 0, "a\x00b": 0, "door.jpg": 0, "door": 1, "/media/door": 1, "file:///a": 0,
	} {
		asked := 0
		_, _ = ParseUpload([]byte(payload), "home", func(string) bool { asked++; return true })
		if asked != want {
			t.Errorf("%.30q: asked %d times, want %d", payload, asked, want)
		}
	}
}

func TestFileName(t *testing.T) {
	at := time.Date(2026, 11, 22, 21, 5, 7, 0, time.FixedZone("CET", 3600))
	for _, tt := range []struct {
		file UploadFile
		want string
	}{
		{UploadFile{Path: "/media/cam/door.jpg", Name: "Front door.jpg"}, "Front door.jpg"},
		{UploadFile{Path: "/media/cam/door.jpg"}, "door.jpg"},
		{UploadFile{Path: "./door"}, "door.jpg"},
		{UploadFile{Path: "/m/door.jpg", Name: "Front door 12.30"}, "Front door 12.30.jpg"},
		{UploadFile{Path: "/m/door.jpg", Name: strings.Repeat("😀", 255)}, strings.Repeat("😀", 255)},
		{UploadFile{Path: "/m/door.jpg", Name: strings.Repeat("😀", 251)}, strings.Repeat("😀", 251) + ".jpg"},
		{UploadFile{Data: Data{raw: []byte("x"), size: 1}, Name: "St. Mary"}, "St. Mary.jpg"},
		{UploadFile{Path: "/m/" + strings.Repeat("ä", 300) + ".jpg"}, strings.Repeat("ä", 251) + ".jpg"},
		{UploadFile{Data: Data{raw: []byte("x"), size: 1}}, "home-20261122T200507Z.jpg"},
	} {
		if got := tt.file.FileName("home", at, "image/jpeg"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestDataPointsIntoPayload proves that content is not copied.
func TestDataPointsIntoPayload(t *testing.T) {
	payload := photo()
	u, err := ParseUpload(payload, "home", nil)
	if err != nil {
		t.Fatal(err)
	}
	payload[40] ^= 0xff
	got, err := io.ReadAll(u.Files[0].Data.Open())
	if err != nil || got[40] != payload[40] {
		t.Errorf("the data is a copy (%v)", err)
	}
}
