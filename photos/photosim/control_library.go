package photosim

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// AccountLibrary is what one account holds.
type AccountLibrary struct {
	Account string        `json:"account"`
	Email   string        `json:"email"`
	Items   []ItemRecord  `json:"items"`  // in the order they were made
	Albums  []AlbumRecord `json:"albums"` // in the order they were made
}

// ItemRecord is one item with what the API does not tell.
type ItemRecord struct {
	ID          string    `json:"id"`
	FileName    string    `json:"filename"`
	Description string    `json:"description,omitempty"`
	MIMEType    string    `json:"mime_type"`
	Bytes       int64     `json:"bytes"`
	SHA256      string    `json:"sha256,omitempty"` // hex; none for seeded items
	Created     time.Time `json:"created"`
	Uploaded    time.Time `json:"uploaded"`
	Width       int64     `json:"width,omitempty"`
	Height      int64     `json:"height,omitempty"`
	VideoStatus string    `json:"video_status,omitempty"`
	Favorite    bool      `json:"favorite,omitempty"`
	Archived    bool      `json:"archived,omitempty"`
	Categories  []string  `json:"categories,omitempty"`
	Projects    []string  `json:"projects"`
	Albums      []string  `json:"albums,omitempty"` // ids
}

// AlbumRecord is one album.
type AlbumRecord struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Project string   `json:"project"`
	Items   []string `json:"items"` // ids, in the album's order
	Texts   []string `json:"texts,omitempty"`
	Cover   string   `json:"cover,omitempty"`
}

// Library returns everything that all accounts hold.
func (s *Server) Library() []AccountLibrary {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]AccountLibrary, 0, len(s.cfg.Accounts))
	for _, a := range s.cfg.Accounts {
		out = append(out, s.libraries[a.ID].records(a))
	}
	return out
}

func (l *library) records(a Account) AccountLibrary {
	out := AccountLibrary{Account: a.ID, Email: a.Email, Items: make([]ItemRecord, 0, len(l.ordered)), Albums: make([]AlbumRecord, 0, len(l.albumList))}
	in := make(map[*item][]string)
	for _, al := range l.albumList {
		r := AlbumRecord{ID: al.id, Title: al.title, Project: al.project, Items: make([]string, 0, al.count)}
		for _, e := range al.entries {
			if e.item == nil {
				r.Texts = append(r.Texts, e.text)
				continue
			}
			r.Items = append(r.Items, e.item.id)
			in[e.item] = append(in[e.item], al.id)
		}
		if c := al.coverItem(); c != nil {
			r.Cover = c.id
		}
		out.Albums = append(out.Albums, r)
	}
	byAge := slices.SortedFunc(slices.Values(l.ordered), func(a, b *item) int { return cmp.Compare(a.seq, b.seq) })
	for _, i := range byAge {
		r := i.record()
		r.Albums = in[i]
		out.Items = append(out.Items, r)
	}
	return out
}

func (i *item) record() ItemRecord {
	r := ItemRecord{
		ID: i.id, FileName: i.fileName, Description: i.description, MIMEType: i.facts.mime, Created: i.created, Uploaded: i.uploaded,
		Width: i.facts.width, Height: i.facts.height, VideoStatus: i.status(), Favorite: i.favorite, Archived: i.archived,
		Categories: slices.Clone(i.categories), Projects: slices.Clone(i.projects),
	}
	if i.payload != nil {
		r.Bytes, r.SHA256 = i.payload.size, hex.EncodeToString(i.payload.sha[:])
	}
	return r
}

// ItemChange sets what the API cannot set; nil leaves a property as it is.
type ItemChange struct {
	ID          string    `json:"id"`
	Favorite    *bool     `json:"favorite"`
	Archived    *bool     `json:"archived"`
	Categories  *[]string `json:"categories"`   // names of ContentCategory
	VideoStatus *string   `json:"video_status"` // PROCESSING, READY, FAILED; "" goes by Config.VideoProcessing
}

// ChangeItem changes an item as the person or Google would.
func (s *Server) ChangeItem(c ItemChange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := s.itemAnywhere(c.ID)
	if i == nil {
		return fmt.Errorf("item %q is unknown", c.ID)
	}
	if c.VideoStatus != nil {
		if !i.facts.video || !slices.Contains([]string{"", "PROCESSING", "READY", "FAILED"}, *c.VideoStatus) {
			return fmt.Errorf("video status %q: item must be a video, status PROCESSING, READY or FAILED", *c.VideoStatus)
		}
		i.videoStatus = *c.VideoStatus
	}
	if c.Categories != nil {
		for _, name := range *c.Categories {
			if !slices.Contains(categories, name) {
				return fmt.Errorf("category %q is unknown", name)
			}
		}
		i.categories = slices.Clone(*c.Categories)
	}
	if c.Favorite != nil {
		i.favorite = *c.Favorite
	}
	if c.Archived != nil {
		i.archived = *c.Archived
	}
	return nil
}

func (s *Server) itemAnywhere(id string) (*item, *library) {
	for _, l := range s.libraries {
		if i, ok := l.items[id]; ok {
			return i, l
		}
	}
	return nil, nil
}

// Delete removes an item or an album as the person would in Google Photos; the items of an album stay.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, l := s.itemAnywhere(id); i != nil {
		l.remove(i)
		return nil
	}
	for _, l := range s.libraries {
		if a, ok := l.albums[id]; ok {
			l.dropAlbum(a)
			return nil
		}
	}
	return fmt.Errorf("nothing has the id %q", id)
}

// SetStorageFull lets every batchCreate of an account fail for want of storage, or ends that.
func (s *Server) SetStorageFull(account string, full bool) error {
	a, ok := s.account(account)
	if !ok {
		return fmt.Errorf("account %q is unknown", account)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.libraries[a.ID].storageFull = full
	return nil
}
