// Package mirror keeps the newest items of chosen albums as files below a media folder, for whoever plays folders, as Home Assistant's own
// media browser does.
//
// Each album has a folder, and each file the date and the name of its item. The store's record says which files the mirror has written, and
// with which content: those alone are ever removed, and only while they are like that. What the record knows costs no request to Google:
// what there is comes from the listings, which are read anyway, and a file is fetched once.
package mirror

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

const (
	firstPause = 30 * time.Second // after a file that could not be fetched or written, doubled up to lastPause
	lastPause  = 30 * time.Minute
)

// Config says what is mirrored, and where.
type Config struct {
	Entry    string
	Folder   string // absolute, below a media folder; each album has a folder in it
	Items    int    // of each album, newest first, at most
	MaxBytes int64  // of all files together; what is older has no room

	Store  *store.Store
	Media  *media.Folders
	Google *photos.Client
	Albums func() ([]Album, bool) // those that are to be mirrored; false while they are unknown
	Turns  wake.Turns             // for a file
	Log    *logrus.Entry
}

// An Album is one that is to be mirrored.
type Album struct {
	ID, Title string
	Known     bool          // Items are what the album holds; otherwise its files stay as they are
	Items     []photos.Item // newest first; without a base URL what cannot be fetched now
}

// A Mirror is what an entry has below a folder.
type Mirror struct {
	cfg     Config
	changed wake.Flag
	opened  time.Time
	albums  map[string][]file // what is recorded, by album id; owned by Run
	swept   map[string]bool   // folders in which no earlier run has left half a file; owned by Run
	failed  int               // tries in a row, owned by Run
	tries   map[string]int    // of an item that failed, owned by Run: it comes after the others
}

// A file is what is known of an item: written at a path, or only how large it is.
type file struct {
	Item string `json:"item"`
	Path string `json:"path,omitempty"` // absolute; empty = not written, as there is no room
	Size int64  `json:"size"`           // bytes; more than that may come when it is not written
	Sum  string `json:"sum,omitempty"`  // SHA-256, in hex
}

// Open loads the record. Without a Folder, or without albums, Run takes away what an earlier run has written.
func Open(ctx context.Context, cfg Config) (*Mirror, error) {
	m := &Mirror{
		cfg: cfg, changed: wake.NewFlag(), opened: time.Now(), albums: map[string][]file{}, swept: map[string]bool{},
		tries: map[string]int{},
	}
	return m, m.load(ctx)
}

// Clear takes away what is recorded of an entry that is no more. Its error is the store's, ctx's, or a folder's.
func Clear(ctx context.Context, cfg Config) error {
	cfg.Albums = func() ([]Album, bool) { return nil, true }
	m, err := Open(ctx, cfg)
	if err == nil {
		_, err = m.step(ctx)
	}
	return err
}

// Changed says that Albums may return something else.
func (m *Mirror) Changed() { m.changed.Set() }

// Run keeps the folder true until ctx ends, or returns at once when nothing is mirrored, nor was. Its error is the store's, or ctx's.
func (m *Mirror) Run(ctx context.Context) error {
	for m.cfg.Folder != "" || len(m.albums) > 0 {
		more, err := m.step(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrEngine):
			return err
		case err != nil: // Google or the folder
			m.failed++
			wait := min(firstPause<<min(m.failed-1, 10), lastPause)
			m.cfg.Log.WithError(err).WithFields(map[string]any{"op": "mirror", "attempt": m.failed, "wait": wait.String()}).
				Warn("mirror is not complete")
			err = wake.Sleep(ctx, m.changed, wait)
		case more:
			m.failed = 0
		default:
			err = wake.Sleep(ctx, m.changed, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step takes away what is not wanted, writes one file of what is, and reports whether there may be more to do.
func (m *Mirror) step(ctx context.Context) (more bool, err error) {
	albums, known := m.cfg.Albums()
	if !known {
		return false, nil
	}
	wanted, unwanted := m.plan(albums)
	for _, u := range unwanted {
		if err := m.remove(ctx, u.album, u.file, u.forget); err != nil {
			return false, err
		}
	}
	next := -1
	for i, w := range wanted {
		missing := w.item.BaseURL != "" && (w.file.Path == "" || !m.cfg.Media.Exists(ctx, w.file.Path))
		if missing && (next < 0 || m.tries[w.item.ID] < m.tries[wanted[next].item.ID]) {
			next = i
		}
	}
	if next < 0 {
		return false, nil
	}
	id := wanted[next].item.ID
	m.tries[id]++
	if err := m.cfg.Turns.Take(ctx); err != nil {
		return false, err
	}
	defer m.cfg.Turns.Give()
	if err = m.write(ctx, wanted[next], wanted[next+1:]); err == nil {
		delete(m.tries, id)
	}
	return true, err
}
