package photos

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
)

// Google's limits, which are checked here before a request is spent on them.
const (
	// MaxBatch is how many items, or ids, one call takes.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxBatch = 50
	// MaxItemsPage is the largest page of items; 25 when not given.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/list
	MaxItemsPage = 100
	// MaxAlbumsPage is the largest page of albums; 20 when not given.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/albums/list
	MaxAlbumsPage = 50
	// MaxTitle is the longest album title, in characters.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/albums
	MaxTitle = 500
	// MaxDescription is the longest description of an item, in characters: the reference wants it shorter than 1000.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxDescription = 999
	// MaxFileName is the longest file name, in characters with its ending.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
	MaxFileName = 255
	// MaxPhotoSize is the largest photo in bytes: 200 MB, read as the larger of its two meanings, so that nothing is
	// refused here that Google may take.
	// Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
	MaxPhotoSize = 200 << 20
	// MaxVideoSize is the largest video in bytes: 20 GB, read likewise.
	// Source: https://developers.google.com/photos/library/guides/upload-media#file-types-sizes
	MaxVideoSize = 20 << 30
	// MaxDates is how many dates, and how many date ranges, a search takes.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	MaxDates = 5
	// MaxCategories is how many categories a search may include, and how many it may exclude.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
	MaxCategories = 10
)

// checkID refuses an id that would end in another address than the one meant, above all an empty one: the
// address of the item "" is the list of all items.
func checkID(op, what, id string) error {
	if id == "" {
		return invalid(op, "the %s is empty", what)
	}
	if id == "." || id == ".." || strings.ContainsAny(id, "/?#") {
		return invalid(op, "%q is not a %s", shorten(id, 80), what)
	}
	return nil
}

// checkIDs refuses what Google refuses as a whole: no id, more than 50, an id twice.
func checkIDs(op string, ids []string) error {
	if len(ids) == 0 || len(ids) > MaxBatch {
		return invalid(op, "%d ids given, 1 to %d are taken", len(ids), MaxBatch)
	}
	for i, id := range ids {
		if err := checkID(op, "media item id", id); err != nil {
			return err
		}
		if slices.Contains(ids[:i], id) {
			return invalid(op, "the id %q is given twice", shorten(id, 80))
		}
	}
	return nil
}

// checkTitle refuses an album title that Google would refuse.
func checkTitle(op, title string) error {
	if n := length(title); strings.TrimSpace(title) == "" || n > MaxTitle {
		return invalid(op, "the album title has %d characters, 1 to %d are taken", n, MaxTitle)
	}
	return nil
}

// pageSize keeps a page within Google's maximum, and refuses what is no size; 0 leaves it to Google.
func pageSize(op string, n, most int) (int, error) {
	if n < 0 {
		return 0, invalid(op, "the page size %d is negative", n)
	}
	return min(n, most), nil
}

// length counts as Java and JavaScript do, in UTF-16 units: never less than what Google may count.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	for i, r := range s {
		if n -= utf16.RuneLen(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// cutName shortens a file name to Google's limit and keeps its ending, by which people know the kind of file.
func cutName(name string) string {
	if length(name) <= MaxFileName {
		return name
	}
	ending := path.Ext(name)
	if length(ending) > 16 {
		ending = ""
	}
	return cut(strings.TrimSuffix(name, ending), MaxFileName-length(ending)) + ending
}

// invalid is a request that is not worth sending.
func invalid(op, format string, args ...any) error {
	return &Error{Kind: Invalid, Op: op, Message: fmt.Sprintf(format, args...)}
}
