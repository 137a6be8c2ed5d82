package photosim

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (m *sim) control(name, body string) reply {
	m.t.Helper()
	method := "POST"
	if name == "stats" || name == "library" {
		method = "GET"
	}
	return m.call(method, "https://any.example/_sim/"+name, body, "Authorization", "")
}

// TestControlOverHTTP walks through the control API as a test in another language would.
func TestControlOverHTTP(t *testing.T) {
	m := newSim(t, Config{})
	var g Grant
	m.control("grant", `{"scopes":["`+scopeAppend+`","`+scopeRead+`"]}`).decode(t, &g)
	m.token = g.AccessToken
	if g.Scope != scopeAppend+" "+scopeRead || g.RefreshToken == "" || time.Until(g.Expiry) < time.Hour-2*time.Second {
		t.Errorf("grant %+v", g)
	}
	id := m.item([]byte("\x00\x00\x00\x14ftypqt  film"))
	m.album("a")
	m.control("item", `{"id":"`+id+`","favorite":true,"archived":true,"categories":["PETS"],"video_status":"FAILED"}`)
	var lib []AccountLibrary
	m.control("library", "").decode(t, &lib)
	i := lib[0].Items[0]
	if !i.Favorite || !i.Archived || i.VideoStatus != "FAILED" || i.Bytes != 16 || len(i.SHA256) != 64 || len(lib[0].Albums) != 1 {
		t.Errorf("library %+v", lib[0])
	}
	m.control("faults", `[{"route":"albums.list","calls":[1],"mode":"refuse","status":500,"body":"{}","headers":{"X-A":"b"}},
		{"route":"albums.list","calls":"every","probability":0.5,"seed":3,"mode":"stall","after":4,"for":"1ms"},
		{"route":"mediaItems.batchCreate","item_code":13,"items":[0]}]`)
	if r := m.call("GET", "/v1/albums", ""); r.status != 500 || r.header.Get("X-A") != "b" {
		t.Errorf("fault: %d %v", r.status, r.header)
	}
	m.control("faults", `[]`)
	m.control("latency", `{"albums.list":"1ms","mediaItems.batchCreate":{"base":"2ms","per_item":"3ms"}}`)
	if diff := cmp.Diff(map[string]Delay{
		"albums.list": {Base: time.Millisecond}, "mediaItems.batchCreate": {Base: 2 * time.Millisecond, PerItem: 3 * time.Millisecond},
	}, m.delays); diff != "" {
		t.Errorf("latency (-want +got):\n%s", diff)
	}
	m.control("seed", `{"items":3,"albums":2,"album_items":2,"every":"24h","newest":"2024-03-01T00:00:00Z"}`)
	m.control("library", "").decode(t, &lib)
	if l := lib[0]; len(l.Items) != 4 || len(l.Albums) != 3 || !l.Items[3].Created.Equal(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)) ||
		!l.Items[2].Created.Equal(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("seeded %+v", l)
	}
}

// TestControlEnds deletes, fills up, expires, revokes and resets over HTTP.
func TestControlEnds(t *testing.T) {
	m := newSim(t, Config{})
	id := m.item(photo(1))
	m.album("a")
	m.set(Fault{Route: "albums.list", Calls: Calls{1}, Mode: Refuse})
	m.call("GET", "/v1/albums", "")
	lib := m.Library()
	m.control("delete", `{"id":"`+id+`"}`)
	m.control("delete", `{"id":"`+lib[0].Albums[0].ID+`"}`)
	if l := m.Library()[0]; len(l.Items)+len(l.Albums) != 0 {
		t.Errorf("after deleting both: %+v", l)
	}
	m.control("storage", `{"full":true}`)
	body := `{"newMediaItems":[{"simpleMediaItem":{"uploadToken":"` + secret(tokenStart, tokenBytes) + `"}}]}`
	if r := m.call("POST", "/v1/mediaItems:batchCreate", body); !strings.Contains(r.body, "storage") {
		t.Errorf("storage: %s", r.body)
	}
	var stats Stats
	m.control("stats", "").decode(t, &stats)
	if diff := cmp.Diff(m.Stats(), stats); diff != "" || stats.Faults != 1 || stats.Routes["uploads.raw"].BytesIn != int64(len(photo(1))) {
		t.Errorf("stats %+v (-want +got):\n%s", stats, diff)
	}
	m.control("expire", `{"what":["upload_tokens","sessions","base_urls","access_tokens","refresh_tokens"]}`)
	if r := m.call("GET", "/v1/albums", ""); r.status != 401 {
		t.Errorf("expired access token: %d", r.status)
	}
	m.token = m.grant(GrantRequest{}).AccessToken
	m.control("reset", `{"keep_tokens":true}`)
	if r := m.call("GET", "/v1/albums", ""); r.status != 200 || r.body != "{}\n" {
		t.Errorf("after a reset that keeps tokens: %d %s", r.status, r.body)
	}
	if r := m.control("revoke", `{"token":"`+m.token+`"}`); r.body != "{\"revoked\":true}\n" {
		t.Errorf("revoke: %s", r.body)
	}
	m.token = m.grant(GrantRequest{}).AccessToken
	m.control("reset", "")
	if r := m.call("GET", "/v1/albums", ""); r.status != 401 {
		t.Errorf("after a reset: %d", r.status)
	}
}

