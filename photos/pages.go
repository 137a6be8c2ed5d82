package photos

import "iter"

// maxBarrenPages is how many pages in a row may bring nothing new. Google gives empty pages that have a next page now and
// then; a long row of them is a listing in a circle, and each costs a request.
// Source: gilesknap/gphotos-sync, GoogleAlbumsSync.py.
const maxBarrenPages = 20

// follow reads page after page. An element that the page before had as well is left out; so a listing of any length is
// followed in the memory of two pages.
func follow[T any](op string, read func(token string) ([]T, string, error), id func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var token string
		var before map[string]bool
		for barren := 0; barren <= maxBarrenPages; barren++ {
			page, next, err := read(token)
			if err != nil {
				yield(none, err)
				return
			}
			here := make(map[string]bool, len(page))
			for _, one := range page {
				key := id(one)
				if fresh := !here[key] && !before[key]; fresh {
					barren = -1
					if !yield(one, nil) {
						return
					}
				}
				here[key] = true
			}
			if next == "" {
				return
			}
			if len(page) > 0 {
				before = here
			}
			token = next
		}
		yield(none, &Error{Kind: Transient, Op: op, Message: "the listing does not come to an end"})
	}
}
