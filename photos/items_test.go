package photos

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const photoJSON = `{"id":"AF1QipA","description":"Door","productUrl":"https://photos.google.com/lr/photo/AF1QipA",
	"baseUrl":"https://lh3.googleusercontent.com/lr/a","mimeType":"image/jpeg","filename":"door.jpg","contributorInfo":{},
	"mediaMetadata":{"creationTime":"2026-11-01T11:20:30+01:00","width":"4032","height":"3024",
	"photo":{"cameraMake":"Canon","cameraModel":"EOS R5","isoEquivalent":100,"exposureTime":"0.008s"}}}`

func TestItemsAreReadLeniently(t *testing.T) {
	tests := []struct {
		name, body string
		want       Item
	}{
		{"photo", photoJSON, Item{
			ID: "AF1QipA", Description: "Door", FileName: "door.jpg", MIMEType: "image/jpeg",
			ProductURL: "https://photos.google.com/lr/photo/AF1QipA", BaseURL: "https://lh3.googleusercontent.com/lr/a",
			Created: time.Date(2026, 11, 1, 10, 20, 30, 0, time.UTC), Width: 4032, Height: 3024, Camera: "Canon EOS R5",
		}},
		{
			"video", `{"id":"v","mimeType":"video/mp4","mediaMetadata":{"video":{"cameraMake":"Google","cameraModel":"Google Pixel 9","fps":29.97,"status":"PROCESSING"}}}`,
			Item{ID: "v", MIMEType: "video/mp4", Camera: "Google Pixel 9", Video: &Video{FPS: 29.97, Status: VideoProcessing}},
		},
		{"bare", `{"id":"b"}`, Item{ID: "b"}},
		{"numbers for strings", `{"id":"n","mediaMetadata":{"width":12,"height":null,"photo":{}}}`, Item{ID: "n", Width: 12}},
		{"nonsense", `{"id":"x","mediaMetadata":{"creationTime":"yesterday","width":"wide"}}`, Item{ID: "x"}},
	}
	for _, test := range tests {
		got, err := google(t, says(200, test.body)).Item(t.Context(), "x")
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", test.name, err, diff)
		}
	}
}

func TestItemMustBeOne(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `"x"`, ``, `{"id":""}`, `{"id":7}`} {
		if got, err := google(t, says(200, body)).Item(t.Context(), "x"); KindOf(err) != Transient {
			t.Errorf("%q: got %+v, %v", body, got, err)
		}
	}
	_, err := google(t, says(200, api(404, "NOT_FOUND", "no"))).Item(t.Context(), "x")
	if KindOf(err) != NotFound {
		t.Errorf("a refusal under status 200: got %v", err)
	}
}

func TestIDsAreEscaped(t *testing.T) {
	asked := ""
	c := google(t, func(w http.ResponseWriter, r *http.Request) { asked = r.URL.EscapedPath(); says(200, photoJSON)(w, r) })
	if _, err := c.Item(t.Context(), "a b%ü"); err != nil || asked != "/v1/mediaItems/a%20b%25%C3%BC" {
		t.Errorf("got %q, %v", asked, err)
	}
	for _, id := range []string{"", ".", "..", "a/b", "a?b", "a#b"} {
		asked = ""
		_, item := c.Item(t.Context(), id)
		_, album := c.Album(t.Context(), id)
		_, patch := c.UpdateDescription(t.Context(), id, "")
		for _, err := range []error{item, album, patch, c.AddItems(t.Context(), id, []string{"i"}), c.AddItems(t.Context(), "a", []string{id})} {
			if KindOf(err) != Invalid || asked != "" {
				t.Errorf("%q: got %v, asked %q", id, err, asked)
			}
		}
	}
}

func TestItemsOfManyIDs(t *testing.T) {
	tests := []struct {
		name, body string
		want       []any // what became of a, b, c: an id or a Kind
	}{
		{"all", `{"mediaItemResults":[{"mediaItem":{"id":"a"}},{"mediaItem":{"id":"b"}},{"mediaItem":{"id":"c"}}]}`, []any{"a", "b", "c"}},
		{"other order", `{"mediaItemResults":[{"mediaItem":{"id":"c"}},{"mediaItem":{"id":"a"}},{"mediaItem":{"id":"b"}}]}`, []any{"a", "b", "c"}},
		{"some refused", `{"mediaItemResults":[{"status":{"code":3,"message":"Invalid media item ID."}},{"mediaItem":{"id":"b"}},{"status":{"code":5}}]}`, []any{NotFound, "b", NotFound}},
		{"one left out", `{"mediaItemResults":[{"mediaItem":{"id":"a"}},{"mediaItem":{"id":"c"}}]}`, []any{"a", Transient, "c"}},
		{"none", `{}`, []any{Transient, Transient, Transient}},
	}
	for _, test := range tests {
		c := google(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RequestURI() != "/v1/mediaItems:batchGet?mediaItemIds=a&mediaItemIds=b&mediaItemIds=c" {
				t.Errorf("asked %s", r.URL)
			}
			says(200, test.body)(w, r)
		})
		got, err := c.Items(t.Context(), []string{"a", "b", "c"})
		if err != nil || len(got) != 3 {
			t.Fatalf("%s: got %+v, %v", test.name, got, err)
		}
		for i, one := range got {
			var became any = one.Item.ID
			if one.Err != nil {
				became = KindOf(one.Err)
			}
			if became != test.want[i] || one.ID != string(rune('a'+i)) {
				t.Errorf("%s: %s became %v, want %v", test.name, one.ID, became, test.want[i])
			}
		}
	}
}

func TestUpdateDescription(t *testing.T) {
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPatch || r.URL.RequestURI() != "/v1/mediaItems/x?updateMask=description" || len(body) != 1 || body["description"] != "" {
			t.Errorf("got %s %s %v", r.Method, r.URL, body)
		}
		_, _ = w.Write([]byte(photoJSON))
	})
	if got, err := c.UpdateDescription(t.Context(), "x", ""); err != nil || got.ID != "AF1QipA" {
		t.Errorf("got %+v, %v", got, err)
	}
}