func TestControlMistakes(t *testing.T) {
	m := newSim(t, Config{})
	photoID := m.item(photo(1))
	for _, tt := range [][2]string{
		{"grant", `{"account":"nobody"}`},
		{"grant", `{"client":"none"}`},
		{"grant", `{"scopes":["all"]}`},
		{"grant", `{"unknown":1}`},
		{"grant", `{`},
		{"revoke", `[]`},
		{"seed", `{"items":-1}`},
		{"seed", `{"items":1000001}`},
		{"seed", `{"album_items":20001}`},
		{"seed", `{"account":"nobody"}`},
		{"seed", `{"every":5}`},
		{"seed", `{"every":"-5s"}`},
		{"item", `{"id":"none"}`},
		{"item", `{"id":"` + photoID + `","video_status":"READY"}`},
		{"item", `{"id":"` + photoID + `","categories":["CATS"]}`},
		{"item", `{"id":1}`},
		{"delete", `{"id":"none"}`},
		{"delete", `{"ids":[]}`},
		{"storage", `{"account":"nobody"}`},
		{"storage", `{"full":1}`},
		{"expire", `{"what":["everything"]}`},
		{"expire", `{"what":1}`},
		{"faults", `[{"route":"*","mode":"explode"}]`},
		{"faults", `[{"route":"*","mode":"refuse","calls":"some"}]`},
		{"faults", `{}`},
		{"latency", `{"*":"soon"}`},
		{"latency", `{"*":{"base":1}}`},
		{"latency", `[]`},
		{"latency", `{"uploads":"1s"}`},
		{"faults", `[{"route":"uploads","mode":"refuse"}]`},
		{"uplink", `{"bytes_per_second":-1}`},
		{"uplink", `{"rate":1}`},
		{"reset", `{"everything":true}`},
		{"reset", strings.Repeat(" ", maxBody+1)},
	} {
		r := m.control(tt[0], tt[1])
		var e map[string]string
		r.decode(t, &e)
		if r.status != 400 || e["error"] == "" {
			t.Errorf("%s %.60s: %d %s", tt[0], tt[1], r.status, r.body)
		}
	}
	if r := m.control("clock", ""); r.status != 404 {
		t.Errorf("unknown control: %d", r.status)
	}
	if r := m.call("GET", "https://any.example/_sim/reset", ""); r.status != 404 {
		t.Errorf("GET reset: %d", r.status)
	}
}

func TestExpire(t *testing.T) {
	m := newSim(t, Config{})
	g := m.grant(GrantRequest{})
	session, token := m.startSession(10), m.upload(photo(1))
	if err := m.Expire(Sessions, UploadTokens, RefreshTokens); err != nil {
		t.Fatal(err)
	}
	if r := m.chunk(session, "query", 0, nil); r.status != 404 {
		t.Errorf("session: %d", r.status)
	}
	if _, out := m.create("", token); out.Results[0].Status.Code != 3 {
		t.Errorf("upload token: %+v", out)
	}
	checkTokenError(t, m.exchange("grant_type", "refresh_token", "refresh_token", g.RefreshToken), 400, "invalid_grant", "Token has been expired or revoked.")
}

// TestLargeLibrary fills a library with a hundred thousand items and looks at both of its ends.
func TestLargeLibrary(t *testing.T) {
	m := seeded(t, Seed{Items: 100_000, Albums: 500, AlbumItems: 200, Newest: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)})
	var page itemPage
	m.call("GET", "/v1/mediaItems?pageSize=100", "").decode(t, &page)
	if len(page.Items) != 100 || page.Items[99].FileName != "IMG_099901.jpg" || page.Next == "" {
		t.Errorf("first page of %d ends with %s", len(page.Items), page.Items[len(page.Items)-1].FileName)
	}
	oldest := `{"pageSize":100,"filters":{"dateFilter":{"dates":[{"year":2024,"month":10,"day":23}]}}}`
	if pages := m.pages("POST", "/v1/mediaItems:search", oldest); len(pages) < 3 || !slices.Contains(pages[len(pages)-1], "IMG_000001.jpg") {
		t.Errorf("pages of the oldest day: %v", pages)
	}
	if got := m.pages("GET", "/v1/albums?pageSize=50", ""); len(got) != 10 {
		t.Errorf("%d pages of albums", len(got))
	}
	if err := m.Seed(Seed{Items: 1, Newest: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if got := m.months(`{"filters":{"dateFilter":{"dates":[{"year":1970}]}}}`); got != "1970-01" {
		t.Errorf("a search that finds one: %q", got)
	}
}

func TestResetWhileUploading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		m.Latency(map[string]Delay{"*": {Base: time.Minute}})
		done := make(chan reply)
		go func() { done <- m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`) }()
		time.Sleep(time.Second)
		m.ResetLibrary()
		if r := m.call("POST", "/v1/albums", `{"album":{"title":"b"}}`); r.status != 200 {
			t.Errorf("a writer after the reset: %d", r.status)
		}
		if r := <-done; r.status != 200 {
			t.Errorf("the writer before: %d", r.status)
		}
		if s := m.Stats(); s.Current != 0 || s.Writes.Current != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}
