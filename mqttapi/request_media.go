package mqttapi

import (
	"cmp"
	"slices"
	"time"
)

// The limits of media requests.
const (
	// MaxMediaPage is how many items Google lists at once.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	MaxMediaPage = 100
	// MaxDates is how many dates, and how many ranges of dates, one search may have.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#DateFilter
	MaxDates = 5
	// MaxCategories is how many categories one search may include, and how many it may exclude.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#ContentFilter
	MaxCategories = 10
	// MaxPixels is the largest width and height that Google scales a picture to.
	// Source: https://developers.google.com/photos/library/guides/access-media-items#image-base-urls
	MaxPixels = 16383
)

// ListMedia is the body of VerbMedia: the whole library, one album, or what matches Filters. Newest first, or oldest
// first, which Google does only when Filters has dates or ranges. PageSize 0 leaves the size to the bridge.
type ListMedia struct {
	Album       AlbumRef
	Filters     *Filters
	OldestFirst bool
	PageSize    int
	PageToken   string
}

// Filters narrows a search down; all of its parts have to match.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#Filters
type Filters struct {
	Dates            []Date      // any of these
	Ranges           []DateRange // any of these
	MediaType        string      // "all", "photo", "video"; "" is "all"
	Include, Exclude []string    // words of Categories
	Favorites        bool        // only these
	Archived         bool        // these too
}

// Date is a date with 0 for any: a day, a month of a year, a year, or a day of every year.
type Date struct{ Year, Month, Day int }

// DateRange is all from Start to End, both included and written in the same parts.
type DateRange struct{ Start, End Date }

// GetMedia is the body of VerbMediaGet: 1 to MaxIDs items, none twice. With Width or Height (pixels, 0 is any) the URL of
// a picture shows it in that size; with Crop in exactly that size.
type GetMedia struct {
	IDs           []string
	Width, Height int
	Crop          bool
}

// UpdateMedia is the body of VerbMediaUpdate. An empty description takes the old one away.
type UpdateMedia struct{ ID, Description string }

// SaveMedia is the body of VerbMediaSave. The path still has to be found below a media directory.
type SaveMedia struct{ ID, Path string }

func (ListMedia) body()   {}
func (GetMedia) body()    {}
func (UpdateMedia) body() {}
func (SaveMedia) body()   {}

// Categories are the words of Filters.Include and Exclude, Google's names in lower case.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#ContentCategory
func Categories() []string {
	return []string{
		"animals", "arts", "birthdays", "cityscapes", "crafts", "documents", "fashion", "flowers", "food", "gardens",
		"holidays", "houses", "landmarks", "landscapes", "night", "people", "performances", "pets", "receipts",
		"screenshots", "selfies", "sport", "travel", "utility", "weddings", "whiteboards",
	}
}

func readListMedia(o *object) Body {
	b := ListMedia{PageSize: o.whole("page_size", MaxMediaPage), PageToken: o.text("page_token", MaxPageToken)}
	switch o.choose("album", "album_id", "filters") {
	case "album", "album_id":
		b.Album = o.album()
	case "filters":
		b.Filters = readFilters(o.inner("filters", "dates", "ranges", "media_type", "categories", "favorites", "archived"))
	}
	b.OldestFirst = o.word("order", "newest", "oldest") == "oldest"
	f := cmp.Or(b.Filters, new(Filters))
	dated := len(f.Dates)+len(f.Ranges) > 0
	narrowed := f.MediaType != "" || f.Favorites || len(f.Include)+len(f.Exclude) > 0
	if b.OldestFirst && (!dated || narrowed) {
		o.fail(`"order": "oldest" needs "filters" with "dates" or "ranges" and nothing else but "archived": Google sorts only then.`)
	}
	return b
}

func readFilters(f *object) *Filters {
	filters := &Filters{
		MediaType: f.word("media_type", "all", "photo", "video"),
		Favorites: f.flag("favorites", false),
		Archived:  f.flag("archived", false),
	}
	f.each("dates", MaxDates, func(place string, raw []byte) {
		filters.Dates = append(filters.Dates, f.date(place, f.line(place, raw, len("2006-01-02"))))
	})
	f.each("ranges", MaxDates, func(place string, raw []byte) {
		filters.Ranges = append(filters.Ranges, readRange(f.innerAt(place, raw, "start", "end")))
	})
	switch raw := f.given("categories"); {
	case raw == nil:
	case raw[0] == '{':
		c := f.inner("categories", "include", "exclude")
		filters.Include, filters.Exclude = c.categories("include"), c.categories("exclude")
	default:
		filters.Include = f.categories("categories")
	}
	for _, word := range filters.Exclude {
		if slices.Contains(filters.Include, word) {
			f.fail("The category %q is both included and excluded.", word)
		}
	}
	return filters
}

func readRange(r *object) DateRange {
	r.need("start")
	r.need("end")
	start := r.date(r.place+"start", r.text("start", len("2006-01-02")))
	end := r.date(r.place+"end", r.text("end", len("2006-01-02")))
	alike := (start.Year == 0) == (end.Year == 0) && (start.Month == 0) == (end.Month == 0) && (start.Day == 0) == (end.Day == 0)
	switch {
	case r.err() != nil:
	case !alike:
		r.fail("%q must be written in the same parts as %q: both with a day, both with a month, or both as years.", r.place+"start", r.place+"end")
	case start.compare(end) > 0:
		r.fail("%q is after %q.", r.place+"start", r.place+"end")
	}
	return DateRange{Start: start, End: end}
}

func (o *object) categories(key string) []string {
	words := o.texts(key, MaxCategories, MaxTitle)
	for _, word := range words {
		o.oneOf(o.place+key, word, Categories())
	}
	return words
}

// date reads YYYY-MM-DD, YYYY-MM or YYYY; the year 0000 with a month and a day means that day of every year.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#Date
func (o *object) date(place, s string) Date {
	if o.err() != nil {
		return Date{}
	}
	const day = "2006-01-02"
	t, err := time.Parse(day[:min(len(s), len(day))], s)
	d := Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
	switch len(s) {
	case len("2006"):
		d.Month, d.Day = 0, 0
	case len("2006-01"):
		d.Day = 0
	}
	if err != nil || d.Year == 0 && d.Day == 0 {
		o.fail(`%q is %q, no date: write "2026-11-22", "2026-11", "2026", or "0000-11-22" for a day of every year.`, place, clip(s))
		return Date{}
	}
	return d
}

func (d Date) compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

func readGetMedia(o *object) Body {
	b := GetMedia{
		IDs:    o.itemIDs(),
		Width:  o.whole("width", MaxPixels),
		Height: o.whole("height", MaxPixels),
		Crop:   o.flag("crop", false),
	}
	if b.Crop && (b.Width == 0 || b.Height == 0) {
		o.fail(`"crop" needs both "width" and "height".`)
	}
	return b
}

func readUpdateMedia(o *object) Body {
	o.need("media_item_id")
	o.need("description")
	return UpdateMedia{ID: o.text("media_item_id", MaxGoogleID), Description: o.prose("description", MaxDescription)}
}

func readSaveMedia(o *object) Body {
	o.need("media_item_id")
	b := SaveMedia{ID: o.text("media_item_id", MaxGoogleID)}
	if o.need("path"); o.has("path") {
		b.Path = o.path("path", o.given("path"))
	}
	return b
}
