package spec

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	home := Place{"Home", -33.5, 180}
	oldestFirst := func(f *Filters) checked { return f.CheckOldestFirst }
	text := func(name, text string, most int) checked {
		return func() error { return CheckText(name, text, most) }
	}
	for name, tt := range map[string]struct {
		check checked
		says  string // "" for what Google takes
	}{
		"no filters":        {Filters{}.Check, ""},
		"dates":             {Filters{Dates: []Date{{2026, 11, 22}, {2026, 11, 0}, {2026, 0, 0}, {0, 2, 29}, {0, 12, 0}}}.Check, ""},
		"ranges":            {Filters{Ranges: []DateRange{{Date{2026, 1, 31}, Date{2026, 2, 1}}, {Date{2020, 0, 0}, Date{2020, 0, 0}}}}.Check, ""},
		"words":             {Filters{MediaType: "photo", Include: []string{"pets"}, Exclude: []string{"people"}, Favorites: true}.Check, ""},
		"6 dates":           {Filters{Dates: make([]Date, 6)}.Check, `"filters.dates" has 6 elements; at most 5 are possible.`},
		"6 ranges":          {Filters{Ranges: make([]DateRange, 6)}.Check, `"filters.ranges" has 6 elements; at most 5 are possible.`},
		"no date":           {Filters{Dates: make([]Date, 1)}.Check, `"filters.dates[0]" is 0000-00-00, no date.`},
		"day alone":         {Filters{Dates: []Date{{2026, 0, 1}}}.Check, `"filters.dates[0]" is 2026-00-01, no date.`},
		"negative year":     {Filters{Dates: []Date{{-1, 0, 0}}}.Check, `no date.`},
		"year 10000":        {Filters{Dates: []Date{{10000, 0, 0}}}.Check, `no date.`},
		"30 February":       {Filters{Dates: []Date{{2026, 1, 1}, {0, 2, 30}}}.Check, `"filters.dates[1]" is 0000-02-30, no date.`},
		"month 13":          {Filters{Ranges: []DateRange{{Date{2026, 1, 1}, Date{2026, 13, 1}}}}.Check, `"filters.ranges[0].end" is 2026-13-01, no date.`},
		"other parts":       {Filters{Ranges: []DateRange{{Date{2026, 1, 1}, Date{2026, 2, 0}}}}.Check, `"filters.ranges[0].start" must be written in the same parts as "filters.ranges[0].end": both with a day,`},
		"backwards":         {Filters{Ranges: []DateRange{{Date{2026, 2, 1}, Date{2026, 1, 31}}}}.Check, `"filters.ranges[0].start" is after "filters.ranges[0].end".`},
		"media type":        {Filters{MediaType: "photos"}.Check, `"filters.media_type" is "photos"; possible are all, photo, video.`},
		"category":          {Filters{Include: []string{"PETS"}}.Check, `"filters.categories" is "PETS"; possible are animals, arts,`},
		"11 categories":     {Filters{Exclude: strings.Split(strings.Repeat("pets ", 11), " ")[:11]}.Check, `"filters.categories" has 11 elements; at most 10 are possible.`},
		"in and out":        {Filters{Include: []string{"pets"}, Exclude: []string{"pets"}}.Check, `The category "pets" is both included and excluded.`},
		"order of dates":    {oldestFirst(&Filters{Dates: []Date{{2026, 0, 0}}, MediaType: "all", Archived: true}), ""},
		"order of all":      {oldestFirst(nil), `Google sorts only then.`},
		"order of no dates": {oldestFirst(&Filters{Archived: true}), `Google sorts only then.`},
		"order of a type":   {oldestFirst(&Filters{Dates: []Date{{2026, 0, 0}}, MediaType: "photo"}), `Google sorts only then.`},

		"text":          {Enrichment{Text: "Day 1"}.Check, ""},
		"place":         {Enrichment{Location: &home}.Check, ""},
		"no enrichment": {Enrichment{}.Check, `0 of "filters.text", "filters.location" and "filters.map" are given; exactly one of them is possible.`},
		"two at once":   {Enrichment{Text: "x", Location: &home}.Check, `2 of "filters.text"`},
		"blank text":    {Enrichment{Text: " "}.Check, `"filters.text" is empty.`},
		"off the map":   {Enrichment{Location: &Place{"x", 90.1, 0}}.Check, `"filters.location.latitude" must be from -90 to 90.`},
		"nowhere":       {Enrichment{Location: &Place{"x", 0, math.NaN()}}.Check, `"filters.location.longitude" must be from -180 to 180.`},
		"nameless":      {Enrichment{Map: &Route{home, Place{}}}.Check, `"filters.map.destination.name" is empty.`},

		"size":            {Size{640, 0, false}.Check, ""},
		"too wide":        {Size{16384, 1, false}.Check, `"filters.width" must be from 1 to 16383.`},
		"negative height": {Size{1, -1, false}.Check, `"filters.height" must be from 1 to 16383.`},
		"crop to a line":  {Size{9, 0, true}.Check, `"filters.crop" needs both "filters.width" and "filters.height".`},

		"title":       {text("title", strings.Repeat("👍", 500), MaxTitle), ""},
		"blank title": {text("title", " ", MaxTitle), `"filters.title" is empty.`},
		"long title":  {text("title", strings.Repeat("👍", 501), MaxTitle), `"filters.title" is too long; at most 500 characters are possible.`},
	} {
		says := ""
		if err := tt.check(); err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%s: %T", name, err)
			}
			says = e.Within("filters.")
			if want := strings.ReplaceAll(says, "filters.", ""); e.Error() != want {
				t.Errorf("%s: got %q, want %q", name, e, want)
			}
		}
		if tt.says == "" && says != "" || !strings.Contains(says, tt.says) {
			t.Errorf("%s: got %q, want %q", name, says, tt.says)
		}
	}
}

