package photosim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (a batchCreateAnswer) codes() []int {
	out := make([]int, 0, len(a.Results))
	for _, r := range a.Results {
		out = append(out, r.Status.Code)
	}
	return out
}

func TestCreateRefusals(t *testing.T) {
	m := newSim(t, Config{Clients: []Client{{ID: "c1", Secret: "s", Project: "1"}, {ID: "c2", Secret: "s", Project: "2"}}})
	own, foreign := m.album("own"), m.as(GrantRequest{Client: "c2"}).album("of another project")
	item := func(token string) string {
		return `{"simpleMediaItem":{"uploadToken":"` + token + `"}}`
	}
	token := m.upload(photo(1))
	good := item(token)
	tests := []struct {
		name, body, message string
	}{
		{"nothing", ``, "at least one"},
		{"no items", `{"newMediaItems":[]}`, "at least one"},
		{"51 items", `{"newMediaItems":[` + strings.Repeat(good+",", 50) + good + `]}`, "Request must have less than 50 items."},
		{"no simple item", `{"newMediaItems":[{}]}`, "Request must contain a valid upload token."},
		{"empty token", `{"newMediaItems":[` + good + "," + item("") + `]}`, "Request must contain a valid upload token."},
		{"garbage token", `{"newMediaItems":[` + good + "," + item("garbage") + `]}`, "Request must contain a valid upload token."},
		{"half a token", `{"newMediaItems":[` + item(token[:len(token)-1]) + `]}`, "Request must contain a valid upload token."},
		{"unknown album", `{"albumId":"AF1Qipx","newMediaItems":[` + good + `]}`, "The provided ID does not match any albums"},
		{"foreign album", `{"albumId":"` + foreign + `","newMediaItems":[` + good + `]}`, "No permission to add media items to this album."},
		{"position without album", `{"albumPosition":{"position":"FIRST_IN_ALBUM"},"newMediaItems":[` + good + `]}`, "album id"},
		{"unknown position", `{"albumId":"` + own + `","albumPosition":{"position":"SECOND"},"newMediaItems":[` + good + `]}`, "position"},
		{"relative to nothing", `{"albumId":"` + own + `","albumPosition":{"position":"AFTER_MEDIA_ITEM"},"newMediaItems":[` + good + `]}`, "position"},
		{"relative to an item elsewhere", `{"albumId":"` + own + `","albumPosition":{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"x"},"newMediaItems":[` + good + `]}`, "not in the album"},
		{"description of 1000", `{"newMediaItems":[{"description":"` + strings.Repeat("ä", 1000) + `","simpleMediaItem":{"uploadToken":"` + token + `"}}]}`, "Description"},
		{"file name of 256", `{"newMediaItems":[{"simpleMediaItem":{"uploadToken":"` + token + `","fileName":"` + strings.Repeat("n", 256) + `"}}]}`, "File name"},
		{"unknown name", `{"newMediaItems":[{"simpleMediaItem":{"uploadToken":"t","filename":"x"}}]}`, `Unknown name "filename" at 'newMediaItems[0].simpleMediaItem'`},
		{"wrong case", `{"NewMediaItems":[]}`, `Unknown name "NewMediaItems"`},
		{"no JSON", `{"newMediaItems":`, "Invalid JSON payload received."},
		{"wrong shape", `{"newMediaItems":{}}`, "Invalid value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkError(t, m.call("POST", "/v1/mediaItems:batchCreate", tt.body), 400, "INVALID_ARGUMENT", tt.message)
		})
	}
	r := m.call("POST", "/v1/mediaItems:batchCreate", `{}`, "Content-Type", "application/x-www-form-urlencoded")
	checkError(t, r, 400, "INVALID_ARGUMENT", "content type")
	if n := len(m.Library()[0].Items); n != 0 {
		t.Errorf("refused calls created %d items", n)
	}
}

