package mqttapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gphotos2mqtt/photos/spec"
)

// cutDocument is what is the same in all documents that can be cut.
type cutDocument struct {
	Count     int               `json:"count"`
	Truncated bool              `json:"truncated"`
	Albums    []json.RawMessage `json:"albums"`
	Items     []json.RawMessage `json:"items"`
	Jobs      []json.RawMessage `json:"jobs"`
}

// TestCut proves for every document with a list that it keeps to its limit, holds the first elements, as many as fit, and
// tells what is missing.
func TestCut(t *testing.T) {
	const n = 40
	var albums AlbumList
	var listing Listing
	var media MediaData
	var got GotData
	var jobs JobsData
	for i := range n {
		album, item := album, picture
		album.ID, item.ID = fmt.Sprintf("id%02d", i), fmt.Sprintf("id%02d", i)
		albums.Albums, listing.Items = append(albums.Albums, album), append(listing.Items, listed(item)...)
		media.Items = append(media.Items, item)
		got.Items = append(got.Items, GotItem{ID: item.ID, Item: &item})
		jobs.Jobs = append(jobs.Jobs, Job{Job: item.ID, Transaction: json.RawMessage(`{"a": 1}`)})
	}
	respond := func(data any) func(int) ([]byte, error) {
		return Response{Data: data, Transaction: json.RawMessage(`"x"`)}.Encode
	}
	for name, encode := range map[string]func(int) ([]byte, error){
		"album list": albums.Encode, "listing": listing.Encode,
		"albums": respond(AlbumsData{Albums: albums.Albums}), "media": respond(media),
		"got": respond(got), "jobs": respond(jobs),
	} {
		whole, err := encode(0)
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		for limit := 250; limit <= len(whole); limit += min(211, max(1, len(whole)-limit)) {
			text, err := encode(limit)
			if err != nil {
				t.Fatal(err)
			}
			d := cutOf(t, text)
			kept := append(append(d.Albums, d.Items...), d.Jobs...)
			if len(kept) < last || d.Truncated != (len(kept) < n) {
				t.Fatalf("%s, %d bytes: %d are kept, truncated is %v", name, limit, len(kept), d.Truncated)
			}
			if len(text) > limit && (len(kept) > 0 || limit > 400) {
				t.Fatalf("%s, %d bytes: has %d", name, limit, len(text))
			}
			for i, element := range kept {
				if !strings.Contains(string(element), fmt.Sprintf(`"id%02d"`, i)) {
					t.Fatalf("%s, %d bytes: element %d is %s", name, limit, i, element)
				}
			}
			if strings.Contains(name, "list") && d.Count != n {
				t.Fatalf("%s, %d bytes: count is %d", name, limit, d.Count)
			}
			if unused := limit - len(text); len(kept) < n && unused > len(whole)/n+1 {
				t.Fatalf("%s, %d bytes: %d are not used", name, limit, unused)
			}
			last = len(kept)
		}
		if last != n {
			t.Errorf("%s: %d are kept when all fit", name, last)
		}
	}
	if text, _ := (AlbumList{Count: 500, Albums: albums.Albums}).Encode(0); cutOf(t, text).Count != 500 {
		t.Errorf("the count is lost: %s", text)
	}
}

// TestListingOfRealLengths proves that the longest listing, with ids and base URLs as long as Google's, fits into the default limit whole.
func TestListingOfRealLengths(t *testing.T) {
	l := Listing{Sizes: sizes, Items: listed(slices.Repeat([]Item{picture}, 500)...)}
	for i := range l.Items {
		item := &l.Items[i]
		item.ID = strings.Repeat("i", 102)
		item.ProductURL, item.BaseURL = "https://photos.google.com/lr/photo/"+item.ID, "https://lh3.googleusercontent.com/lr/"+strings.Repeat("b", 834)
	}
	text, err := l.Encode(1_000_000)
	if d := cutOf(t, text); err != nil || d.Truncated || len(d.Items) != 500 {
		t.Errorf("%d items in %d bytes, %v", len(d.Items), len(text), err)
	}
}

// TestResultIsCut proves that the longest result keeps to 256 KiB without losing a file.
func TestResultIsCut(t *testing.T) {
	r := Result{Status: StatusPartial, Transaction: json.RawMessage(`"` + strings.Repeat("x", MaxTransaction-2) + `"`)}
	for i := range MaxFiles {
		r.Items = append(r.Items, ResultItem{
			Path: fmt.Sprintf("/%s/%02d.jpg", strings.Repeat("ä€", MaxPath/5-5), i), Name: strings.Repeat("ä", spec.MaxFileName),
			Status: StatusFailed, MediaItemID: strings.Repeat("x", 200), Error: NewError(CodeUnsupportedType),
		})
	}
	whole, err := r.Encode(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ limit, items int }{{len(whole), MaxFiles}, {256 << 10, MaxFiles}, {40 << 10, 21}} {
		text, err := r.Encode(tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		d := cutOf(t, text)
		if len(text) > tt.limit || len(d.Items) != tt.items || d.Truncated != (tt.items < MaxFiles) || !utf8.Valid(text) {
			t.Errorf("%d bytes: has %d with %d items, truncated %v", tt.limit, len(text), len(d.Items), d.Truncated)
		}
		var first ResultItem
		if err := json.Unmarshal(d.Items[0], &first); err != nil {
			t.Fatal(err)
		}
		if want := tt.limit == len(whole); (first.Path == r.Items[0].Path) != want || !strings.HasSuffix(first.Path, "/00.jpg") {
			t.Errorf("%d bytes: the path is %q", tt.limit, first.Path)
		}
	}
	if len(r.Items[0].Path) < 4000 {
		t.Error("the caller's result was changed")
	}
}

func cutOf(t *testing.T, text []byte) (d cutDocument) {
	t.Helper()
	var message struct{ Data json.RawMessage }
	if err := json.Unmarshal(text, &message); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if message.Data != nil {
		text = message.Data
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}
