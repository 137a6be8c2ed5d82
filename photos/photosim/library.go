package photosim

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Limits of the Library API, https://developers.google.com/photos/library/reference/rest
const (
	maxBatch       = 50     // items of one batch call
	maxAlbumItems  = 20_000 // items of one album
	maxDescription = 999    // characters: the guide says 1000 at most, the reference shorter than 1000
	maxFileName    = 255    // characters
	maxTitle       = 500    // characters
)

// library is the media of one account. It is guarded by Server.mu.
type library struct {
	account     string
	storageFull bool
	seq         uint64
	items       map[string]*item
	ordered     []*item // oldest capture first
	byHash      map[[sha256.Size]byte]*item
	albums      map[string]*album
	albumList   []*album // in the order they were made
}

func newLibrary(account string) *library {
	return &library{
		account: account, items: make(map[string]*item), byHash: make(map[[sha256.Size]byte]*item),
		albums: make(map[string]*album),
	}
}

// item is one photo or video.
type item struct {
	id, description, fileName string
	projects                  []string // that see it: each project that uploaded these bytes
	facts                     mediaFacts
	payload                   *payload // nil: a seeded item, whose bytes are drawn when fetched
	created                   time.Time
	seq                       uint64
	uploaded                  time.Time
	readyAt                   time.Time // of a video
	lateUntil                 time.Time // until then only the answer that made it has it
	videoStatus               string    // set by control; "" follows readyAt
	favorite, archived        bool
	categories                []string
}

func (i *item) visible(project string) bool {
	return slices.Contains(i.projects, project) && !time.Now().Before(i.lateUntil)
}

func (i *item) key() cursor { return cursor{i.created.UnixNano(), i.seq} }

func compareCursors(a, b cursor) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq))
}

// status of a video at this moment.
func (i *item) status() string {
	switch {
	case !i.facts.video:
		return ""
	case i.videoStatus != "":
		return i.videoStatus
	case time.Now().Before(i.readyAt):
		return "PROCESSING"
	}
	return "READY"
}

// newItem fills in an item's identity. Ids of items have 98 to 102 characters, those of albums 76, as in
// https://github.com/f2calv/CasCap.Api.GooglePhotos/issues/118
func (l *library) newItem(project string) *item {
	l.seq++
	return &item{id: secret("AF1Qip", 69+int(l.seq%4)), projects: []string{project}, seq: l.seq, uploaded: time.Now()}
}

// add puts an item in its place by capture time.
func (l *library) add(i *item) {
	l.items[i.id] = i
	if i.payload != nil {
		l.byHash[i.payload.sha] = i
	}
	at, _ := slices.BinarySearchFunc(l.ordered, i.key(), func(i *item, k cursor) int { return compareCursors(i.key(), k) })
	l.ordered = slices.Insert(l.ordered, at, i)
}

// remove takes an item out of the library and of all albums.
func (l *library) remove(i *item) {
	delete(l.items, i.id)
	if i.payload != nil && l.byHash[i.payload.sha] == i {
		delete(l.byHash, i.payload.sha)
	}
	l.ordered = slices.DeleteFunc(l.ordered, func(o *item) bool { return o == i })
	for _, a := range l.albumList {
		a.drop(i)
	}
	i.payload.remove()
}

// itemOf returns an item that a project may see.
func (l *library) itemOf(id, project string) (*item, bool) {
	i, ok := l.items[id]
	return i, ok && i.visible(project)
}

// validID tells an id that names nothing from text that can be no id.
func validID(id string) bool {
	if len(id) < 4 || len(id) > 200 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// mediaItem is an item on the wire, https://developers.google.com/photos/library/reference/rest/v1/mediaItems
type mediaItem struct {
	ID          string        `json:"id,omitempty"`
	Description string        `json:"description,omitempty"`
	ProductURL  string        `json:"productUrl,omitempty"`
	BaseURL     string        `json:"baseUrl,omitempty"`
	MIMEType    string        `json:"mimeType,omitempty"`
	Metadata    mediaMetadata `json:"mediaMetadata"`
	FileName    string        `json:"filename,omitempty"`
}

type mediaMetadata struct {
	Created string     `json:"creationTime,omitempty"`
	Width   int64      `json:"width,omitempty,string"`
	Height  int64      `json:"height,omitempty,string"`
	Photo   *photoMeta `json:"photo,omitempty"`
	Video   *videoMeta `json:"video,omitempty"`
}

type photoMeta struct {
	CameraMake  string  `json:"cameraMake,omitempty"`
	CameraModel string  `json:"cameraModel,omitempty"`
	FocalLength float64 `json:"focalLength,omitempty"`
	Aperture    float64 `json:"apertureFNumber,omitempty"`
	ISO         int     `json:"isoEquivalent,omitempty"`
	Exposure    string  `json:"exposureTime,omitempty"`
}

type videoMeta struct {
	CameraMake  string  `json:"cameraMake,omitempty"`
	CameraModel string  `json:"cameraModel,omitempty"`
	FPS         float64 `json:"fps,omitempty"`
	Status      string  `json:"status,omitempty"`
}

// wire writes an item for a client that reached the server at p. batchCreate leaves the base URL out.
func (s *Server) wire(i *item, p place, withBase bool) mediaItem {
	m := mediaItem{
		ID: i.id, Description: i.description, ProductURL: "https://photos.google.com/lr/photo/" + i.id,
		MIMEType: i.facts.mime, FileName: i.fileName,
		Metadata: mediaMetadata{Created: i.created.UTC().Format(time.RFC3339Nano), Width: i.facts.width, Height: i.facts.height},
	}
	if withBase {
		m.BaseURL = s.baseURL(i.id, p)
	}
	if i.facts.video {
		f := i.facts.film
		m.Metadata.Video = &videoMeta{CameraMake: f.make, CameraModel: f.model, FPS: f.fps, Status: i.status()}
		return m
	}
	e := i.facts.exif
	m.Metadata.Photo = &photoMeta{
		CameraMake: e.make, CameraModel: e.model, FocalLength: e.focalLength, Aperture: e.aperture, ISO: e.iso, Exposure: seconds(e.exposure),
	}
	return m
}

// libraryOf is the library that a call works on. The caller holds Server.mu.
func (s *Server) libraryOf(c *call) *library { return s.libraries[c.token.account] }

// binding is what a page token is bound to: who asks, and for what.
func (c *call) binding(parts ...string) string {
	return fmt.Sprintf("%q", append([]string{c.route, c.token.account, c.token.project}, parts...))
}