func TestCreateResults(t *testing.T) {
	m := newSim(t, Config{Accounts: []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f"}}})
	foreign := m.as(GrantRequest{Account: "2"}).upload(photo(9))
	text := m.upload([]byte("text that calls itself a photo"))
	damaged := m.upload(photo(4)[:20])
	a, b, same := m.upload(photo(1)), m.upload(photo(2)), m.upload(photo(1))

	status, out := m.create("", a, b)
	if status != 200 || !slices.Equal(out.codes(), []int{0, 0}) {
		t.Fatalf("all good: %d %v", status, out.codes())
	}
	first := out.Results[0]
	want := newItemResult{UploadToken: a, Status: rpcStatus{Message: "Success"}, Item: &mediaItem{
		ID: first.Item.ID, ProductURL: "https://photos.google.com/lr/photo/" + first.Item.ID, MIMEType: "image/jpeg", FileName: "fa.jpg",
		Metadata: mediaMetadata{Created: first.Item.Metadata.Created, Width: 16, Height: 12, Photo: &photoMeta{}},
	}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	status, out = m.create("", text, damaged, secret(tokenStart, tokenBytes), foreign)
	if status != 200 || !slices.Equal(out.codes(), []int{3, 3, 3, 3}) || out.Results[0].Status.Message != failedItem {
		t.Errorf("all bad: %d %v, want a 200 with codes 3", status, out.codes())
	}
	status, out = m.create("", text, same)
	if status != http.StatusMultiStatus || !slices.Equal(out.codes(), []int{3, 0}) {
		t.Errorf("mixed: %d %v, want 207", status, out.codes())
	}
	if out.Results[1].Item.ID != first.Item.ID || out.Results[1].Item.FileName != "fa.jpg" {
		t.Errorf("same bytes: %+v, want the first item with the first name", out.Results[1].Item)
	}
	if _, out = m.create("", a); out.Results[0].Item.ID != first.Item.ID {
		t.Error("a token used again made another item")
	}
	if n := len(m.Library()[0].Items); n != 2 {
		t.Errorf("%d items, want 2", n)
	}
}

// TestSnakeCaseNames sends what Home Assistant's client library sends.
func TestSnakeCaseNames(t *testing.T) {
	m := newSim(t, Config{})
	body := `{"newMediaItems":[{"simple_media_item":{"upload_token":"` + m.upload(photo(1)) + `","file_name":"a_b.jpg"}}]}`
	if r := m.call("POST", "/v1/mediaItems:batchCreate", body); r.status != 200 || m.Library()[0].Items[0].FileName != "a_b.jpg" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestEqualFilesInOneRequest(t *testing.T) {
	m := newSim(t, Config{})
	a, same, b := m.upload(photo(1)), m.upload(photo(1)), m.upload(photo(2))
	if status, out := m.create("", a, same, b, b); status != 207 || !slices.Equal(out.codes(), []int{0, 6, 0, 6}) {
		t.Errorf("%d %v", status, out.codes())
	}
	if status, out := m.create("", same); status != 200 || out.Results[0].Status.Code != 0 {
		t.Errorf("in a later request: %d %v", status, out.codes())
	}
	if n := len(m.Library()[0].Items); n != 2 {
		t.Errorf("%d items, want 2", n)
	}
}

func TestFiftyItems(t *testing.T) {
	m := newSim(t, Config{})
	var tokens []string
	for n := range 50 {
		tokens = append(tokens, m.upload(photo(n)))
	}
	if status, out := m.create("", tokens...); status != 200 || len(out.Results) != 50 {
		t.Errorf("%d, %d results", status, len(out.Results))
	}
	if s := m.Stats(); !slices.Equal(s.BatchSizes, []int{50}) || s.Routes["uploads.raw"].Requests != 50 {
		t.Errorf("stats %+v", s)
	}
}

// TestAnotherProjectSeesTheSharedItem: equal bytes are one item per user, visible to every project that uploaded them.
func TestAnotherProjectSeesTheSharedItem(t *testing.T) {
	m := newSim(t, Config{Clients: []Client{{ID: "c1", Secret: "s", Project: "1"}, {ID: "c2", Secret: "s", Project: "2"}}})
	other := m.as(GrantRequest{Client: "c2"})
	id := m.item(photo(1))
	if r := other.call("GET", "/v1/mediaItems/"+id, ""); r.status != 404 {
		t.Errorf("another project's item: %d", r.status)
	}
	if status, out := other.create("", m.upload(photo(2))); status != 200 || out.Results[0].Status.Code != 3 {
		t.Errorf("another project's upload token: %d %v", status, out.codes())
	}
	if got := other.item(photo(1)); got != id {
		t.Errorf("id %s, want %s", got, id)
	}
	if r := other.call("GET", "/v1/mediaItems/"+id, ""); r.status != 200 {
		t.Errorf("after its own upload: %d", r.status)
	}
}

func TestStorageFull(t *testing.T) {
	m := newSim(t, Config{})
	token := m.upload(photo(1))
	if err := m.SetStorageFull(DefaultAccountEmail, true); err != nil {
		t.Fatal(err)
	}
	body := `{"newMediaItems":[{"simpleMediaItem":{"uploadToken":"` + token + `"}}]}`
	checkError(t, m.call("POST", "/v1/mediaItems:batchCreate", body), 400, "INVALID_ARGUMENT",
		"The remaining storage in the user's account is not enough to perform this operation")
	if err := m.SetStorageFull("", false); err != nil {
		t.Fatal(err)
	}
	if status, out := m.create("", token); status != 200 || out.Results[0].Status.Code != 0 {
		t.Errorf("with room again: %d %v", status, out.codes())
	}
	if m.SetStorageFull("nobody", true) == nil {
		t.Error("an unknown account was accepted")
	}
}

func TestAlbumPositions(t *testing.T) {
	m := newSim(t, Config{})
	album := m.album("a")
	add := func(n int, position string) string {
		t.Helper()
		body := fmt.Sprintf(`{"albumId":%q,"albumPosition":%s,"newMediaItems":[{"simpleMediaItem":{"uploadToken":%q,"fileName":"%d"}}]}`,
			album, position, m.upload(photo(n)), n)
		var out batchCreateAnswer
		m.call("POST", "/v1/mediaItems:batchCreate", body).decode(t, &out)
		return out.Results[0].Item.ID
	}
	one := add(1, `{"position":"LAST_IN_ALBUM"}`)
	add(2, `{"position":"FIRST_IN_ALBUM"}`)
	add(3, `{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"`+one+`"}`)
	var e struct {
		Item struct {
			ID string `json:"id"`
		} `json:"enrichmentItem"`
	}
	m.call("POST", "/v1/albums/"+album+":addEnrichment",
		`{"newEnrichmentItem":{"textEnrichment":{"text":"day one"}},"albumPosition":{"position":"FIRST_IN_ALBUM"}}`).decode(t, &e)
	add(4, `{"position":"AFTER_ENRICHMENT_ITEM","relativeEnrichmentItemId":"`+e.Item.ID+`"}`)
	add(1, `{"position":"FIRST_IN_ALBUM"}`) // is in the album already: stays where it is
	var page itemPage
	m.call("POST", "/v1/mediaItems:search", `{"albumId":"`+album+`"}`).decode(t, &page)
	var names []string
	for _, i := range page.Items {
		names = append(names, i.FileName)
	}
	if got := strings.Join(names, " "); got != "4 2 1 3" {
		t.Errorf("order %s", got)
	}
}

func TestVideoProcessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{VideoProcessing: 10 * time.Second})
		data := []byte("\x00\x00\x00\x18ftypmp42 and so on")
		id := m.item(data)
		get := func() mediaItem {
			var i mediaItem
			m.call("GET", "/v1/mediaItems/"+id, "").decode(t, &i)
			return i
		}
		i := get()
		if i.MIMEType != "video/mp4" || i.Metadata.Photo != nil || i.Metadata.Video.Status != "PROCESSING" {
			t.Errorf("new video %+v", i)
		}
		if r := m.call("GET", i.BaseURL+"=dv", ""); r.status != 404 {
			t.Errorf("bytes of a video that is processed: %d", r.status)
		}
		time.Sleep(10 * time.Second)
		if got := get().Metadata.Video.Status; got != "READY" {
			t.Errorf("status %s", got)
		}
		if r := m.call("GET", m.videoOf(i.BaseURL), ""); r.status != 200 || r.body != string(data) || r.header.Get("Content-Type") != "video/mp4" {
			t.Errorf("bytes: %d %v", r.status, r.header)
		}
		if err := m.ChangeItem(ItemChange{ID: id, VideoStatus: new("FAILED")}); err != nil || get().Metadata.Video.Status != "FAILED" {
			t.Errorf("set to FAILED: %v, %s", err, get().Metadata.Video.Status)
		}
	})
}
