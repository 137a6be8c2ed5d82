package photosim

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// pages follows a listing to its end and returns the names on each page.
func (m *sim) pages(method, path, body string) [][]string {
	m.t.Helper()
	var out [][]string
	token := ""
	for range 1000 {
		var page struct {
			itemPage
			Albums []wireAlbum `json:"albums"`
		}
		if method == "GET" {
			m.call(method, path+"&pageToken="+token, "").decode(m.t, &page)
		} else {
			m.call(method, path, strings.TrimSuffix(body, "}")+`,"pageToken":"`+token+`"}`).decode(m.t, &page)
		}
		names := []string{}
		for _, i := range page.Items {
			names = append(names, i.FileName)
		}
		for _, a := range page.Albums {
			names = append(names, a.Title)
		}
		out = append(out, names)
		if token = page.Next; token == "" {
			return out
		}
	}
	m.t.Fatal("the listing does not end")
	return nil
}

func seeded(t *testing.T, seed Seed) *sim {
	t.Helper()
	m := newSim(t, Config{})
	if err := m.Seed(seed); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestListPages(t *testing.T) {
	m := seeded(t, Seed{Items: 7, Albums: 5, AlbumItems: 3})
	tests := []struct {
		method, path, body, want string
	}{
		{"GET", "/v1/mediaItems?pageSize=3", "", "[7 6 5] [4 3 2] [1]"},
		{"GET", "/v1/mediaItems?pageSize=7", "", "[7 6 5 4 3 2 1]"},
		{"GET", "/v1/mediaItems?", "", "[7 6 5 4 3 2 1]"},
		{"GET", "/v1/mediaItems?pageSize=500", "", "[7 6 5 4 3 2 1]"},
		{"GET", "/v1/albums?pageSize=2", "", "[Album 5 Album 4] [Album 3 Album 2] [Album 1]"},
		{"POST", "/v1/mediaItems:search", `{"pageSize":4}`, "[7 6 5 4] [3 2 1]"},
		{"POST", "/v1/mediaItems:search", `{"pageSize":2,"albumId":"` + m.Library()[0].Albums[1].ID + `"}`, "[4 5] [6]"},
	}
	for _, tt := range tests {
		got := fmt.Sprint(m.pages(tt.method, tt.path, tt.body))
		got = strings.NewReplacer("IMG_00000", "", ".jpg", "").Replace(got)
		if got != "["+tt.want+"]" {
			t.Errorf("%s %s %s: %s, want %s", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
}

func TestPageTokens(t *testing.T) {
	m := seeded(t, Seed{Items: 10, Albums: 3})
	var page itemPage
	m.call("GET", "/v1/mediaItems?pageSize=2", "").decode(t, &page)
	m.item(photo(1)) // newer than all: does not move the next page
	var second itemPage
	m.call("GET", "/v1/mediaItems?pageSize=2&pageToken="+page.Next, "").decode(t, &second)
	if second.Items[0].FileName != "IMG_000008.jpg" {
		t.Errorf("second page begins with %s", second.Items[0].FileName)
	}
	bad := "Request contains an invalid page token."
	damaged := []byte(page.Next)
	damaged[5] ^= 1
	for name, path := range map[string]string{
		"no token of ours":     "/v1/mediaItems?pageSize=2&pageToken=abc",
		"damaged":              "/v1/mediaItems?pageSize=2&pageToken=" + url.QueryEscape(string(damaged)),
		"another page size":    "/v1/mediaItems?pageSize=3&pageToken=" + page.Next,
		"of another listing":   "/v1/albums?pageSize=2&pageToken=" + page.Next,
		"not even of our kind": "/v1/albums?pageToken=%00",
	} {
		t.Run(name, func(t *testing.T) { checkError(t, m.call("GET", path, ""), 400, "INVALID_ARGUMENT", bad) })
	}
	checkError(t, m.call("POST", "/v1/mediaItems:search", `{"pageToken":"`+page.Next+`"}`), 400, "INVALID_ARGUMENT", bad)
	other := m.as(GrantRequest{})
	if r := other.call("GET", "/v1/mediaItems?pageSize=2&pageToken="+page.Next, ""); r.status != 200 {
		t.Errorf("the same person with a new access token: %d", r.status)
	}
}

func TestGetItem(t *testing.T) {
	m := newSim(t, Config{})
	id := m.item(photo(1))
	var i mediaItem
	m.call("GET", "/v1/mediaItems/"+id, "").decode(t, &i)
	if i.ID != id || !strings.HasPrefix(i.BaseURL, "https://lh3.googleusercontent.com/lr/") || i.Metadata.Width != 16 {
		t.Errorf("item %+v", i)
	}
	if r := m.call("GET", "/v1/mediaItems/"+id+"?prettyPrint=false", ""); !strings.Contains(r.body, `"width":"16","height":"12","photo":{}`) || strings.Contains(r.body, "description") {
		t.Errorf("%s is no proto3 JSON", r.body)
	}
	checkError(t, m.call("GET", "/v1/mediaItems/AF1QipUnknown", ""), 404, "NOT_FOUND", "")
	checkError(t, m.call("GET", "/v1/mediaItems/not%20an%20id", ""), 400, "INVALID_ARGUMENT", "Invalid media item ID.")
	if err := m.Delete(id); err != nil {
		t.Fatal(err)
	}
	checkError(t, m.call("GET", "/v1/mediaItems/"+id, ""), 404, "NOT_FOUND", "")
}

func TestBatchGet(t *testing.T) {
	m := newSim(t, Config{})
	a, b := m.item(photo(1)), m.item(photo(2))
	var out batchGetAnswer
	m.call("GET", "/v1/mediaItems:batchGet?mediaItemIds="+b+"&mediaItemIds=AF1QipNone&mediaItemIds=%21&mediaItemIds="+a, "").decode(t, &out)
	if len(out.Results) != 4 || out.Results[0].Item.ID != b || out.Results[3].Item.ID != a || out.Results[0].Status != nil ||
		out.Results[1].Status.Code != 5 || out.Results[2].Status.Code != 3 {
		t.Errorf("results %s", text(t, out))
	}
	many := strings.Repeat("&mediaItemIds="+a, 1)
	for n := range 50 {
		many += fmt.Sprintf("&mediaItemIds=x%d", n)
	}
	for name, query := range map[string]string{"none": "", "repeated": "mediaItemIds=" + a + "&mediaItemIds=" + a, "51": many[1:]} {
		t.Run(name, func(t *testing.T) {
			checkError(t, m.call("GET", "/v1/mediaItems:batchGet?"+query, ""), 400, "INVALID_ARGUMENT", "")
		})
	}
}

func TestPatchItem(t *testing.T) {
	m := newSim(t, Config{})
	id := m.item(photo(1))
	var i mediaItem
	m.call("PATCH", "/v1/mediaItems/"+id+"?updateMask=description", `{"description":"Grandma's <garden> & \"house\""}`).decode(t, &i)
	if i.Description != `Grandma's <garden> & "house"` || i.ID != id {
		t.Errorf("item %+v", i)
	}
	for name, tt := range map[string]struct{ path, body string }{
		"no mask":        {id, `{"description":"x"}`},
		"other field":    {id + "?updateMask=filename", `{"filename":"x"}`},
		"one too many":   {id + "?updateMask=description,filename", `{"description":"x"}`},
		"too long":       {id + "?updateMask=description", `{"description":"` + strings.Repeat("x", 1000) + `"}`},
		"unknown name":   {id + "?updateMask=description", `{"Description":"x"}`},
		"malformed id":   {"%2B?updateMask=description", `{"description":"x"}`},
		"unknown update": {id + "?updateMask=description&mask=1", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			checkError(t, m.call("PATCH", "/v1/mediaItems/"+tt.path, tt.body), 400, "INVALID_ARGUMENT", "")
		})
	}
	checkError(t, m.call("PATCH", "/v1/mediaItems/AF1QipNone?updateMask=description", `{"description":"x"}`), 404, "NOT_FOUND", "")
	m.call("PATCH", "/v1/mediaItems/"+id+"?updateMask=description", `{}`)
	if got := m.Library()[0].Items[0].Description; got != "" {
		t.Errorf("description %q, want it cleared", got)
	}
}

func TestFields(t *testing.T) {
	m := seeded(t, Seed{Items: 2})
	r := m.call("GET", "/v1/mediaItems?pageSize=1&fields=nextPageToken,mediaItems(filename,mediaMetadata/width)", "")
	var page map[string]any
	r.decode(t, &page)
	first := page["mediaItems"].([]any)[0]
	if len(page) != 2 || text(t, first) != `{"filename":"IMG_000002.jpg","mediaMetadata":{"width":"1600"}}` {
		t.Errorf("answer %s", r.body)
	}
}

func TestEmptyAndRepeatedPages(t *testing.T) {
	m := seeded(t, Seed{Items: 5, Albums: 3})
	for _, tt := range []struct{ route, method, path, body, want string }{
		{"mediaItems.list", "GET", "/v1/mediaItems?pageSize=2", "", "[] [5 4] [] [4 3] [2 1]"},
		{"mediaItems.search", "POST", "/v1/mediaItems:search", `{"pageSize":2}`, "[] [5 4] [] [4 3] [2 1]"},
		{"albums.list", "GET", "/v1/albums?pageSize=2", "", "[] [Album 3 Album 2] [] [Album 2 Album 1]"},
	} {
		err := m.Faults(Fault{Route: tt.route, Calls: Calls{1, 3}, Mode: Empty}, Fault{Route: tt.route, Calls: Calls{2}, Mode: Repeat})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.NewReplacer("IMG_00000", "", ".jpg", "").Replace(fmt.Sprint(m.pages(tt.method, tt.path, tt.body)))
		if got != "["+tt.want+"]" {
			t.Errorf("%s: %s, want %s", tt.route, got, tt.want)
		}
	}
}

func TestCaptureTimeOrdersItems(t *testing.T) {
	m := newSim(t, Config{})
	m.item(withEXIF(photo(1), "2020:05:06 07:08:09", "+02:00"))
	m.item(photo(2))
	m.item(withEXIF(photo(3), "2021:05:06 07:08:09", ""))
	var page itemPage
	m.call("GET", "/v1/mediaItems", "").decode(t, &page)
	var times []string
	for _, i := range page.Items[1:] {
		times = append(times, i.Metadata.Created)
	}
	if !slices.Equal(times, []string{"2021-05-06T07:08:09Z", "2020-05-06T05:08:09Z"}) {
		t.Errorf("capture times %v", times)
	}
	if at, err := time.Parse(time.RFC3339, page.Items[0].Metadata.Created); err != nil || time.Since(at) > time.Minute {
		t.Errorf("without a capture time: %s, want the time of the upload", page.Items[0].Metadata.Created)
	}
	if p := page.Items[2].Metadata.Photo; p.CameraMake != "Simco" || p.CameraModel != "One" || p.ISO != 50 || p.Aperture != 1.8 || p.Exposure != "0.008s" {
		t.Errorf("photo %+v", p)
	}
}
