package photos

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/photos/spec"
)

func TestSearchOnTheWire(t *testing.T) {
	tests := []struct {
		search Search
		want   string
	}{
		{Search{}, `{}`},
		{Search{AlbumID: "al", PageSize: 500, PageToken: "p"}, `{"albumId":"al","pageSize":100,"pageToken":"p"}`},
		{
			Search{Filters: &spec.Filters{MediaType: "photo", Favorites: true, Archived: true}},
			`{"filters":{"featureFilter":{"includedFeatures":["FAVORITES"]},"includeArchivedMedia":true,"mediaTypeFilter":{"mediaTypes":["PHOTO"]}}}`,
		},
		{
			Search{OldestFirst: true, Filters: &spec.Filters{Dates: []spec.Date{{Year: 2026}}}},
			`{"filters":{"dateFilter":{"dates":[{"year":2026}]}},"orderBy":"MediaMetadata.creation_time"}`,
		},
	}
	for _, test := range tests {
		c := google(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if diff := cmp.Diff(test.want, string(body)); diff != "" || r.URL.Path != "/v1/mediaItems:search" || r.Method != http.MethodPost {
				t.Errorf("%s %s\n%s", r.Method, r.URL, diff)
			}
			_, _ = io.WriteString(w, `{"mediaItems":[{"id":"a"}],"nextPageToken":"n"}`)
		})
		page, err := c.SearchItems(t.Context(), test.search)
		if diff := cmp.Diff(ItemPage{Items: []Item{{ID: "a"}}, Next: "n"}, page); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

func TestSearchChecksFirst(t *testing.T) {
	c := google(t, func(http.ResponseWriter, *http.Request) { t.Error("Google was asked") })
	days := []spec.Date{{Year: 2026}}
	for name, s := range map[string]Search{
		"album and filters": {AlbumID: "a", Filters: &spec.Filters{Archived: true}},
		"page":              {PageSize: -1},
		"order alone":       {OldestFirst: true},
		"order of an album": {AlbumID: "a", OldestFirst: true},
		"order and type":    {OldestFirst: true, Filters: &spec.Filters{Dates: days, MediaType: "photo"}},
		"6 dates":           {Filters: &spec.Filters{Dates: make([]spec.Date, 6)}},
		"6 ranges":          {Filters: &spec.Filters{Ranges: make([]spec.DateRange, 6)}},
		"empty date":        {Filters: &spec.Filters{Dates: make([]spec.Date, 1)}},
		"month 13":          {Filters: &spec.Filters{Ranges: []spec.DateRange{{Start: spec.Date{Year: 2026, Month: 1, Day: 1}, End: spec.Date{Year: 2026, Month: 13, Day: 1}}}}},
		"11 categories":     {Filters: &spec.Filters{Exclude: make([]string, 11)}},
		"no media type":     {Filters: &spec.Filters{MediaType: "PHOTOS"}},
	} {
		if _, err := c.SearchItems(t.Context(), s); KindOf(err) != Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// pages serves a listing: page tokens are the names of the pages.
func pages(t *testing.T, list map[string]string) *Client {
	t.Helper()
	return google(t, func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("pageToken")
		if r.URL.Query().Get("pageSize") == "" {
			t.Error("a page of Google's default size costs more requests than needed")
		}
		body, ok := list[token]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			body = api(http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid page token.")
		}
		_, _ = io.WriteString(w, body)
	})
}

func TestListingsAreFollowed(t *testing.T) {
	endless := map[string]string{"": `{"nextPageToken":"1"}`}
	for i := range 100 {
		endless[fmt.Sprint(i)] = fmt.Sprintf(`{"nextPageToken":"%d"}`, i+1)
	}
	tests := []struct {
		name  string
		pages map[string]string
		want  string // ids in order
		err   Kind
	}{
		{"none", map[string]string{"": `{}`}, "", 0},
		{"two pages", map[string]string{"": `{"THINGS":[{"id":"a"},{"id":"b"}],"nextPageToken":"2"}`, "2": `{"THINGS":[{"id":"c"}]}`}, "abc", 0},
		{"repeat at the edge", map[string]string{"": `{"THINGS":[{"id":"a"},{"id":"b"}],"nextPageToken":"2"}`, "2": `{"THINGS":[{"id":"b"},{"id":"c"}]}`}, "abc", 0},
		{"repeat in a page", map[string]string{"": `{"THINGS":[{"id":"a"},{"id":"a"}]}`}, "a", 0},
		{"empty page goes on", map[string]string{"": `{"THINGS":[{"id":"a"}],"nextPageToken":"2"}`, "2": `{"nextPageToken":"3"}`, "3": `{"THINGS":[{"id":"a"},{"id":"b"}]}`}, "ab", 0},
		{"fails later", map[string]string{"": `{"THINGS":[{"id":"a"}],"nextPageToken":"gone"}`}, "a", Invalid},
		{"in a circle", map[string]string{"": `{"nextPageToken":"1"}`, "1": `{"nextPageToken":"1"}`}, "", Transient},
		{"without end", endless, "", Transient},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list := map[string]string{}
			for token, body := range test.pages {
				list[token] = strings.NewReplacer("THINGS", "albums").Replace(body)
			}
			got, kind := "", Kind(0)
			for album, err := range pages(t, list).AllAlbums(t.Context()) {
				got += album.ID
				kind = KindOf(err)
			}
			if got != test.want || kind != test.err {
				t.Errorf("albums: got %q, %v; want %q, %v", got, kind, test.want, test.err)
			}
		})
	}
}

func TestListingStopsWhenAsked(t *testing.T) {
	c := pages(t, map[string]string{"": `{"albums":[{"id":"a"},{"id":"b"}],"nextPageToken":"never asked for"}`})
	for album, err := range c.AllAlbums(t.Context()) {
		if album.ID != "a" || err != nil {
			t.Errorf("got %v, %v", album, err)
		}
		break
	}
}
