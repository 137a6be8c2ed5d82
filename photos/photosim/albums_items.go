package photosim

import (
	"math"
	"slices"
)

// albumPosition is https://developers.google.com/photos/library/reference/rest/v1/AlbumPosition
type albumPosition struct {
	Position   string `json:"position"`
	Item       string `json:"relativeMediaItemId"`
	Enrichment string `json:"relativeEnrichmentItemId"`
}

// albumPlace is where the next entry goes; a nil album is nowhere.
type albumPlace struct {
	album *album
	index int
}

func errAlbumFull() *apiError {
	return invalidArgument("Album has reached the maximum of 20000 media items.")
}

// place finds a position; nil is the end.
func (a *album) place(p *albumPosition) (albumPlace, error) {
	end := albumPlace{a, len(a.entries)}
	if p == nil {
		return end, nil
	}
	wantItem, wantEnrichment := p.Position == "AFTER_MEDIA_ITEM", p.Position == "AFTER_ENRICHMENT_ITEM"
	if wantItem != (p.Item != "") || wantEnrichment != (p.Enrichment != "") {
		return albumPlace{}, invalidArgument("Invalid album position: a relative id goes with its own position and with no other.")
	}
	switch p.Position {
	case "", "POSITION_TYPE_UNSPECIFIED", "LAST_IN_ALBUM":
		return end, nil
	case "FIRST_IN_ALBUM":
		return albumPlace{a, 0}, nil
	case "AFTER_MEDIA_ITEM", "AFTER_ENRICHMENT_ITEM":
		at := slices.IndexFunc(a.entries, func(e albumEntry) bool {
			return wantItem && e.item != nil && e.item.id == p.Item || wantEnrichment && e.enrichment == p.Enrichment
		})
		if at < 0 {
			return albumPlace{}, invalidArgument("Invalid album position: the relative item is not in the album.")
		}
		return albumPlace{a, at + 1}, nil
	}
	return albumPlace{}, invalidArgument("Invalid value at 'album_position.position', \"%s\"", bound(p.Position))
}

// insert puts an item in and returns the place behind it. SIM: an item that is in the album already stays where it is.
func (p albumPlace) insert(i *item) albumPlace {
	if p.album.holds[i] {
		return p
	}
	p.album.holds[i] = true
	p.album.count++
	p.album.entries = slices.Insert(p.album.entries, p.index, albumEntry{item: i})
	p.index++
	return p
}

type itemIDs struct {
	IDs []string `json:"mediaItemIds"`
}

// addToAlbum is albums.batchAddMediaItems: all or nothing, at the end, in the given order.
func (s *Server) addToAlbum(c *call) (any, error) {
	return s.changeAlbum(c, func(a *album, items []*item) error {
		fresh := 0
		for _, i := range items {
			if !a.holds[i] {
				fresh++
			}
		}
		if a.count+fresh > maxAlbumItems {
			return errAlbumFull() // SIM: a 400
		}
		at := albumPlace{a, len(a.entries)}
		for _, i := range items {
			at = at.insert(i)
		}
		return nil
	})
}

// removeFromAlbum is albums.batchRemoveMediaItems: all or nothing; the items stay in the library.
func (s *Server) removeFromAlbum(c *call) (any, error) {
	return s.changeAlbum(c, func(a *album, items []*item) error {
		for _, i := range items {
			if !a.holds[i] {
				return errItemID()
			}
		}
		for _, i := range items {
			a.drop(i)
		}
		return nil
	})
}

// changeAlbum checks what both batch methods check, then lets change do its part.
func (s *Server) changeAlbum(c *call, change func(*album, []*item) error) (any, error) {
	var req itemIDs
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if err := checkIDs(req.IDs); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.albumOf(c, c.id)
	if err != nil {
		return nil, err
	}
	items := make([]*item, 0, len(req.IDs))
	for _, id := range req.IDs {
		i, ok := s.libraryOf(c).itemOf(id, c.token.project)
		if !ok {
			return nil, errItemID()
		}
		items = append(items, i)
	}
	if err := change(a, items); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// albumPage is mediaItems.search with an album id: the items in the album's order.
func (s *Server) albumPage(c *call, id string, q query) (any, error) {
	at, first, err := s.openPage(q.binding, q.token)
	if err != nil {
		return nil, err
	}
	if first {
		at = cursor{time: -1}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.albumOf(c, id)
	if err != nil {
		return nil, err
	}
	var found []*item
	var keys []cursor
	more := false
	for n := min(at.time, math.MaxInt32) + 1; n < int64(len(a.entries)) && !more; n++ {
		i := a.entries[n].item
		switch {
		case i == nil || !i.visible(c.token.project):
		case len(found) == q.size:
			more = true
		default:
			found, keys = append(found, i), append(keys, cursor{time: n})
		}
	}
	n, after, more := c.bend(keys, more, at)
	page := itemPage{Items: s.wireAll(found[:n], c.place)}
	if more {
		page.Next = s.pageToken(q.binding, after)
	}
	return page, nil
}
