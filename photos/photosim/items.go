package photosim

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

type itemPage struct {
	Items []mediaItem `json:"mediaItems,omitempty"`
	Next  string      `json:"nextPageToken,omitempty"`
}

type batchGetAnswer struct {
	Results []batchGetResult `json:"mediaItemResults,omitempty"`
}

type batchGetResult struct {
	Status *rpcStatus `json:"status,omitempty"`
	Item   *mediaItem `json:"mediaItem,omitempty"`
}

func errItemUnknown() *apiError { return notFound("Requested media item was not found.") }

// getItem is mediaItems.get.
func (s *Server) getItem(c *call) (any, error) {
	if !validID(c.id) {
		return nil, invalidArgument("Invalid media item ID.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.libraryOf(c).itemOf(c.id, c.token.project)
	if !ok {
		return nil, errItemUnknown()
	}
	return s.wire(i, c.place, true), nil
}

// getItems is mediaItems.batchGet: items that are not there fail alone.
func (s *Server) getItems(c *call) (any, error) {
	ids := c.query["mediaItemIds"]
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer batchGetAnswer
	lib := s.libraryOf(c)
	for _, id := range ids {
		r := batchGetResult{}
		if i, ok := lib.itemOf(id, c.token.project); ok {
			m := s.wire(i, c.place, true)
			r.Item = &m
		} else if !validID(id) {
			r.Status = &rpcStatus{rpcInvalidArgument, "Invalid media item ID."}
		} else {
			r.Status = &rpcStatus{rpcNotFound, "Requested media item was not found."}
		}
		answer.Results = append(answer.Results, r)
	}
	return answer, nil
}

// checkIDs refuses none, too many and repeated ids of a batch call.
func checkIDs(ids []string) error {
	switch {
	case len(ids) == 0:
		return invalidArgument("Request must contain at least one media item id.")
	case len(ids) > maxBatch:
		return invalidArgument("Request must have less than 50 media item ids")
	}
	sorted := slices.Sorted(slices.Values(ids))
	if len(slices.Compact(sorted)) != len(ids) {
		return invalidArgument("Request must not contain duplicate media item ids.")
	}
	return nil
}

// listItems is mediaItems.list: newest first.
func (s *Server) listItems(c *call) (any, error) {
	size, err := queryPageSize(c.query, 25, 100)
	if err != nil {
		return nil, err
	}
	return s.itemPage(c, query{size: size, token: c.query.Get("pageToken"), binding: c.binding(c.query.Get("pageSize"))})
}

// searchBody is https://developers.google.com/photos/library/reference/rest/v1/mediaItems/search
type searchBody struct {
	AlbumID   string   `json:"albumId"`
	PageSize  number   `json:"pageSize"`
	PageToken string   `json:"pageToken"`
	Filters   *filters `json:"filters"`
	OrderBy   string   `json:"orderBy"`
}

// searchItems is mediaItems.search: by album, by filters, or everything.
func (s *Server) searchItems(c *call) (any, error) {
	var req searchBody
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	size, err := pageSize(int(req.PageSize), 25, 100)
	if err != nil {
		return nil, err
	}
	if req.AlbumID != "" && req.Filters != nil {
		return nil, invalidArgument("Cannot set both album id and filters in the same request.")
	}
	oldest, err := req.order()
	if err != nil {
		return nil, err
	}
	keep, err := req.Filters.matcher()
	if err != nil {
		return nil, err
	}
	bare := req
	bare.PageToken = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return nil, invalidArgument("Request contains an invalid argument.")
	}
	q := query{size: size, token: req.PageToken, binding: c.binding(string(text)), keep: keep, oldestFirst: oldest}
	if req.AlbumID != "" {
		return s.albumPage(c, req.AlbumID, q)
	}
	return s.itemPage(c, q)
}

// order reads orderBy, which goes with a date filter and with nothing that narrows the result otherwise.
func (b searchBody) order() (oldestFirst bool, err error) {
	switch strings.Join(strings.Fields(b.OrderBy), " ") {
	case "":
		return false, nil
	case "MediaMetadata.creation_time":
		oldestFirst = true
	case "MediaMetadata.creation_time desc":
	default:
		return false, invalidArgument("Invalid order by: %s", bound(b.OrderBy))
	}
	f := b.Filters
	if f == nil || f.Date == nil || f.Content != nil || f.MediaType != nil || f.Feature != nil {
		return false, invalidArgument("Order by can only be used with a date filter.")
	}
	return oldestFirst, nil
}

// query is one page of a listing.
type query struct {
	size        int
	token       string
	binding     string
	keep        func(*item) bool // nil: all
	oldestFirst bool
}

// itemPage walks the library from the token's place to a full page and one further item, which tells whether there is a next.
func (s *Server) itemPage(c *call, q query) (any, error) {
	at, first, err := s.openPage(q.binding, q.token)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ordered := s.libraryOf(c).ordered
	next := startOf(ordered, at, first, q.oldestFirst)
	var found []*item
	for i := next(); i != nil && len(found) <= q.size; i = next() {
		if i.visible(c.token.project) && (q.keep == nil || q.keep(i)) {
			found = append(found, i)
		}
	}
	more := len(found) > q.size
	if more {
		found = found[:q.size]
	}
	keys := make([]cursor, len(found))
	for n, i := range found {
		keys[n] = i.key()
	}
	if first {
		at = front(q.oldestFirst)
	}
	n, after, more := c.bend(keys, more, at)
	page := itemPage{Items: s.wireAll(found[:n], c.place)}
	if more {
		page.Next = s.pageToken(q.binding, after)
	}
	return page, nil
}

// startOf returns an iterator over items behind a cursor, newest or oldest first.
func startOf(ordered []*item, at cursor, first, oldestFirst bool) func() *item {
	n, exact := slices.BinarySearchFunc(ordered, at, func(i *item, k cursor) int { return compareCursors(i.key(), k) })
	step := -1
	switch {
	case oldestFirst && first:
		n, step = 0, 1
	case oldestFirst:
		step = 1
		if exact {
			n++
		}
	case first:
		n = len(ordered) - 1
	default:
		n--
	}
	return func() *item {
		if n < 0 || n >= len(ordered) {
			return nil
		}
		i := ordered[n]
		n += step
		return i
	}
}

// bend lets a paging fault change a page: how many elements it has, where the next one begins, and whether there is one.
func (c *call) bend(keys []cursor, more bool, at cursor) (n int, after cursor, next bool) {
	n = len(keys)
	if n > 0 {
		after = keys[n-1]
	}
	if c.fault != nil && c.fault.Mode == Empty {
		return 0, at, true
	}
	if c.fault != nil && c.fault.Mode == Repeat && more && n > 1 {
		after = keys[n-2]
	}
	return n, after, more
}

// front is the cursor before the first element.
func front(oldestFirst bool) cursor {
	if oldestFirst {
		return cursor{time: math.MinInt64}
	}
	return cursor{time: math.MaxInt64, seq: math.MaxUint64}
}

func (s *Server) wireAll(items []*item, p place) []mediaItem {
	out := make([]mediaItem, 0, len(items))
	for _, i := range items {
		out = append(out, s.wire(i, p, true))
	}
	return out
}

// patchItem is mediaItems.patch: only the description can change.
func (s *Server) patchItem(c *call) (any, error) {
	var req mediaItem
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	mask := maskOf(c.query["updateMask"])
	if !slices.Equal(mask, []string{"description"}) {
		return nil, invalidArgument("Invalid update mask %q: only description can be updated.", bound(strings.Join(mask, ",")))
	}
	if utf8.RuneCountInString(req.Description) > maxDescription {
		return nil, invalidArgument("Description must be shorter than 1000 characters.")
	}
	if !validID(c.id) {
		return nil, invalidArgument("Invalid media item ID.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.libraryOf(c).itemOf(c.id, c.token.project)
	if !ok {
		return nil, errItemUnknown()
	}
	i.description = req.Description
	return s.wire(i, c.place, true), nil
}

// maskOf reads an update mask: separated by commas, or the parameter repeated.
func maskOf(values []string) []string {
	var names []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
