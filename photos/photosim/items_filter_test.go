package photosim

import (
	"fmt"
	"strings"
	"testing"
)

// filterSim holds items named by their month, some with properties.
func filterSim(t *testing.T) *sim {
	t.Helper()
	m := newSim(t, Config{})
	for n, taken := range []string{"2023:01:31", "2023:02:01", "2024:02:29", "2024:12:24", "2025:06:15"} {
		id := m.item(withEXIF(photo(n), taken+" 12:00:00", ""))
		change := ItemChange{ID: id}
		switch n {
		case 0:
			change.Favorite, change.Categories = new(true), new([]string{"PETS", "GARDENS"})
		case 1:
			change.Archived = new(true)
		case 2:
			change.Categories = new([]string{"PETS", "FOOD"})
		}
		if err := m.ChangeItem(change); err != nil {
			t.Fatal(err)
		}
	}
	m.item([]byte("\x00\x00\x00\x14ftypqt  film")) // now
	return m
}

func TestFilters(t *testing.T) {
	m := filterSim(t)
	tests := []struct {
		name, body, want string // months, newest first; v is the video
	}{
		{"none", `{}`, "v 2025-06 2024-12 2024-02 2023-01"},
		{"empty", `{"filters":{}}`, "v 2025-06 2024-12 2024-02 2023-01"},
		{"archived", `{"filters":{"includeArchivedMedia":true}}`, "v 2025-06 2024-12 2024-02 2023-02 2023-01"},
		{"ignored flag", `{"filters":{"excludeNonAppCreatedData":true,"mediaTypeFilter":{"mediaTypes":["PHOTO"]}}}`, "2025-06 2024-12 2024-02 2023-01"},
		{"videos", `{"filters":{"mediaTypeFilter":{"mediaTypes":["VIDEO"]}}}`, "v"},
		{"all media", `{"filters":{"mediaTypeFilter":{"mediaTypes":["ALL_MEDIA"]}}}`, "v 2025-06 2024-12 2024-02 2023-01"},
		{"favorites", `{"filters":{"featureFilter":{"includedFeatures":["FAVORITES"]}}}`, "2023-01"},
		{"no feature", `{"filters":{"featureFilter":{"includedFeatures":["NONE"]}}}`, "v 2025-06 2024-12 2024-02 2023-01"},
		{"pets", `{"filters":{"contentFilter":{"includedContentCategories":["PETS"]}}}`, "2024-02 2023-01"},
		{"pets without food", `{"filters":{"contentFilter":{"includedContentCategories":["PETS"],"excludedContentCategories":["FOOD"]}}}`, "2023-01"},
		{"gardens or food", `{"filters":{"contentFilter":{"includedContentCategories":["GARDENS","FOOD","NONE"]}}}`, "2024-02 2023-01"},
		{"a year", `{"filters":{"dateFilter":{"dates":[{"year":2024}]}}}`, "2024-12 2024-02"},
		{"a month of any year", `{"filters":{"dateFilter":{"dates":[{"month":1}]}}}`, "2023-01"},
		{"a day of any year", `{"filters":{"dateFilter":{"dates":[{"month":2,"day":29}]}}}`, "2024-02"},
		{"a year and month, as strings", `{"filters":{"dateFilter":{"dates":[{"year":"2024","month":"12"}]}}}`, "2024-12"},
		{"two dates", `{"filters":{"dateFilter":{"dates":[{"year":2023,"month":1,"day":31},{"year":2025}]}}}`, "2025-06 2023-01"},
		{"range of days", `{"filters":{"dateFilter":{"ranges":[{"startDate":{"year":2023,"month":1,"day":31},"endDate":{"year":2024,"month":2,"day":29}}]}}}`, "2024-02 2023-01"},
		{"range of years", `{"filters":{"dateFilter":{"ranges":[{"startDate":{"year":2023},"endDate":{"year":2024}}]}}}`, "2024-12 2024-02 2023-01"},
		{"date or range", `{"filters":{"dateFilter":{"dates":[{"year":2025,"month":6}],"ranges":[{"startDate":{"month":12,"day":1},"endDate":{"month":12,"day":31}}]}}}`, "2025-06 2024-12"},
		{"all at once", `{"filters":{"includeArchivedMedia":true,"dateFilter":{"dates":[{"year":2023}]},"contentFilter":{"includedContentCategories":["PETS"]},"featureFilter":{"includedFeatures":["FAVORITES"]},"mediaTypeFilter":{"mediaTypes":["PHOTO"]}}}`, "2023-01"},
		{"oldest first", `{"orderBy":"MediaMetadata.creation_time","filters":{"includeArchivedMedia":true,"dateFilter":{"ranges":[{"startDate":{"year":2023},"endDate":{"year":2024}}]}}}`, "2023-01 2023-02 2024-02 2024-12"},
		{"newest first", `{"orderBy":"MediaMetadata.creation_time desc","filters":{"dateFilter":{"dates":[{"year":2024}]}}}`, "2024-12 2024-02"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := m.months(tt.body)
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			var paged []string
			body := strings.Replace(tt.body, "{", `{"pageSize":1`+map[bool]string{true: "", false: ","}[tt.body == "{}"], 1)
			for range m.pages("POST", "/v1/mediaItems:search", body) {
				paged = append(paged, "")
			}
			if len(paged) != len(strings.Fields(tt.want)) {
				t.Errorf("%d pages of one item", len(paged))
			}
		})
	}
}

