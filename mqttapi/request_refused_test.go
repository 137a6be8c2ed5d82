package mqttapi

import (
	"strings"
	"testing"

	"gphotos2mqtt/photos/spec"
)

func TestRequestsRefused(t *testing.T) {
	place := `{"name": "A", "latitude": 0, "longitude": 0}`
	filters := func(inside string) string { return `{"filters": {` + inside + `}}` }
	for _, tt := range []struct {
		verb          Verb
		payload, says string
	}{
		{VerbAlbums, `{"page_size": 0}`, `"page_size" must be from 1 to 50.`},
		{VerbAlbums, `{"page_size": 51}`, `"page_size" must be from 1 to 50.`},
		{VerbAlbums, `{"page_size": 2.5}`, `"page_size" must be a whole number, not the number 2.5.`},
		{VerbAlbums, `{"page_size": "5"}`, `"page_size" must be a whole number, not a string.`},
		{VerbAlbums, `{"page_size": 1e999}`, `"page_size" must be a whole number, not the number 1e999.`},
		{VerbAlbums, `{"page_token": ""}`, `"page_token" is empty.`},
		{VerbAlbumCreate, ``, `"title" is missing.`},
		{VerbAlbumCreate, `{"title": null}`, `"title" is missing.`},
		{VerbAlbumCreate, `{"title": ""}`, `"title" is empty.`},
		{VerbAlbumCreate, `{"title": "` + strings.Repeat("ä", 501) + `"}`, `"title" is too long; at most 500 characters`},
		{VerbAlbumUpdate, `{"title": "x"}`, `One of the keys album, album_id is missing.`},
		{VerbAlbumUpdate, `{"album": "x"}`, `One of the keys title, cover_media_item_id is missing.`},
		{VerbAlbumUpdate, `{"album": "x", "album_id": "y", "title": "z"}`, `"album" and "album_id" are both given`},
		{VerbAlbumAdd, `{"media_item_ids": ["x"]}`, `One of the keys album, album_id is missing.`},
		{VerbAlbumAdd, `{"album": "a"}`, `"media_item_ids" is missing.`},
		{VerbAlbumAdd, `{"album": "a", "media_item_ids": []}`, `"media_item_ids" is an empty array.`},
		{VerbAlbumAdd, `{"album": "a", "media_item_ids": "x"}`, `"media_item_ids" must be an array, not a string.`},
		{VerbAlbumAdd, `{"album": "a", "media_item_ids": ["x", 1]}`, `"media_item_ids[1]" must be a string, not the number 1.`},
		{VerbAlbumAdd, `{"album": "a", "media_item_ids": ["x", ""]}`, `"media_item_ids[1]" is empty.`},
		{VerbAlbumRemove, `{"album": "a", "media_item_ids": ["x", "y", "x"]}`, `"media_item_ids" has "x" twice.`},
		{VerbAlbumRemove, `{"album": "a", "media_item_ids": [` + strings.Repeat(`"x",`, spec.MaxAlbumItems) + `"x"]}`, `has 20001 elements; at most 20000`},
		{VerbAlbumEnrich, `{"album": "a"}`, `One of the keys text, location, map is missing.`},
		{VerbAlbumEnrich, `{"album": "a", "text": "x", "location": ` + place + `}`, `"text" and "location" are both given`},
		{VerbAlbumEnrich, `{"album": "a", "text": ""}`, `"text" is empty.`},
		{VerbAlbumEnrich, `{"album": "a", "location": "Home"}`, `"location" must be an object, not a string.`},
		{VerbAlbumEnrich, `{"album": "a", "location": {"name": "A", "latitude": 0}}`, `"location.longitude" is missing.`},
		{VerbAlbumEnrich, `{"album": "a", "location": {"name": "A", "latitude": 90.1, "longitude": 0}}`, `"location.latitude" must be from -90 to 90.`},
		{VerbAlbumEnrich, `{"album": "a", "location": {"name": "A", "latitude": 0, "longitude": -181}}`, `"location.longitude" must be from -180 to 180.`},
		{VerbAlbumEnrich, `{"album": "a", "location": {"name": "A", "lat": 0}}`, `"location.lat" is an unknown key; the keys known here are name, latitude, longitude.`},
		{VerbAlbumEnrich, `{"album": "a", "map": {"origin": ` + place + `}}`, `"map.destination" is missing.`},
		{VerbAlbumEnrich, `{"album": "a", "text": "x", "position": "middle"}`, `"position" is "middle"; possible are first, last.`},
		{VerbAlbumEnrich, `{"album": "a", "text": "x", "position": 1}`, `"position" must be an object, not the number 1.`},
		{VerbAlbumEnrich, `{"album": "a", "text": "x", "position": {}}`, `One of the keys position.after_media_item_id, position.after_enrichment_id is missing.`},
		{VerbMedia, `{"album": "a", "filters": {}}`, `"album" and "filters" are both given`},
		{VerbMedia, `{"page_size": 101}`, `"page_size" must be from 1 to 100.`},
		{VerbMedia, `{"order": "random"}`, `"order" is "random"; possible are newest, oldest.`},
		{VerbMedia, `{"order": "oldest"}`, `Google sorts only then.`},
		{VerbMedia, `{"order": "oldest", "album": "a"}`, `Google sorts only then.`},
		{VerbMedia, `{"order": "oldest", "filters": {"dates": ["2026"], "favorites": true}}`, `Google sorts only then.`},
		{VerbMedia, `{"filters": []}`, `"filters" must be an object, not an array.`},
		{VerbMedia, filters(`"date": ["2026"]`), `"filters.date" is an unknown key`},
		{VerbMedia, filters(`"dates": ["2026", "2025", "2024", "2023", "2022", "2021"]`), `"filters.dates" has 6 elements; at most 5`},
		{VerbMedia, filters(`"dates": ["22.11.2026"]`), `"filters.dates[0]" is "22.11.2026", no date`},
		{VerbMedia, filters(`"dates": ["2026-02-29"]`), `no date`},
		{VerbMedia, filters(`"dates": ["2026-13"]`), `no date`},
		{VerbMedia, filters(`"dates": ["2026-1-1"]`), `no date`},
		{VerbMedia, filters(`"dates": ["0000"]`), `no date`},
		{VerbMedia, filters(`"dates": ["0000-12"]`), `no date`},
		{VerbMedia, filters(`"dates": ["2026-11-22T"]`), `"filters.dates[0]" is too long; at most 10`},
		{VerbMedia, filters(`"dates": [2026]`), `"filters.dates[0]" must be a string, not the number 2026.`},
		{VerbMedia, filters(`"ranges": [{"start": "2026"}]`), `"filters.ranges[0].end" is missing.`},
		{VerbMedia, filters(`"ranges": ["2026"]`), `"filters.ranges[0]" must be an object, not a string.`},
		{VerbMedia, filters(`"ranges": [{"start": "2026-01-01", "end": "2026-02"}]`), `must be written in the same parts`},
		{VerbMedia, filters(`"ranges": [{"start": "2026-02-01", "end": "2026-01-31"}]`), `"filters.ranges[0].start" is after "filters.ranges[0].end".`},
		{VerbMedia, filters(`"media_type": "photos"`), `"filters.media_type" is "photos"; possible are all, photo, video.`},
		{VerbMedia, filters(`"media_type": ["photo"]`), `"filters.media_type" must be a string, not an array.`},
		{VerbMedia, filters(`"favorites": "yes"`), `"filters.favorites" must be true or false, not a string.`},
		{VerbMedia, filters(`"categories": ["PETS"]`), `"filters.categories" is "PETS"; possible are animals, arts,`},
		{VerbMedia, filters(`"categories": "pets"`), `"filters.categories" must be an array, not a string.`},
		{VerbMedia, filters(`"categories": {"include": ["pets"], "exclude": ["pets"]}`), `The category "pets" is both included and excluded.`},
		{VerbMedia, filters(`"categories": [` + strings.Repeat(`"pets",`, 10) + `"pets"]`), `at most 10`},
		{VerbMediaGet, ``, `"media_item_ids" is missing.`},
		{VerbMediaGet, `{"media_item_ids": ["x"], "width": 16384}`, `"width" must be from 1 to 16383.`},
		{VerbMediaGet, `{"media_item_ids": ["x"], "width": 9, "crop": true}`, `"crop" needs both "width" and "height".`},
		{VerbMediaUpdate, `{"media_item_id": "x"}`, `"description" is missing.`},
		{VerbMediaUpdate, `{"description": "x"}`, `"media_item_id" is missing.`},
		{VerbMediaUpdate, `{"media_item_id": "x", "description": "` + strings.Repeat("ä", 1000) + `"}`, `at most 999`},
		{VerbMediaSave, `{"media_item_id": "x"}`, `"path" is missing.`},
		{VerbMediaSave, `{"media_item_id": "x", "path": 7}`, `"path" must be a string, not the number 7.`},
		{VerbMediaSave, `{"media_item_id": "x", "path": "a\u0000b"}`, `control character`},
		{VerbLinkFinish, ``, `"url" is missing: paste the whole address`},
		{VerbLinkFinish, `{"code": "c"}`, `"state" is missing.`},
		{VerbLinkFinish, `{"state": "s"}`, `"url" is missing`},
		{VerbLinkFinish, `{"url": "http://a", "code": "c"}`, `"url" and "code" are both given`},
		{VerbLinkFinish, `{"url": "http://a", "state": "c"}`, `"url" and "state" are both given`},
		{VerbLinkFinish, `http://localhost/` + strings.Repeat("x", MaxAddress), `The address has 4113 bytes; at most 4096`},
		{VerbLinkFinish, `please`, `The payload of a request is a JSON object, or empty.`},
		{VerbUnlink, `{"revoke": 1}`, `"revoke" must be true or false, not the number 1.`},
		{VerbJobCancel, ``, `"job" is missing.`},
		{VerbJobRetry, `{"job": "` + strings.Repeat("x", 65) + `"}`, `"job" is too long; at most 64`},
	} {
		r, err := ParseRequest(tt.verb, []byte(tt.payload))
		code, says := refusedWith(t, err)
		if code != CodeBadPayload || !strings.Contains(says, tt.says) {
			t.Errorf("%s %.90s:\n got %s %q\nwant %s %q", tt.verb, tt.payload, code, says, CodeBadPayload, tt.says)
		}
		if r.Params != nil {
			t.Errorf("%s %.90s: has params", tt.verb, tt.payload)
		}
	}
}
