package photos

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/photos/spec"
)

func TestCreateItemsOnTheWire(t *testing.T) {
	c := google(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"albumId":"al","newMediaItems":[` +
			`{"description":"Door","simpleMediaItem":{"uploadToken":"t1","fileName":"door.jpg"}},` +
			`{"simpleMediaItem":{"uploadToken":"t2"}}]}`
		if diff := cmp.Diff(want, string(body)); diff != "" || r.URL.Path != "/v1/mediaItems:batchCreate" {
			t.Errorf("%s %s", r.URL, diff)
		}
		if r.Header.Get("Content-Type") != "application/json" || r.ContentLength != int64(len(want)) {
			t.Errorf("got %v of %d bytes", r.Header, r.ContentLength)
		}
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = io.WriteString(w, `{"newMediaItemResults":[
			{"uploadToken":"t2","status":{"code":3,"message":"Failed: There was an error while trying to create this media item."}},
			{"uploadToken":"t1","status":{"message":"Success"},"mediaItem":`+photoJSON+`}]}`)
	})
	got, err := c.CreateItems(t.Context(), "al", []NewItem{{"t1", "door.jpg", "Door"}, {Token: "t2"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got[0].Err != nil || got[0].Item.ID != "AF1QipA" || got[0].Token != "t1" {
		t.Errorf("first: %+v", got[0])
	}
	if KindOf(got[1].Err) != Rejected || got[1].Token != "t2" {
		t.Errorf("second: %+v", got[1])
	}
}

func TestCreateItemsResults(t *testing.T) {
	const ok1 = `{"uploadToken":"t1","status":{"message":"OK"},"mediaItem":{"id":"i1"}}`
	tests := []struct {
		name, results string
		want          []any // what became of t1 and t2: an id or a Kind
	}{
		{"no status at all", ok1 + `,{"uploadToken":"t2","mediaItem":{"id":"i2"}}`, []any{"i1", "i2"}},
		{"same bytes", ok1 + `,{"uploadToken":"t2","status":{"code":6,"message":"Failed"}}`, []any{"i1", Duplicate}},
		{"Google's fault", ok1 + `,{"uploadToken":"t2","status":{"code":13}}`, []any{"i1", ItemFault}},
		{"quota in an item", ok1 + `,{"uploadToken":"t2","status":{"code":8,"message":"per day"}}`, []any{"i1", DailyQuota}},
		{"success without an id", ok1 + `,{"uploadToken":"t2","status":{"message":"Success"},"mediaItem":{}}`, []any{"i1", Transient}},
		{"success without an item", ok1 + `,{"uploadToken":"t2","status":{"message":"Success"}}`, []any{"i1", Transient}},
		{"one left out", ok1, []any{"i1", Transient}},
		{"foreign token", ok1 + `,{"uploadToken":"t9","mediaItem":{"id":"i9"}}`, []any{"i1", Transient}},
		{"tokens left out", `{"mediaItem":{"id":"i1"}},{"mediaItem":{"id":"i2"}}`, []any{"i1", "i2"}},
		{"tokens and one left out", `{"mediaItem":{"id":"i1"}}`, []any{Transient, Transient}},
		{"code and item", ok1 + `,{"uploadToken":"t2","status":{"code":3},"mediaItem":{"id":"i2"}}`, []any{"i1", Rejected}},
	}
	for _, test := range tests {
		c := google(t, says(200, `{"newMediaItemResults":[`+test.results+`]}`))
		got, err := c.CreateItems(t.Context(), "", []NewItem{{Token: "t1"}, {Token: "t2"}})
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: got %+v, %v", test.name, got, err)
		}
		for i, one := range got {
			var became any = one.Item.ID
			if one.Err != nil {
				became = KindOf(one.Err)
			}
			if became != test.want[i] {
				t.Errorf("%s: item %d became %v (%v), want %v", test.name, i, became, one.Err, test.want[i])
			}
			if became == Transient && !refusal(t, one.Err).Lost {
				t.Errorf("%s: item %d may exist, but is not lost", test.name, i)
			}
		}
	}
}

func TestCreateItemsChecksFirst(t *testing.T) {
	c := google(t, func(http.ResponseWriter, *http.Request) { t.Error("Google was asked") })
	many := make([]NewItem, spec.MaxBatch+1)
	for i := range many {
		many[i].Token = secret.Text(rune('a' + i))
	}
	for name, items := range map[string][]NewItem{
		"none": nil, "51": many, "no token": {{FileName: "a.jpg"}}, "twice": {{Token: "t"}, {Token: "u"}, {Token: "t"}},
	} {
		if _, err := c.CreateItems(t.Context(), "", items); KindOf(err) != Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if b, err := newBatch("", many[:spec.MaxBatch]); err != nil || len(b.Items) != spec.MaxBatch {
		t.Errorf("50 items: %v", err)
	}
}

// What is too long is refused, in code points, and nothing is cut.
func TestLongTextsAreRefused(t *testing.T) {
	name, description := strings.Repeat("👍", spec.MaxFileName-4)+".jpg", strings.Repeat("👍", spec.MaxDescription)
	b, err := newBatch("", []NewItem{{Token: "t", FileName: name, Description: description}})
	if err != nil || b.Items[0].Simple.FileName != name || b.Items[0].Description != description {
		t.Errorf("at the limits: %v", err)
	}
	for says, one := range map[string]NewItem{
		`item 1: "name" is too long; at most 255 characters`:        {Token: "t", FileName: "x" + name},
		`item 1: "description" is too long; at most 999 characters`: {Token: "t", Description: "x" + description},
	} {
		if _, err := newBatch("", []NewItem{one}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}
