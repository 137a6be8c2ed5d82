package mqttapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gphotos2mqtt/photos/spec"
)

func TestRequests(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`"%d",`, 200), ",")
	ids := make([]any, 200)
	var want200 []string
	for i := range ids {
		ids[i] = i
		want200 = append(want200, fmt.Sprint(i))
	}
	for _, tt := range []struct {
		verb    Verb
		payload string
		want    any
	}{
		{VerbAlbums, ``, ListAlbums{}},
		{VerbAlbums, " \n", ListAlbums{}},
		{VerbAlbums, `{"page_size": 50, "page_token": "t"}`, ListAlbums{PageSize: 50, PageToken: "t"}},
		{VerbAlbums, `{"page_size": 5e1}`, ListAlbums{PageSize: 50}},
		{VerbAlbumCreate, `{"title": "Front door"}`, CreateAlbum{Title: "Front door"}},
		{VerbAlbumUpdate, `{"album": "a", "title": "b"}`, UpdateAlbum{Album: AlbumRef{Title: "a"}, Title: "b"}},
		{VerbAlbumUpdate, `{"album_id": "a", "title": "b", "cover_media_item_id": "c"}`, UpdateAlbum{Album: AlbumRef{ID: "a"}, Title: "b", CoverID: "c"}},
		{VerbAlbumUpdate, `{"album_id": "a", "cover_media_item_id": "c"}`, UpdateAlbum{Album: AlbumRef{ID: "a"}, CoverID: "c"}},
		{VerbAlbumAdd, `{"album": "a", "media_item_ids": ["x", "y"]}`, AddItems{Album: AlbumRef{Title: "a"}, IDs: []string{"x", "y"}}},
		{VerbAlbumAdd, fmt.Sprintf(`{"album": "a", "media_item_ids": [`+many+`]}`, ids...), AddItems{Album: AlbumRef{Title: "a"}, IDs: want200}},
		{VerbAlbumRemove, `{"album_id": "a", "media_item_ids": ["x"]}`, RemoveItems{Album: AlbumRef{ID: "a"}, IDs: []string{"x"}}},
		{VerbAlbumEnrich, `{"album": "a", "text": "Day 1\nAt home"}`, EnrichAlbum{Album: AlbumRef{Title: "a"}, Enrichment: spec.Enrichment{Text: "Day 1\nAt home"}}},
		{
			VerbAlbumEnrich, `{"album": "a", "location": {"name": "Home", "latitude": -33.5, "longitude": 180}, "position": "first"}`,
			EnrichAlbum{Album: AlbumRef{Title: "a"}, Enrichment: spec.Enrichment{Location: new(spot("Home", -33.5, 180)), Position: spec.Position{First: true}}},
		},
		{
			VerbAlbumEnrich, `{"album": "a", "map": {"origin": {"name": "A", "latitude": 0, "longitude": 0}, "destination": {"name": "B", "latitude": 1, "longitude": 2}}, "position": {"after_media_item_id": "x"}}`,
			EnrichAlbum{Album: AlbumRef{Title: "a"}, Enrichment: spec.Enrichment{Map: &spec.Route{Origin: spot("A", 0, 0), Destination: spot("B", 1, 2)}, Position: spec.Position{AfterItemID: "x"}}},
		},
		{VerbAlbumEnrich, `{"album": "a", "text": "t", "position": {"after_enrichment_id": "x"}}`, EnrichAlbum{Album: AlbumRef{Title: "a"}, Enrichment: spec.Enrichment{Text: "t", Position: spec.Position{AfterEnrichmentID: "x"}}}},
		{VerbAlbumEnrich, `{"album": "a", "text": "t", "position": "last"}`, EnrichAlbum{Album: AlbumRef{Title: "a"}, Enrichment: spec.Enrichment{Text: "t"}}},
		{VerbMedia, ``, ListMedia{}},
		{VerbMedia, `{"album": "a", "order": "newest", "page_size": 100}`, ListMedia{Album: AlbumRef{Title: "a"}, PageSize: 100}},
		{VerbMedia, `{"album_id": "a", "page_token": "t"}`, ListMedia{Album: AlbumRef{ID: "a"}, PageToken: "t"}},
		{VerbMedia, `{"filters": {}}`, ListMedia{Filters: &spec.Filters{}}},
		{
			VerbMedia, `{"filters": {"dates": ["2026-11-22", "2026-11", "2026", "0000-02-29"], "archived": true}, "order": "oldest"}`,
			ListMedia{Filters: &spec.Filters{Dates: []spec.Date{day(2026, 11, 22), day(2026, 11, 0), day(2026, 0, 0), day(0, 2, 29)}, Archived: true}, OldestFirst: true},
		},
		{
			VerbMedia, `{"filters": {"ranges": [{"start": "2026-01-31", "end": "2026-02-01"}, {"start": "2020", "end": "2020"}], "media_type": "video", "favorites": true, "categories": ["pets", "people"]}}`,
			ListMedia{Filters: &spec.Filters{
				Ranges: []spec.DateRange{{Start: day(2026, 1, 31), End: day(2026, 2, 1)}, {Start: day(2020, 0, 0), End: day(2020, 0, 0)}}, MediaType: "video", Favorites: true, Include: []string{"pets", "people"},
			}},
		},
		{VerbMedia, `{"filters": {"categories": {"include": ["pets"], "exclude": ["screenshots"]}}}`, ListMedia{Filters: &spec.Filters{Include: []string{"pets"}, Exclude: []string{"screenshots"}}}},
		{VerbMediaGet, `{"media_item_ids": ["x"]}`, GetMedia{IDs: []string{"x"}}},
		{VerbMediaGet, `{"media_item_ids": ["x"], "height": 2160}`, GetMedia{IDs: []string{"x"}, Size: spec.Size{Height: 2160}}},
		{VerbMediaGet, `{"media_item_ids": ["x"], "width": 256, "height": 256, "crop": true}`, GetMedia{IDs: []string{"x"}, Size: spec.Size{Width: 256, Height: 256, Crop: true}}},
		{VerbMediaUpdate, `{"media_item_id": "x", "description": ""}`, UpdateMedia{ID: "x"}},
		{VerbMediaUpdate, `{"media_item_id": "x", "description": "a\nb"}`, UpdateMedia{ID: "x", Description: "a\nb"}},
		{VerbMediaSave, `{"media_item_id": "x", "path": "file:///media/x%20y.jpg"}`, SaveMedia{ID: "x", Path: "/media/x y.jpg"}},
		{VerbRefresh, ``, Refresh{}},
		{VerbRefresh, `{}`, Refresh{}},
		{VerbLink, ``, StartLink{}},
		{VerbLinkFinish, `{"url": "http://localhost:8099/oauth/callback?state=s&code=c"}`, FinishLink{Address: "http://localhost:8099/oauth/callback?state=s&code=c"}},
		{VerbLinkFinish, "\nhttps://bridge.example/oauth/callback?state=s&code=4%2Fc\n", FinishLink{Address: "https://bridge.example/oauth/callback?state=s&code=4%2Fc"}},
		{VerbLinkFinish, `{"code": "4/c", "state": "s"}`, FinishLink{Code: "4/c", State: "s"}},
		{VerbUnlink, ``, Unlink{Revoke: true}},
		{VerbUnlink, `{"revoke": false}`, Unlink{}},
		{VerbJobs, `{}`, ListJobs{}},
		{VerbJobCancel, `{"job": "01JD"}`, CancelJob{Job: "01JD"}},
		{VerbJobRetry, `{"job": "01JD"}`, RetryJob{Job: "01JD"}},
	} {
		r, err := ParseRequest(tt.verb, []byte(tt.payload))
		if err != nil {
			t.Errorf("%s %.80s: %v", tt.verb, tt.payload, err)
			continue
		}
		if diff := cmp.Diff(Request{Verb: tt.verb, Params: tt.want}, r, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %.80s (-want +got):\n%s", tt.verb, tt.payload, diff)
		}
	}
}

