package mqttapi

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
)

// TestPayloadIsNotCopied parses 10 MB in every form that holds content, and reads of it, within a small part of its size.
func TestPayloadIsNotCopied(t *testing.T) {
	content := append(photo(), bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)...)
	b64 := base64Of(content)
	const roomToParse, roomToRead = 64 << 10, 64 << 10
	for name, payload := range map[string]string{
		"bytes":           string(content),
		"base64":          b64,
		"base64 in lines": wrapped(b64, 76, "\r\n"),
		"data URI":        "data:image/jpeg;base64," + b64,
		"object":          `{"data": "` + b64 + `", "transaction": {"n": 1}}`,
		"object, escaped": `{"data": "data:image\/jpeg;base64,` + wrapped(b64, 76, `\n`) + `"}`,
		"buffer":          bufferOf(content),
		"buffer as data":  `{"data": ` + bufferOf(content) + `}`,
		"object in files": `{"files": [{"path": "/a"}, {"data": "` + b64 + `", "name": "x"}]}`,
	} {
		text := []byte(payload)
		var u Upload
		var err error
		if used := allocated(func() { u, err = ParseUpload(text, "home", nil) }); err != nil || used > roomToParse {
			t.Errorf("%s: parsed with %d bytes (%v)", name, used, err)
			continue
		}
		data := u.Files[len(u.Files)-1].Data
		const part = 1 << 20
		if used := allocated(func() { _, err = io.CopyN(onlyWriter{io.Discard}, data.Open(), part) }); err != nil || used > roomToRead {
			t.Errorf("%s: read with %d bytes (%v)", name, used, err)
		}
		if data.Len() != int64(len(content)) {
			t.Errorf("%s: has %d bytes, want %d", name, data.Len(), len(content))
		}
	}
}

// TestListingIsCutCheaply proves that the cost of a listing grows with what is kept, not with its square nor with what is
// left out.
func TestListingIsCutCheaply(t *testing.T) {
	listing := func(n int) Listing {
		items := make([]ListedItem, n)
		for i := range items {
			items[i] = ListedItem{About: About{ID: fmt.Sprintf("AF1Qip%0100d", i)}, BaseURL: fmt.Sprintf("https://lh3.googleusercontent.com/%0600d", i)}
		}
		return Listing{Items: items}
	}
	// The least of some runs: encoding/json has buffers of its own, which grow once.
	cost := func(l Listing) uint64 {
		least := uint64(math.MaxUint64)
		for range 5 {
			least = min(least, allocated(func() {
				if _, err := l.Encode(256 << 10); err != nil {
					t.Error(err)
				}
			}))
		}
		return least
	}
	small, large := cost(listing(250)), cost(listing(20_000))
	if large > 2*small {
		t.Errorf("250 items cost %d bytes, 20,000 cost %d", small, large)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// onlyWriter hides the shortcut of io.Discard.
type onlyWriter struct{ io.Writer }