func (m *sim) months(body string) string {
	m.t.Helper()
	var page itemPage
	m.call("POST", "/v1/mediaItems:search", body).decode(m.t, &page)
	var out []string
	for _, i := range page.Items {
		if i.Metadata.Video != nil {
			out = append(out, "v")
		} else {
			out = append(out, i.Metadata.Created[:7])
		}
	}
	return strings.Join(out, " ")
}

func TestSearchRefusals(t *testing.T) {
	m := newSim(t, Config{})
	album := m.album("a")
	dates := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"year":2024},`, n), ",") + "]"
	}
	filters := map[string]string{
		"six dates":             `"dateFilter":{"dates":` + dates(6) + `}`,
		"empty date":            `"dateFilter":{"dates":[{}]}`,
		"day without month":     `"dateFilter":{"dates":[{"year":2024,"day":1}]}`,
		"month 13":              `"dateFilter":{"dates":[{"month":13}]}`,
		"30 February":           `"dateFilter":{"dates":[{"month":2,"day":30}]}`,
		"29 February 2023":      `"dateFilter":{"dates":[{"year":2023,"month":2,"day":29}]}`,
		"year as text":          `"dateFilter":{"dates":[{"year":"MMXX"}]}`,
		"year and a half":       `"dateFilter":{"dates":[{"year":2024.5}]}`,
		"range without end":     `"dateFilter":{"ranges":[{"startDate":{"year":2024}}]}`,
		"range of two kinds":    `"dateFilter":{"ranges":[{"startDate":{"year":2024},"endDate":{"year":2024,"month":2}}]}`,
		"range backwards":       `"dateFilter":{"ranges":[{"startDate":{"year":2025},"endDate":{"year":2024}}]}`,
		"two media types":       `"mediaTypeFilter":{"mediaTypes":["PHOTO","VIDEO"]}`,
		"no media type":         `"mediaTypeFilter":{}`,
		"unknown media type":    `"mediaTypeFilter":{"mediaTypes":["AUDIO"]}`,
		"unknown category":      `"contentFilter":{"includedContentCategories":["CATS"]}`,
		"eleven categories":     `"contentFilter":{"excludedContentCategories":[` + strings.Repeat(`"PETS",`, 10) + `"PETS"]}`,
		"unknown feature":       `"featureFilter":{"includedFeatures":["HATED"]}`,
		"unknown filter":        `"peopleFilter":{}`,
		"flag that is a number": `"includeArchivedMedia":1`,
	}
	for name, f := range filters {
		t.Run(name, func(t *testing.T) {
			checkError(t, m.call("POST", "/v1/mediaItems:search", `{"filters":{`+f+`}}`), 400, "INVALID_ARGUMENT", "")
		})
	}
	for name, body := range map[string]string{
		"album and filters":         fmt.Sprintf(`{"albumId":%q,"filters":{}}`, album),
		"negative page size":        `{"pageSize":-1}`,
		"order without date filter": `{"orderBy":"MediaMetadata.creation_time"}`,
		"order in an album":         fmt.Sprintf(`{"albumId":%q,"orderBy":"MediaMetadata.creation_time"}`, album),
		"order with another filter": `{"orderBy":"MediaMetadata.creation_time","filters":{"dateFilter":{"dates":[{"year":2024}]},"mediaTypeFilter":{"mediaTypes":["PHOTO"]}}}`,
		"unknown order":             `{"orderBy":"filename","filters":{"dateFilter":{"dates":[{"year":2024}]}}}`,
		"malformed album":           `{"albumId":"%"}`,
	} {
		t.Run(name, func(t *testing.T) {
			checkError(t, m.call("POST", "/v1/mediaItems:search", body), 400, "INVALID_ARGUMENT", "")
		})
	}
}
