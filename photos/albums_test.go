package photos

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/photos/spec"
)

const albumJSON = `{"id":"al","title":"Front door","productUrl":"https://photos.google.com/lr/album/al","isWriteable":true,
	"mediaItemsCount":"17","coverPhotoBaseUrl":"https://lh3.googleusercontent.com/lr/c","coverPhotoMediaItemId":"AF1QipC","shareInfo":{}}`

func TestAlbumCallsOnTheWire(t *testing.T) {
	title, cover := "Back door", "AF1QipC"
	tests := []struct {
		name string
		call func(*Client) (any, error)
		want string // method, address, body
		body string // Google's
		give any
	}{
		{
			"get", func(c *Client) (any, error) { return c.Album(t.Context(), "al") }, "GET /v1/albums/al ", albumJSON,
			Album{ID: "al", Title: "Front door", ProductURL: "https://photos.google.com/lr/album/al", Writeable: true, Items: 17, CoverURL: "https://lh3.googleusercontent.com/lr/c", CoverItemID: "AF1QipC"},
		},
		{"create", func(c *Client) (any, error) { return c.CreateAlbum(t.Context(), "Garden") }, `POST /v1/albums {"album":{"title":"Garden"}}`, `{"id":"g","title":"Garden"}`, Album{ID: "g", Title: "Garden"}},
		{
			"rename", func(c *Client) (any, error) { return c.UpdateAlbum(t.Context(), "al", AlbumUpdate{Title: title}) },
			`PATCH /v1/albums/al?updateMask=title {"title":"Back door"}`, `{"id":"al","title":"Back door"}`,
			Album{ID: "al", Title: "Back door"},
		},
		{
			"both", func(c *Client) (any, error) { return c.UpdateAlbum(t.Context(), "al", AlbumUpdate{title, cover}) },
			`PATCH /v1/albums/al?updateMask=title%2CcoverPhotoMediaItemId {"coverPhotoMediaItemId":"AF1QipC","title":"Back door"}`, `{"id":"al"}`,
			Album{ID: "al"},
		},
		{"add", func(c *Client) (any, error) { return nil, c.AddItems(t.Context(), "al", []string{"x", "y"}) }, `POST /v1/albums/al:batchAddMediaItems {"mediaItemIds":["x","y"]}`, `{}`, nil},
		{"remove", func(c *Client) (any, error) { return nil, c.RemoveItems(t.Context(), "al", []string{"x"}) }, `POST /v1/albums/al:batchRemoveMediaItems {"mediaItemIds":["x"]}`, ``, nil},
		{
			"list", func(c *Client) (any, error) { return c.ListAlbums(t.Context(), 99, "p 2") }, "GET /v1/albums?pageSize=50&pageToken=p+2 ", `{"albums":[{"id":"a"},{}],"nextPageToken":"n"}`,
			AlbumPage{Albums: []Album{{ID: "a"}}, Next: "n"},
		},
		{"list none", func(c *Client) (any, error) { return c.ListAlbums(t.Context(), 0, "") }, "GET /v1/albums ", `{}`, AlbumPage{Albums: []Album{}}},
		{
			"text", func(c *Client) (any, error) {
				return c.AddEnrichment(t.Context(), "al", spec.Enrichment{Text: "Day 1"})
			},
			`POST /v1/albums/al:addEnrichment {"albumPosition":{"position":"LAST_IN_ALBUM"},"newEnrichmentItem":{"textEnrichment":{"text":"Day 1"}}}`, `{"enrichmentItem":{"id":"e"}}`, "e",
		},
		{
			"place", func(c *Client) (any, error) {
				return c.AddEnrichment(t.Context(), "al", spec.Enrichment{Location: &spec.Place{Name: "Null Island", Latitude: 0, Longitude: 0}, Position: spec.Position{First: true}})
			},
			`POST /v1/albums/al:addEnrichment {"albumPosition":{"position":"FIRST_IN_ALBUM"},"newEnrichmentItem":{"locationEnrichment":{"location":{"latlng":{"latitude":0,"longitude":0},"locationName":"Null Island"}}}}`,
			`{"enrichmentItem":{"id":"e"}}`, "e",
		},
		{
			"route", func(c *Client) (any, error) {
				return c.AddEnrichment(t.Context(), "al", spec.Enrichment{Map: &spec.Route{Origin: spec.Place{Name: "A", Latitude: 1, Longitude: 2}, Destination: spec.Place{Name: "B", Latitude: 3, Longitude: 4}}, Position: spec.Position{AfterItemID: "i"}})
			},
			`POST /v1/albums/al:addEnrichment {"albumPosition":{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"i"},"newEnrichmentItem":{"mapEnrichment":{"origin":{"latlng":{"latitude":1,"longitude":2},"locationName":"A"},"destination":{"latlng":{"latitude":3,"longitude":4},"locationName":"B"}}}}`,
			`{"enrichmentItem":{"id":"e"}}`, "e",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked := ""
			c := google(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked = r.Method + " " + r.URL.RequestURI() + " " + string(body)
				_, _ = io.WriteString(w, test.body)
			})
			got, err := test.call(c)
			if diff := cmp.Diff(test.give, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAlbumCallsCheckFirst(t *testing.T) {
	c := google(t, func(http.ResponseWriter, *http.Request) { t.Error("Google was asked") })
	long := strings.Repeat("x", spec.MaxTitle+1)
	many := strings.Split(strings.Repeat("x", spec.MaxBatch+1), "")
	for name, call := range map[string]func() error{
		"no title":       func() error { _, err := c.CreateAlbum(t.Context(), " "); return err },
		"long title":     func() error { _, err := c.CreateAlbum(t.Context(), long); return err },
		"nothing":        func() error { _, err := c.UpdateAlbum(t.Context(), "a", AlbumUpdate{}); return err },
		"long rename":    func() error { _, err := c.UpdateAlbum(t.Context(), "a", AlbumUpdate{Title: long}); return err },
		"no ids":         func() error { return c.AddItems(t.Context(), "a", nil) },
		"51 ids":         func() error { return c.RemoveItems(t.Context(), "a", many) },
		"twice":          func() error { return c.AddItems(t.Context(), "a", []string{"x", "y", "x"}) },
		"batchGet twice": func() error { _, err := c.Items(t.Context(), []string{"x", "x"}); return err },
		"page":           func() error { _, err := c.ListAlbums(t.Context(), -1, ""); return err },
		"no enrichment":  func() error { _, err := c.AddEnrichment(t.Context(), "a", spec.Enrichment{Text: " "}); return err },
		"two at once": func() error {
			_, err := c.AddEnrichment(t.Context(), "a", spec.Enrichment{Text: "x", Location: &spec.Place{Name: "y"}})
			return err
		},
		"off the map": func() error {
			_, err := c.AddEnrichment(t.Context(), "a", spec.Enrichment{Location: &spec.Place{Name: "x", Latitude: 91, Longitude: 0}})
			return err
		},
		"nameless": func() error {
			_, err := c.AddEnrichment(t.Context(), "a", spec.Enrichment{Map: &spec.Route{}})
			return err
		},
		"long description": func() error {
			_, err := c.UpdateDescription(t.Context(), "i", strings.Repeat("x", spec.MaxDescription+1))
			return err
		},
	} {
		if err := call(); KindOf(err) != Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnswersWithoutTheThing(t *testing.T) {
	c := google(t, says(200, `{}`))
	_, album := c.CreateAlbum(t.Context(), "x")
	_, enrichment := c.AddEnrichment(t.Context(), "a", spec.Enrichment{Text: "x"})
	for _, err := range []error{album, enrichment} {
		if e := refusal(t, err); e.Kind != Transient || !e.Lost {
			t.Errorf("got %v, lost %v", e, e.Lost)
		}
	}
}
