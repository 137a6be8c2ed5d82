package photosim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAlbumLife(t *testing.T) {
	m := newSim(t, Config{})
	r := m.call("POST", "/v1/albums", `{"album":{"title":"Ferien","id":"ignored","isWriteable":false}}`)
	var a wireAlbum
	r.decode(t, &a)
	want := wireAlbum{ID: a.ID, Title: "Ferien", ProductURL: "https://photos.google.com/lr/album/" + a.ID, Writeable: true}
	if diff := cmp.Diff(want, a); diff != "" || strings.Contains(r.body, "mediaItemsCount") {
		t.Errorf("new album %s (-want +got):\n%s", r.body, diff)
	}
	if again := m.album("Ferien"); again == a.ID {
		t.Error("the same title made no second album")
	}
	one, two := m.item(photo(1)), m.item(photo(2))
	add := m.call("POST", "/v1/albums/"+a.ID+":batchAddMediaItems", `{"mediaItemIds":["`+one+`","`+two+`"]}`)
	if add.status != 200 || add.body != "{}\n" {
		t.Errorf("add: %d %q", add.status, add.body)
	}
	get := m.call("GET", "/v1/albums/"+a.ID, "")
	get.decode(t, &a)
	if a.Items != 2 || a.CoverID != one || a.CoverURL == "" || !strings.Contains(get.body, `"mediaItemsCount": "2"`) {
		t.Errorf("album %s", get.body)
	}
	m.call("PATCH", "/v1/albums/"+a.ID+"?updateMask=title,coverPhotoMediaItemId", `{"title":"Urlaub","coverPhotoMediaItemId":"`+two+`"}`).decode(t, &a)
	if a.Title != "Urlaub" || a.CoverID != two {
		t.Errorf("patched %+v", a)
	}
	m.call("PATCH", "/v1/albums/"+a.ID+"?updateMask=title&updateMask=coverPhotoMediaItemId", `{"title":"U","coverPhotoMediaItemId":"`+one+`"}`).decode(t, &a)
	if a.Title != "U" || a.CoverID != one {
		t.Errorf("patched with the mask repeated %+v", a)
	}
	m.call("POST", "/v1/albums/"+a.ID+":batchRemoveMediaItems", `{"mediaItemIds":["`+one+`"]}`)
	m.call("GET", "/v1/albums/"+a.ID, "").decode(t, &a)
	if a.Items != 1 || a.CoverID != two {
		t.Errorf("after removing the cover %+v", a)
	}
	if r := m.call("GET", "/v1/mediaItems/"+one, ""); r.status != 200 {
		t.Errorf("a removed item left the library: %d", r.status)
	}
	if err := m.Delete(a.ID); err != nil {
		t.Fatal(err)
	}
	checkError(t, m.call("GET", "/v1/albums/"+a.ID, ""), 404, "NOT_FOUND", "")
	checkError(t, m.call("POST", "/v1/mediaItems:search", `{"albumId":"`+a.ID+`"}`), 404, "NOT_FOUND", "")
	readOnly := m.as(GrantRequest{Scopes: []string{scopeRead}})
	if r := readOnly.call("GET", "/v1/albums", ""); strings.Contains(r.body, "isWriteable") {
		t.Errorf("writeable without a scope to write: %s", r.body)
	}
}

