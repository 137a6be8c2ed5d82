package photosim

import (
	"cmp"
	"slices"
	"time"
)

// filters is https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#filters
type filters struct {
	Date             *dateFilter      `json:"dateFilter,omitempty"`
	Content          *contentFilter   `json:"contentFilter,omitempty"`
	MediaType        *mediaTypeFilter `json:"mediaTypeFilter,omitempty"`
	Feature          *featureFilter   `json:"featureFilter,omitempty"`
	IncludeArchived  bool             `json:"includeArchivedMedia,omitempty"`
	ExcludeNonAppOwn bool             `json:"excludeNonAppCreatedData,omitempty"` // always so with the scopes that are left
}

type dateFilter struct {
	Dates  []date      `json:"dates,omitempty"`
	Ranges []dateRange `json:"ranges,omitempty"`
}

// date has 0 for "any".
type date struct {
	Year  number `json:"year,omitempty"`
	Month number `json:"month,omitempty"`
	Day   number `json:"day,omitempty"`
}

type dateRange struct {
	Start *date `json:"startDate,omitempty"`
	End   *date `json:"endDate,omitempty"`
}

type contentFilter struct {
	Included []string `json:"includedContentCategories,omitempty"`
	Excluded []string `json:"excludedContentCategories,omitempty"`
}

type mediaTypeFilter struct {
	Types []string `json:"mediaTypes,omitempty"`
}

type featureFilter struct {
	Included []string `json:"includedFeatures,omitempty"`
}

// categories are https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#contentcategory
var categories = []string{
	"NONE", "LANDSCAPES", "RECEIPTS", "CITYSCAPES", "LANDMARKS", "SELFIES", "PEOPLE", "PETS", "WEDDINGS", "BIRTHDAYS", "DOCUMENTS",
	"TRAVEL", "ANIMALS", "FOOD", "SPORT", "NIGHT", "PERFORMANCES", "WHITEBOARDS", "SCREENSHOTS", "UTILITY", "ARTS", "CRAFTS",
	"FASHION", "HOUSES", "GARDENS", "FLOWERS", "HOLIDAYS",
}

const (
	maxDates      = 5
	maxCategories = 10
)

// matcher checks the filters and returns what an item must be; different filters must all match. Archived items stay out unless
// asked for. No filters at all let everything else through.
func (f *filters) matcher() (func(*item) bool, error) {
	if f == nil {
		f = &filters{}
	}
	if err := cmp.Or(f.Date.check(), f.Content.check(), f.MediaType.check(), f.Feature.check()); err != nil {
		return nil, err
	}
	return func(i *item) bool {
		return (f.IncludeArchived || !i.archived) && f.Date.match(i.created) && f.Content.match(i.categories) &&
			f.MediaType.match(i.facts.video) && f.Feature.match(i.favorite)
	}, nil
}

func (f *dateFilter) check() error {
	if f == nil {
		return nil
	}
	if len(f.Dates) > maxDates || len(f.Ranges) > maxDates {
		return invalidArgument("Date filter must have at most 5 dates and 5 ranges.")
	}
	for _, d := range f.Dates {
		if !d.valid() {
			return invalidArgument("Date filter contains an invalid date.")
		}
	}
	for _, r := range f.Ranges {
		switch {
		case r.Start == nil || r.End == nil || !r.Start.valid() || !r.End.valid():
			return invalidArgument("Date filter contains an invalid date range.")
		case r.Start.shape() != r.End.shape():
			return invalidArgument("Start date and end date must have the same format.")
		case r.Start.compare(*r.End) > 0:
			return invalidArgument("Start date must not be after end date.")
		}
	}
	return nil
}

// valid dates are a year, a year and month, a month and day, a month, or all three.
func (d date) valid() bool {
	if d.Year < 0 || d.Year > 9999 || d.Month < 0 || d.Month > 12 || d.Day < 0 || d.Day > 31 || d.Day > 0 && d.Month == 0 || d == (date{}) {
		return false
	}
	if d.Day == 0 {
		return true
	}
	year := int(d.Year)
	if year == 0 {
		year = 2000 // a leap year: 29 February of any year
	}
	return time.Date(year, time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC).Day() == int(d.Day)
}

// shape says which parts are given.
func (d date) shape() [3]bool { return [3]bool{d.Year > 0, d.Month > 0, d.Day > 0} }

func (d date) compare(other date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// like keeps only the parts of other that d has.
func (d date) like(other date) date {
	if d.Year == 0 {
		other.Year = 0
	}
	if d.Month == 0 {
		other.Month = 0
	}
	if d.Day == 0 {
		other.Day = 0
	}
	return other
}

func (f *dateFilter) match(at time.Time) bool {
	if f == nil || len(f.Dates) == 0 && len(f.Ranges) == 0 {
		return true
	}
	on := date{number(at.Year()), number(at.Month()), number(at.Day())}
	return slices.ContainsFunc(f.Dates, func(d date) bool { return d.like(on) == d }) ||
		slices.ContainsFunc(f.Ranges, func(r dateRange) bool {
			part := r.Start.like(on)
			return r.Start.compare(part) <= 0 && part.compare(*r.End) <= 0
		})
}

func (f *contentFilter) check() error {
	if f == nil {
		return nil
	}
	if len(f.Included) > maxCategories || len(f.Excluded) > maxCategories {
		return invalidArgument("Content filter must have at most 10 categories.")
	}
	for _, c := range slices.Concat(f.Included, f.Excluded) {
		if !slices.Contains(categories, c) {
			return invalidArgument("Invalid value (CONTENT_CATEGORY), \"%s\"", bound(c))
		}
	}
	return nil
}

func (f *contentFilter) match(of []string) bool {
	if f == nil {
		return true
	}
	in := func(c string) bool { return c != "NONE" && slices.Contains(of, c) }
	wanted := slices.DeleteFunc(slices.Clone(f.Included), func(c string) bool { return c == "NONE" })
	return (len(wanted) == 0 || slices.ContainsFunc(wanted, in)) && !slices.ContainsFunc(f.Excluded, in)
}

func (f *mediaTypeFilter) check() error {
	switch {
	case f == nil:
	case len(f.Types) != 1:
		return invalidArgument("Media type filter must have exactly one media type.")
	case !slices.Contains([]string{"ALL_MEDIA", "PHOTO", "VIDEO"}, f.Types[0]):
		return invalidArgument("Invalid value (MEDIA_TYPE), \"%s\"", bound(f.Types[0]))
	}
	return nil
}

func (f *mediaTypeFilter) match(video bool) bool {
	return f == nil || f.Types[0] == "ALL_MEDIA" || video == (f.Types[0] == "VIDEO")
}

func (f *featureFilter) check() error {
	if f == nil {
		return nil
	}
	for _, name := range f.Included {
		if name != "NONE" && name != "FAVORITES" {
			return invalidArgument("Invalid value (FEATURE), \"%s\"", bound(name))
		}
	}
	return nil
}

func (f *featureFilter) match(favorite bool) bool {
	return f == nil || favorite || !slices.Contains(f.Included, "FAVORITES")
}