type checked = func() error

func TestGooglesForm(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{Filters{}, `{}`},
		{
			Filters{
				Dates: []Date{{0, 12, 24}}, Ranges: []DateRange{{Date{2026, 1, 1}, Date{2026, 11, 22}}},
				MediaType: "photo", Include: []string{"pets"}, Exclude: []string{"receipts"}, Favorites: true, Archived: true,
			},
			`{"contentFilter":{"excludedContentCategories":["RECEIPTS"],"includedContentCategories":["PETS"]},` +
				`"dateFilter":{"dates":[{"month":12,"day":24}],"ranges":[{"startDate":{"year":2026,"month":1,"day":1},"endDate":{"year":2026,"month":11,"day":22}}]},` +
				`"featureFilter":{"includedFeatures":["FAVORITES"]},"includeArchivedMedia":true,"mediaTypeFilter":{"mediaTypes":["PHOTO"]}}`,
		},
		{Filters{MediaType: "all"}, `{}`},
		{Position{}, `{"position":"LAST_IN_ALBUM"}`},
		{Position{First: true}, `{"position":"FIRST_IN_ALBUM"}`},
		{Position{AfterItemID: "i"}, `{"position":"AFTER_MEDIA_ITEM","relativeMediaItemId":"i"}`},
		{Position{AfterEnrichmentID: "e"}, `{"position":"AFTER_ENRICHMENT_ITEM","relativeEnrichmentItemId":"e"}`},
	} {
		if got, err := json.Marshal(tt.value); string(got) != tt.want || err != nil {
			t.Errorf("%+v:\n got %s %v\nwant %s", tt.value, got, err, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Cut("abc", 3), "abc"},
		{Cut(strings.Repeat("👍", 1000), MaxDescription), strings.Repeat("👍", 999)},
		{CutName(strings.Repeat("ü", 300) + ".jpeg"), strings.Repeat("ü", 250) + ".jpeg"},
		{CutName("a.jpg"), "a.jpg"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if got := CutName(strings.Repeat("a", 200) + "." + strings.Repeat("b", 200)); len(got) != MaxFileName {
		t.Errorf("long ending: got %d characters", len(got))
	}
}

func TestSizes(t *testing.T) {
	for mimeType, want := range map[string]int64{
		"image/jpeg": 209715200, "image/x-adobe-dng": 209715200, "video/mp4": 21474836480, "application/octet-stream": 21474836480,
	} {
		if got := MaxSize(mimeType); got != want {
			t.Errorf("%s: got %d, want %d", mimeType, got, want)
		}
	}
	for want, size := range map[string]Size{
		"=w640-h480": {640, 480, false}, "=h16383-c": {-1, 99999, true}, "=w256": {256, 0, false}, "=w1": {}, "=h9": {0, 9, false},
	} {
		if got := size.Suffix(); want != got {
			t.Errorf("%+v: got %q, want %q", size, got, want)
		}
	}
}
