package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

type object = map[string]any

// Filters narrow a search; an item must pass all that are given.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#Filters,
// https://developers.google.com/photos/library/guides/apply-filters
type Filters struct {
	Dates            []Date      // any of these, up to MaxDates
	Ranges           []DateRange // any of these, up to MaxDates
	MediaType        string      // "photo", "video" or "all"; "" is "all"
	Include, Exclude []string    // words of Categories, up to MaxCategories each
	Favorites        bool        // only these
	Archived         bool        // these too
}

// Date is a day, or with 0 for any: a month of a year, a year, or a day or month of every year.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#Date
type Date struct {
	Year  int `json:"year,omitempty"`
	Month int `json:"month,omitempty"`
	Day   int `json:"day,omitempty"`
}

// DateRange is all from Start to End, both included and given in the same parts.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#DateRange
type DateRange struct {
	Start Date `json:"startDate"`
	End   Date `json:"endDate"`
}

// Categories are what Google sees in items, the words of Filters.Include and Exclude: its names in lower case.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#ContentCategory
func Categories() []string {
	return strings.Fields(`animals arts birthdays cityscapes crafts documents fashion flowers food gardens holidays houses landmarks
		landscapes night people performances pets receipts screenshots selfies sport travel utility weddings whiteboards`)
}

// Check refuses what Google refuses, and what no item can pass.
func (f Filters) Check() error {
	checks := []error{
		checkCount("dates", len(f.Dates), MaxDates), checkCount("ranges", len(f.Ranges), MaxDates),
		checkCount("categories", len(f.Include), MaxCategories), checkCount("categories", len(f.Exclude), MaxCategories),
		checkWord("media_type", cmp.Or(f.MediaType, "all"), []string{"all", "photo", "video"}),
	}
	for i, d := range f.Dates {
		checks = append(checks, d.check(fmt.Sprintf("dates[%d]", i)))
	}
	for i, r := range f.Ranges {
		checks = append(checks, r.check(fmt.Sprintf("ranges[%d].", i)))
	}
	for _, word := range slices.Concat(f.Include, f.Exclude) {
		checks = append(checks, checkWord("categories", word, Categories()))
	}
	if i := slices.IndexFunc(f.Exclude, func(word string) bool { return slices.Contains(f.Include, word) }); i >= 0 {
		checks = append(checks, refuse("The category %q is both included and excluded.", f.Exclude[i]))
	}
	return cmp.Or(checks...)
}

// CheckOldestFirst refuses the order from old to new where Google sorts by its own alone; nil is a search without filters.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
func (f *Filters) CheckOldestFirst() error {
	if f == nil || len(f.Dates)+len(f.Ranges) == 0 || f.Favorites || len(f.Include)+len(f.Exclude) > 0 ||
		cmp.Or(f.MediaType, "all") != "all" {
		return refuse(`"order": "oldest" needs "filters" with "dates" or "ranges" and nothing else but "archived": Google sorts only then.`)
	}
	return nil
}

func (d Date) check(at string) error {
	year, month, day := cmp.Or(d.Year, 2000), cmp.Or(d.Month, 1), cmp.Or(d.Day, 1) // 29 February is a day of every year
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if d == (Date{}) || d.Day != 0 && d.Month == 0 || year < 1 || year > 9999 || t.Month() != time.Month(month) || t.Day() != day {
		return refuse("%v is %04d-%02d-%02d, no date.", key(at), d.Year, d.Month, d.Day)
	}
	return nil
}

func (r DateRange) check(at string) error {
	a, b := r.Start, r.End
	start, end := key(at+"start"), key(at+"end")
	if err := cmp.Or(a.check(string(start)), b.check(string(end))); err != nil {
		return err
	}
	if (a.Year == 0) != (b.Year == 0) || (a.Month == 0) != (b.Month == 0) || (a.Day == 0) != (b.Day == 0) {
		return refuse("%v must be written in the same parts as %v: both with a day, both with a month, or both as years.", start, end)
	}
	if cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day)) > 0 {
		return refuse("%v is after %v.", start, end)
	}
	return nil
}

func checkCount(name string, n, most int) error {
	if n > most {
		return refuse("%v has %d elements; at most %d are possible.", key(name), n, most)
	}
	return nil
}

func checkWord(name, word string, words []string) error {
	if !slices.Contains(words, word) {
		return refuse("%v is %q; possible are %s.", key(name), Cut(word, 80), strings.Join(words, ", "))
	}
	return nil
}