func TestEveryVerb(t *testing.T) {
	if listed := constants[Verb](t, "request.go", "Verb"); len(verbs) != len(listed)-1 {
		t.Errorf("%d verbs are listed, upload among them, %d are read", len(listed), len(verbs))
	}
	for verb := range verbs {
		// Whatever else is missing: a typo is named, and id and transaction come back.
		r, err := ParseRequest(verb, []byte(`{"id": "i", "transaction": {"t": 1}, "typo": 1}`))
		if code, says := refusedWith(t, err); code != CodeBadPayload || !strings.Contains(says, `"typo" is an unknown key`) {
			t.Errorf("%s: got %s %q", verb, code, says)
		}
		if r.Verb != verb || r.ID != "i" || string(r.Transaction) != `{"t": 1}` || r.Params != nil {
			t.Errorf("%s: got %+v", verb, r)
		}
		for _, key := range keysOf(verb)[2:] {
			_, err := ParseRequest(verb, []byte(`{"`+key+`": [[]]}`))
			if code, _ := refusedWith(t, err); code != CodeBadPayload {
				t.Errorf("%s takes any %s", verb, key)
			}
		}
		for _, payload := range []string{"PRESS", `[]`, `"x"`, `{`, "\xff", "\x00"} {
			_, err := ParseRequest(verb, []byte(payload))
			if code, _ := refusedWith(t, err); code != CodeBadPayload {
				t.Errorf("%s %q: got %s", verb, payload, code)
			}
		}
	}
	if verbs[VerbUpload] != nil {
		t.Error("upload is no request")
	}
}

func TestUnknownVerb(t *testing.T) {
	for _, verb := range []Verb{"", "albumz", "album", "album/", VerbUpload, "a/b/c", Verb(strings.Repeat("x", 999)), "\x00"} {
		for payload, id := range map[string]string{``: "", `{"id": "i", "transaction": 1, "any": "thing"}`: "i"} {
			r, err := ParseRequest(verb, []byte(payload))
			if code, _ := refusedWith(t, err); code != CodeUnknownCommand || r.ID != id || (id != "") != (string(r.Transaction) == "1") {
				t.Errorf("%q: got %s, %+v", verb, code, r)
			}
		}
	}
}

func TestSecret(t *testing.T) {
	r, err := ParseRequest(VerbLinkFinish, []byte(`http://localhost/?code=4%2Fsecret`))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, r); strings.Contains(text, "4%2F") {
			t.Errorf("%s shows it: %s", format, text)
		}
	}
}

func day(year, month, day int) spec.Date { return spec.Date{Year: year, Month: month, Day: day} }

func spot(name string, latitude, longitude float64) spec.Place {
	return spec.Place{Name: name, Latitude: latitude, Longitude: longitude}
}
