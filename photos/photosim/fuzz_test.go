package photosim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzEXIF reads files that strangers wrote: whatever is found must be printable and in range.
func FuzzEXIF(f *testing.F) {
	f.Add(withEXIF(photo(1), "2024:02:29 23:59:58", "+01:00"))
	f.Add([]byte("\xFF\xD8\xFF\xE1\x00\x10Exif\x00\x00MM\x00*\x00\x00\x00\x08"))
	f.Add(photo(2))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := readEXIF(data)
		if !utf8.ValidString(e.make) || !utf8.ValidString(e.model) || len(e.make) > maxTextOfATag || e.exposure < 0 {
			t.Errorf("exif %+v", e)
		}
		if y := e.taken.Year(); y < 0 || y > 10000 {
			t.Errorf("taken %v", e.taken)
		}
		kindOf(data)
	})
}

// FuzzPageToken must take back what was given out and nothing else.
func FuzzPageToken(f *testing.F) {
	s := New(Config{})
	f.Cleanup(func() { s.Close() })
	f.Add("list", s.pageToken("list", cursor{1, 2}), int64(5), uint64(6))
	f.Add("", "C", int64(-1), ^uint64(0))
	f.Fuzz(func(t *testing.T, params, token string, at int64, seq uint64) {
		want := cursor{at, seq}
		if got, first, err := s.openPage(params, s.pageToken(params, want)); err != nil || first || got != want {
			t.Errorf("%v comes back as %v, %v", want, got, err)
		}
		if got, first, err := s.openPage(params+"x", token); err == nil && !first {
			t.Errorf("%q is a token for other parameters: %v", token, got)
		}
	})
}

// FuzzBaseURL must read nothing but its own addresses.
func FuzzBaseURL(f *testing.F) {
	s := New(Config{})
	f.Cleanup(func() { s.Close() })
	f.Add("AF1Qip", "d")
	f.Add("", "w10-h20-c")
	f.Fuzz(func(t *testing.T, text, options string) {
		text = text[:min(len(text), 200)] // as long as an id can be
		token := strings.TrimPrefix(s.baseURL(text, place{byHost: true}), "https://lh3.googleusercontent.com/lr/")
		if text != "" {
			if id, dead, ok := s.openCapability("base", token); id != text || dead || !ok {
				t.Errorf("%q comes back as %q", text, id)
			}
		}
		if _, _, ok := s.openCapability("base", text); ok {
			t.Errorf("%q is taken for an address", text)
		}
		if want, ok := readSuffix(options); ok && (want.width > maxSide || want.height > maxSide) {
			t.Errorf("suffix %q: %+v", options, want)
		}
	})
}

// FuzzUploadHeaders gives any header to both upload protocols.
func FuzzUploadHeaders(f *testing.F) {
	f.Add("raw", "image/jpeg", "a%20b.jpg", "sha1=2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
	f.Add("resumable", "x", "\x00", "sha1=,md5=x")
	f.Fuzz(func(t *testing.T, protocol, mediaType, fileName, hash string) {
		h := http.Header{}
		h.Set("X-Goog-Upload-Protocol", protocol)
		h.Set("X-Goog-Upload-Content-Type", mediaType)
		h.Set("X-Goog-Upload-File-Name", fileName)
		h.Set("X-Goog-Hash", hash)
		out, err := readUploadHeader(h)
		if err == nil && (!utf8.ValidString(out.fileName) || out.sha1 != nil && len(out.sha1) != 20) {
			t.Errorf("header %+v", out)
		}
	})
}

// FuzzFields parses any selection and applies it; what is selected is part of the answer.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"*", "a,b(c,d/e)", "a/b/c", "a(", "a)", "((", "mediaItems(id),mediaItems/filename", "*/a", strings.Repeat("a(", 50)} {
		f.Add(s)
	}
	page := itemPage{Items: []mediaItem{{ID: "1", FileName: "f"}}, Next: "n"}
	f.Fuzz(func(t *testing.T, text string) {
		mask, err := parseFields(text)
		if err != nil {
			return
		}
		out, err := json.Marshal(mask.apply(page))
		if err != nil {
			t.Fatal(err)
		}
		var back itemPage
		if err := json.Unmarshal(out, &back); err != nil || len(back.Items) > 1 || back.Next != "" && back.Next != "n" {
			t.Errorf("%q selects %s", text, out)
		}
	})
}

// FuzzDecodeBody gives any JSON to the largest request message.
func FuzzDecodeBody(f *testing.F) {
	f.Add([]byte(`{"albumId":"x","newMediaItems":[{"simpleMediaItem":{"uploadToken":"t"}}],"albumPosition":{}}`))
	f.Add([]byte(`{"newMediaItems":[null,{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var req batchCreate
		if decodeBody(http.Header{}, body, &req) == nil {
			_ = req.check()
		}
		var search searchBody
		if decodeBody(http.Header{}, body, &search) == nil {
			if keep, err := search.Filters.matcher(); err == nil {
				keep(&item{})
			}
		}
	})
}