// MarshalJSON gives Google's form.
func (f Filters) MarshalJSON() ([]byte, error) {
	wire, dates, content := object{}, object{}, object{}
	set := func(in object, key string, value any, given bool) {
		if given {
			in[key] = value
		}
	}
	set(dates, "dates", f.Dates, len(f.Dates) > 0)
	set(dates, "ranges", f.Ranges, len(f.Ranges) > 0)
	set(wire, "dateFilter", dates, len(dates) > 0)
	set(content, "includedContentCategories", upper(f.Include), len(f.Include) > 0)
	set(content, "excludedContentCategories", upper(f.Exclude), len(f.Exclude) > 0)
	set(wire, "contentFilter", content, len(content) > 0)
	set(wire, "mediaTypeFilter", object{"mediaTypes": upper([]string{f.MediaType})}, f.MediaType != "" && f.MediaType != "all")
	set(wire, "featureFilter", object{"includedFeatures": []string{"FAVORITES"}}, f.Favorites)
	set(wire, "includeArchivedMedia", true, f.Archived)
	return json.Marshal(wire)
}

func upper(words []string) []string { return strings.Fields(strings.ToUpper(strings.Join(words, " "))) }

// Enrichment is something in an album that is not an item. Exactly one of Text, Location and Map is given.
// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment
type Enrichment struct {
	Text     string // up to MaxText characters, not blank
	Location *Place
	Map      *Route
	Position Position
}

// Place is a spot on the map under a name. https://developers.google.com/photos/library/reference/rest/v1/albums/addEnrichment#Location
type Place struct {
	Name      string  // up to MaxPlaceName characters, not blank
	Latitude  float64 // degrees, -90 to 90
	Longitude float64 // degrees, -180 to 180
}

// Route is drawn from one place to another.
type Route struct {
	Origin      Place `json:"origin"`
	Destination Place `json:"destination"`
}

// Position is a spot in an album: after the item or the enrichment whose id is given, else first or, as zero, last.
// Source: https://developers.google.com/photos/library/reference/rest/v1/AlbumPosition
type Position struct {
	First             bool
	AfterItemID       string
	AfterEnrichmentID string
}

// Check refuses what Google refuses.
func (e Enrichment) Check() error {
	var checks []error
	if e.Text != "" {
		checks = append(checks, CheckText("text", e.Text, MaxText))
	}
	if e.Location != nil {
		checks = append(checks, e.Location.check("location."))
	}
	if e.Map != nil {
		checks = append(checks, cmp.Or(e.Map.Origin.check("map.origin."), e.Map.Destination.check("map.destination.")))
	}
	if n := len(checks); n != 1 {
		return refuse("%d of %v, %v and %v are given; exactly one of them is possible.", n, key("text"), key("location"), key("map"))
	}
	return checks[0]
}

func (p Place) check(at string) error {
	return cmp.Or(CheckText(at+"name", p.Name, MaxPlaceName),
		checkDegrees(at+"latitude", p.Latitude, 90), checkDegrees(at+"longitude", p.Longitude, 180))
}

func checkDegrees(name string, degrees, most float64) error {
	if degrees >= -most && degrees <= most {
		return nil
	}
	return refuse("%v must be from %v to %v.", key(name), -most, most) // NaN, which is no place, comes here too
}

// MarshalJSON gives Google's form.
func (e Enrichment) MarshalJSON() ([]byte, error) {
	item := object{"textEnrichment": object{"text": e.Text}}
	switch {
	case e.Location != nil:
		item = object{"locationEnrichment": object{"location": e.Location}}
	case e.Map != nil:
		item = object{"mapEnrichment": e.Map}
	}
	return json.Marshal(object{"newEnrichmentItem": item, "albumPosition": e.Position})
}

// MarshalJSON gives Google's form.
func (p Place) MarshalJSON() ([]byte, error) {
	return json.Marshal(object{"locationName": p.Name, "latlng": object{"latitude": p.Latitude, "longitude": p.Longitude}})
}

// MarshalJSON gives Google's form.
func (p Position) MarshalJSON() ([]byte, error) {
	switch {
	case p.AfterItemID != "":
		return json.Marshal(object{"position": "AFTER_MEDIA_ITEM", "relativeMediaItemId": p.AfterItemID})
	case p.AfterEnrichmentID != "":
		return json.Marshal(object{"position": "AFTER_ENRICHMENT_ITEM", "relativeEnrichmentItemId": p.AfterEnrichmentID})
	case p.First:
		return json.Marshal(object{"position": "FIRST_IN_ALBUM"})
	}
	return json.Marshal(object{"position": "LAST_IN_ALBUM"})
}
