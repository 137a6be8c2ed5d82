package photosim

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// album is one album of an account. It is guarded by Server.mu.
type album struct {
	id, title, project string
	seq                uint64
	created            time.Time
	lateUntil          time.Time    // until then only the answer that made it has it
	entries            []albumEntry // in the order shown
	holds              map[*item]bool
	count              int   // items among the entries
	cover              *item // nil: the first item
}

// albumEntry is an item or an enrichment.
type albumEntry struct {
	item       *item
	enrichment string // id
	text       string // what the enrichment says, for GET library
}

func (l *library) newAlbum(project, title string) *album {
	l.seq++
	a := &album{id: secret("AF1Qip", 52), title: strings.TrimSpace(title), project: project, seq: l.seq, created: time.Now(), holds: make(map[*item]bool)}
	l.albums[a.id] = a
	l.albumList = append(l.albumList, a)
	return a
}

func (l *library) dropAlbum(a *album) {
	delete(l.albums, a.id)
	l.albumList = slices.DeleteFunc(l.albumList, func(o *album) bool { return o == a })
}

func (a *album) late() bool { return time.Now().Before(a.lateUntil) }

// drop takes an item out of the album.
func (a *album) drop(i *item) {
	if !a.holds[i] {
		return
	}
	delete(a.holds, i)
	a.count--
	a.entries = slices.DeleteFunc(a.entries, func(e albumEntry) bool { return e.item == i })
	if a.cover == i {
		a.cover = nil
	}
}

func (a *album) coverItem() *item {
	if a.cover != nil {
		return a.cover
	}
	for _, e := range a.entries {
		if e.item != nil {
			return e.item
		}
	}
	return nil
}

// wireAlbum is https://developers.google.com/photos/library/reference/rest/v1/albums
type wireAlbum struct {
	ID         string `json:"id,omitempty"`
	Title      string `json:"title,omitempty"`
	ProductURL string `json:"productUrl,omitempty"`
	Writeable  bool   `json:"isWriteable,omitempty"`
	Items      int64  `json:"mediaItemsCount,omitempty,string"`
	CoverURL   string `json:"coverPhotoBaseUrl,omitempty"`
	CoverID    string `json:"coverPhotoMediaItemId,omitempty"`
}

func (s *Server) wireAlbum(c *call, a *album) wireAlbum {
	w := wireAlbum{
		ID: a.id, Title: a.title, ProductURL: "https://photos.google.com/lr/album/" + a.id,
		Writeable: c.token.scopes.hasAny(changeScopes), Items: int64(a.count),
	}
	if i := a.coverItem(); i != nil {
		w.CoverID, w.CoverURL = i.id, s.baseURL(i.id, c.place)
	}
	return w
}

func errAlbumMissing() *apiError { return notFound("Requested album was not found.") }

// albumOf returns an album that the caller's project made. The caller holds Server.mu.
func (s *Server) albumOf(c *call, id string) (*album, error) {
	if !validID(id) {
		return nil, invalidArgument("Invalid album ID.")
	}
	a, ok := s.libraryOf(c).albums[id]
	if !ok || a.project != c.token.project || a.late() {
		return nil, errAlbumMissing()
	}
	return a, nil
}

func checkTitle(title string) error {
	switch n := utf8.RuneCountInString(title); {
	case strings.TrimSpace(title) == "":
		return invalidArgument("Album title must not be empty.")
	case n > maxTitle:
		return invalidArgument("Album title must not be longer than 500 characters.")
	}
	return nil
}

type createAlbum struct {
	Album *wireAlbum `json:"album"`
}

// createAlbum is albums.create: titles are not unique.
func (s *Server) createAlbum(c *call) (any, error) {
	var req createAlbum
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.Album == nil {
		return nil, invalidArgument("Request must contain an album.")
	}
	if err := checkTitle(req.Album.Title); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.libraryOf(c).newAlbum(c.token.project, req.Album.Title)
	a.lateUntil = c.fault.lateUntil()
	return s.wireAlbum(c, a), nil
}

// getAlbum is albums.get.
func (s *Server) getAlbum(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.albumOf(c, c.id)
	if err != nil {
		return nil, err
	}
	return s.wireAlbum(c, a), nil
}

type albumList struct {
	Albums []wireAlbum `json:"albums,omitempty"`
	Next   string      `json:"nextPageToken,omitempty"`
}

// listAlbums is albums.list. SIM: newest first.
func (s *Server) listAlbums(c *call) (any, error) {
	size, err := queryPageSize(c.query, 20, 50)
	if err != nil {
		return nil, err
	}
	if v := c.query.Get("excludeNonAppCreatedData"); v != "" && v != "true" && v != "false" {
		return nil, invalidArgument("Invalid value at 'exclude_non_app_created_data' (TYPE_BOOL), \"%s\"", bound(v))
	}
	binding := c.binding(c.query.Get("pageSize"), c.query.Get("excludeNonAppCreatedData"))
	at, first, err := s.openPage(binding, c.query.Get("pageToken"))
	if err != nil {
		return nil, err
	}
	if first {
		at = front(false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*album
	for _, a := range slices.Backward(s.libraryOf(c).albumList) {
		if a.seq < at.seq && a.project == c.token.project && !a.late() && len(found) <= size {
			found = append(found, a)
		}
	}
	more := len(found) > size
	keys := make([]cursor, 0, size)
	for _, a := range found[:min(size, len(found))] {
		keys = append(keys, cursor{seq: a.seq})
	}
	n, after, more := c.bend(keys, more, at)
	var page albumList
	for _, a := range found[:n] {
		page.Albums = append(page.Albums, s.wireAlbum(c, a))
	}
	if more {
		page.Next = s.pageToken(binding, after)
	}
	return page, nil
}

// patchAlbum is albums.patch: the title and the cover can change, by their names in camel case.
func (s *Server) patchAlbum(c *call) (any, error) {
	var req wireAlbum
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	mask := maskOf(c.query["updateMask"])
	if len(mask) == 0 {
		return nil, invalidArgument("Request must contain an update mask.")
	}
	for _, name := range mask {
		if name != "title" && name != "coverPhotoMediaItemId" {
			return nil, invalidArgument("Invalid update mask %q: only title and coverPhotoMediaItemId can be updated.", bound(name))
		}
	}
	setTitle, setCover := slices.Contains(mask, "title"), slices.Contains(mask, "coverPhotoMediaItemId")
	if setTitle {
		if err := checkTitle(req.Title); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.albumOf(c, c.id)
	if err != nil {
		return nil, err
	}
	if setCover {
		i, ok := s.libraryOf(c).itemOf(req.CoverID, c.token.project)
		if !ok || !a.holds[i] {
			return nil, invalidArgument("The cover photo must be a media item of the album.")
		}
		a.cover = i
	}
	if setTitle {
		a.title = strings.TrimSpace(req.Title)
	}
	return s.wireAlbum(c, a), nil
}