func TestAlbumRefusals(t *testing.T) {
	m := newSim(t, Config{Clients: []Client{{ID: "c1", Secret: "s", Project: "1"}, {ID: "c2", Secret: "s", Project: "2"}}})
	other := m.as(GrantRequest{Client: "c2"})
	foreign, foreignItem := other.album("foreign"), other.item(photo(9))
	album, item := m.album("own"), m.item(photo(1))
	ids := func(n int) string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("AF1Qip%d", i)
		}
		return text(t, map[string]any{"mediaItemIds": out})
	}
	tests := []struct {
		name, method, path, body string
		status                   int
		message                  string
	}{
		{"create without album", "POST", "", `{}`, 400, "album"},
		{"create without title", "POST", "", `{"album":{}}`, 400, "title"},
		{"create with blanks", "POST", "", `{"album":{"title":"  "}}`, 400, "title"},
		{"title of 501", "POST", "", `{"album":{"title":"` + strings.Repeat("ü", 501) + `"}}`, 400, "500"},
		{"get unknown", "GET", "/AF1QipNone", "", 404, ""},
		{"get foreign", "GET", "/" + foreign, "", 404, ""},
		{"get malformed", "GET", "/%20", "", 400, ""},
		{"patch without mask", "PATCH", "/" + album, `{"title":"x"}`, 400, "update mask"},
		{"patch in snake case", "PATCH", "/" + album + "?updateMask=cover_photo_media_item_id", `{"coverPhotoMediaItemId":"x"}`, 400, "update mask"},
		{"patch to no title", "PATCH", "/" + album + "?updateMask=title", `{}`, 400, "title"},
		{"cover from elsewhere", "PATCH", "/" + album + "?updateMask=coverPhotoMediaItemId", `{"coverPhotoMediaItemId":"` + item + `"}`, 400, "cover"},
		{"patch foreign", "PATCH", "/" + foreign + "?updateMask=title", `{"title":"x"}`, 404, ""},
		{"add none", "POST", "/" + album + ":batchAddMediaItems", ids(0), 400, ""},
		{"add 51", "POST", "/" + album + ":batchAddMediaItems", ids(51), 400, ""},
		{"add twice", "POST", "/" + album + ":batchAddMediaItems", `{"mediaItemIds":["` + item + `","` + item + `"]}`, 400, "duplicate"},
		{"add unknown", "POST", "/" + album + ":batchAddMediaItems", `{"mediaItemIds":["` + item + `","AF1QipNone"]}`, 400, "Request contains an invalid media item id."},
		{"add foreign item", "POST", "/" + album + ":batchAddMediaItems", `{"mediaItemIds":["` + foreignItem + `"]}`, 400, "Request contains an invalid media item id."},
		{"add to foreign", "POST", "/" + foreign + ":batchAddMediaItems", `{"mediaItemIds":["` + item + `"]}`, 404, ""},
		{"remove what is not in it", "POST", "/" + album + ":batchRemoveMediaItems", `{"mediaItemIds":["` + item + `"]}`, 400, "Request contains an invalid media item id."},
		{"enrich with nothing", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{},"albumPosition":{}}`, 400, "exactly one"},
		{"enrich with two", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{"textEnrichment":{"text":"x"},"locationEnrichment":{}},"albumPosition":{}}`, 400, "exactly one"},
		{"enrich without position", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{"textEnrichment":{"text":"x"}}}`, 400, "position"},
		{"enrich with an empty text", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{"textEnrichment":{}},"albumPosition":{}}`, 400, "1 to 1000"},
		{"enrich outside the world", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{"locationEnrichment":{"location":{"locationName":"x","latlng":{"latitude":91}}}},"albumPosition":{}}`, 400, "latitude"},
		{"enrich with no place", "POST", "/" + album + ":addEnrichment", `{"newEnrichmentItem":{"mapEnrichment":{"origin":{"locationName":"x","latlng":{}}}},"albumPosition":{}}`, 400, "location"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := "INVALID_ARGUMENT"
			if tt.status == 404 {
				status = "NOT_FOUND"
			}
			checkError(t, m.call(tt.method, "/v1/albums"+tt.path, tt.body), tt.status, status, tt.message)
		})
	}
	if a := m.Library()[0].Albums; len(a) != 2 || len(a[0].Items) != 0 || len(a[1].Items) != 0 || len(a[1].Texts) != 0 {
		t.Errorf("refused calls changed something: %+v", a)
	}
}

func TestEnrichments(t *testing.T) {
	m := newSim(t, Config{})
	album := m.album("a")
	for _, body := range []string{
		`{"newEnrichmentItem":{"textEnrichment":{"text":"Tag 1"}},"albumPosition":{"position":"LAST_IN_ALBUM"}}`,
		`{"newEnrichmentItem":{"locationEnrichment":{"location":{"locationName":"Rom","latlng":{"latitude":41.9,"longitude":12.5}}}},"albumPosition":{}}`,
		`{"newEnrichmentItem":{"mapEnrichment":{"origin":{"locationName":"Rom","latlng":{"latitude":41.9}},"destination":{"locationName":"Ostia","latlng":{}}}},"albumPosition":{"position":"LAST_IN_ALBUM"}}`,
	} {
		if r := m.call("POST", "/v1/albums/"+album+":addEnrichment", body); r.status != 200 || !strings.HasPrefix(r.body, "{\n  \"enrichmentItem\": {\n    \"id\": \"") {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	if diff := cmp.Diff([]string{"Tag 1", "Rom", "Rom → Ostia"}, m.Library()[0].Albums[0].Texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := m.call("GET", "/v1/albums/"+album, ""); strings.Contains(r.body, "mediaItemsCount") {
		t.Errorf("enrichments count as items: %s", r.body)
	}
}

func TestFullAlbum(t *testing.T) {
	m := seeded(t, Seed{Items: maxAlbumItems + 1, Albums: 1, AlbumItems: maxAlbumItems})
	lib := m.Library()[0]
	album, in, out := lib.Albums[0].ID, lib.Items[0].ID, lib.Items[maxAlbumItems].ID
	checkError(t, m.call("POST", "/v1/albums/"+album+":batchAddMediaItems", `{"mediaItemIds":["`+out+`"]}`), 400, "INVALID_ARGUMENT", "maximum of 20000")
	if r := m.call("POST", "/v1/albums/"+album+":batchAddMediaItems", `{"mediaItemIds":["`+in+`"]}`); r.status != 200 {
		t.Errorf("an item that is in it already: %d %s", r.status, r.body)
	}
	body := `{"albumId":"` + album + `","newMediaItems":[{"simpleMediaItem":{"uploadToken":"` + m.upload(photo(1)) + `"}}]}`
	checkError(t, m.call("POST", "/v1/mediaItems:batchCreate", body), 400, "INVALID_ARGUMENT", "maximum of 20000")
}
