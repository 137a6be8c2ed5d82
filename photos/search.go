package photos

import (
	"context"
	"iter"
	"net/http"
)

// Search says which items are wanted. The zero value means all that are visible.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
type Search struct {
	AlbumID   string   `json:"albumId,omitempty"` // not together with Filters
	Filters   *Filters `json:"filters,omitempty"`
	OrderBy   string   `json:"orderBy,omitempty"`  // OldestFirst or NewestFirst; only with a date filter and no content, type or feature filter
	PageSize  int      `json:"pageSize,omitempty"` // 1 to 100; 0 means Google's 25, and 100 in AllItems
	PageToken string   `json:"pageToken,omitempty"`
}

// The values of Search.OrderBy. Without one the newest come first.
const (
	OldestFirst = "MediaMetadata.creation_time"
	NewestFirst = "MediaMetadata.creation_time desc"
)

// Filters narrow a search. An item must pass all that are given.
// Source: https://developers.google.com/photos/library/guides/apply-filters
type Filters struct {
	Date     *DateFilter      `json:"dateFilter,omitempty"`
	Content  *ContentFilter   `json:"contentFilter,omitempty"`
	Type     *MediaTypeFilter `json:"mediaTypeFilter,omitempty"`
	Feature  *FeatureFilter   `json:"featureFilter,omitempty"`
	Archived bool             `json:"includeArchivedMedia,omitempty"` // archived items too
	OwnOnly  bool             `json:"excludeNonAppCreatedData,omitempty"`
}

// DateFilter takes items of any of up to 5 dates and 5 ranges.
type DateFilter struct {
	Dates  []Date      `json:"dates,omitempty"`
	Ranges []DateRange `json:"ranges,omitempty"`
}

// Date is a day, or with zeros in it every year, the whole month or the whole year.
type Date struct {
	Year  int `json:"year,omitempty"`
	Month int `json:"month,omitempty"`
	Day   int `json:"day,omitempty"`
}

// DateRange includes both ends.
type DateRange struct {
	Start Date `json:"startDate"`
	End   Date `json:"endDate"`
}

// ContentFilter takes items by what Google sees in them: LANDSCAPES, RECEIPTS, PEOPLE and others, at most 10 of each.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search#contentcategory
type ContentFilter struct {
	Included []string `json:"includedContentCategories,omitempty"`
	Excluded []string `json:"excludedContentCategories,omitempty"`
}

// MediaTypeFilter holds exactly one of ALL_MEDIA, PHOTO, VIDEO.
type MediaTypeFilter struct {
	Types []string `json:"mediaTypes"`
}

// FeatureFilter holds NONE or FAVORITES.
type FeatureFilter struct {
	Included []string `json:"includedFeatures"`
}

// SearchItems reads a page of what s finds. The next page must be asked for with the same s but for its PageToken.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
func (c *Client) SearchItems(ctx context.Context, s Search) (ItemPage, error) {
	r := request{op: "search items", method: http.MethodPost, url: c.url("mediaItems:search", nil)}
	if s.AlbumID != "" {
		r.about = aboutAlbum
	}
	if err := s.check(r.op); err != nil {
		return ItemPage{}, err
	}
	s.PageSize = min(s.PageSize, MaxItemsPage)
	return c.itemPage(ctx, r, s)
}

// check refuses what Google refuses.
func (s Search) check(op string) error {
	if _, err := pageSize(op, s.PageSize, MaxItemsPage); err != nil {
		return err
	}
	if s.AlbumID != "" && s.Filters != nil {
		return invalid(op, "an album and filters cannot be searched together")
	}
	f := Filters{}
	if s.Filters != nil {
		f = *s.Filters
	}
	if s.OrderBy != "" {
		if s.OrderBy != OldestFirst && s.OrderBy != NewestFirst {
			return invalid(op, "the order %q is not known", shorten(s.OrderBy, 80))
		}
		if f.Date == nil || f.Content != nil || f.Type != nil || f.Feature != nil {
			return invalid(op, "an order can be chosen only with dates and without other filters")
		}
	}
	return f.check(op)
}

func (f Filters) check(op string) error {
	if d := f.Date; d != nil {
		if len(d.Dates) > MaxDates || len(d.Ranges) > MaxDates || len(d.Dates)+len(d.Ranges) == 0 {
			return invalid(op, "%d dates and %d date ranges given, 1 to %d are taken", len(d.Dates), len(d.Ranges), MaxDates)
		}
		all := append([]Date(nil), d.Dates...)
		for _, r := range d.Ranges {
			all = append(all, r.Start, r.End)
		}
		for _, one := range all {
			if one == (Date{}) || one.Year < 0 || one.Year > 9999 || one.Month < 0 || one.Month > 12 || one.Day < 0 || one.Day > 31 {
				return invalid(op, "%d-%d-%d is not a date", one.Year, one.Month, one.Day)
			}
		}
	}
	if c := f.Content; c != nil && (len(c.Included) > MaxCategories || len(c.Excluded) > MaxCategories) {
		return invalid(op, "%d and %d categories given, up to %d are taken", len(c.Included), len(c.Excluded), MaxCategories)
	}
	if t := f.Type; t != nil && len(t.Types) != 1 {
		return invalid(op, "%d media types given, 1 is taken", len(t.Types))
	}
	return nil
}

// AllItems reads page after page, one request each, and gives every item once: Google repeats items where two pages
// meet. It ends with the listing, or after the first error, which is given with an empty Item.
func (c *Client) AllItems(ctx context.Context, s Search) iter.Seq2[Item, error] {
	if s.PageSize == 0 {
		s.PageSize = MaxItemsPage
	}
	read := func(token string) ([]Item, string, error) {
		s := s
		if token != "" {
			s.PageToken = token
		}
		if s.AlbumID == "" && s.Filters == nil && s.OrderBy == "" {
			page, err := c.ListItems(ctx, s.PageSize, s.PageToken)
			return page.Items, page.Next, err
		}
		page, err := c.SearchItems(ctx, s)
		return page.Items, page.Next, err
	}
	return follow("list items", read, func(i Item) string { return i.ID })
}
