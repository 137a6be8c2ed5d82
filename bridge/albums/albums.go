// Package albums finds the album of a title, or makes it once.
//
// A title that was found or created costs no request again: [Albums] keeps them in the store. It forgets one only when Google says that
// the album does not exist, because Google's lists may be incomplete for some minutes.
//
// Titles are compared as Google stores them: without the white space around them, in the normal form NFC. Where a title is that of no album
// but the id of one, this album is meant.
// Source: https://google.aip.dev/210#normalization
package albums

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/text/unicode/norm"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

// ListLag is how long what was created may be missing in Google's lists.
const ListLag = 10 * time.Minute

const (
	listLife = 5 * time.Minute // how long a list of all albums answers that a title does not exist
	record   = "albums"        // the titles in the store
)

// Config says whose albums they are.
type Config struct {
	Entry  string
	Store  *store.Store
	Google *photos.Client
	Owner  func() string // the id of the Google account that is linked; empty = none
	Log    *logrus.Entry
}

// Albums are an entry's albums by title. Only who holds the account's writer lock calls Find and LookUp: no title is created twice.
type Albums struct {
	cfg Config

	mu     sync.Mutex        // guards all below
	ids    map[string]string // by the key of the title, see Key
	titles map[string]string // by id
	gone   map[string]bool   // ids that Google does not know, though its list may still have them
	warned map[string]bool   // titles, and ids in place of one, that a warning was given for
	listed time.Time         // when ids last was all that Google has; zero = unknown
	recent recent            // Made never changes in place
}

// Open loads the titles that are known.
func Open(ctx context.Context, cfg Config) (*Albums, error) {
	a := &Albums{cfg: cfg}
	a.Reset()
	var ids map[string]string
	_, err := cfg.Store.LoadState(ctx, cfg.Entry, record, &ids)
	for title, id := range ids {
		a.ids[Key(title)], a.titles[id] = id, title
	}
	if err == nil {
		_, err = cfg.Store.LoadState(ctx, cfg.Entry, recentRecord, &a.recent)
	}
	return a, err
}

// Key is what a title is compared by.
func Key(title string) string { return norm.NFC.String(strings.TrimSpace(title)) }

// Find returns the album of a title, created if there is none.
func (a *Albums) Find(ctx context.Context, title string) (store.Album, error) {
	// A list that fails ends here, so that it never leads to a second album.
	found, ok, err := a.LookUp(ctx, title)
	if ok || err != nil {
		return found, err
	}
	created, err := a.Create(ctx, title)
	return store.Album{ID: created.ID, Title: Key(title), Created: true}, err
}

// Create makes an album, also beside another of its title; the first one stays the one that the title finds.
func (a *Albums) Create(ctx context.Context, title string) (photos.Album, error) {
	if err := a.follow(ctx); err != nil {
		return photos.Album{}, err
	}
	// A stop between this call and the save leaves an album that the next look finds: an unknown title is always looked for.
	title = Key(title)
	created, err := a.cfg.Google.CreateAlbum(ctx, title)
	unsaved := a.change(ctx, func() {
		if err != nil { // it may have been made
			a.listed = time.Time{}
			return
		}
		a.titles[created.ID] = title
		if a.ids[title] == "" {
			a.ids[title] = created.ID
		}
	})
	if err = cmp.Or(err, unsaved); err != nil {
		return created, err
	}
	return created, a.noteNew(ctx, created.ID)
}

// LookUp returns the album of a title, if there is one.
func (a *Albums) LookUp(ctx context.Context, title string) (found store.Album, ok bool, err error) {
	if err = a.follow(ctx); err != nil {
		return found, false, err
	}
	found, ok = a.Known(title)
	a.mu.Lock()
	fresh := time.Since(a.listed) < listLife
	a.mu.Unlock()
	if ok || fresh {
		return found, ok, nil
	}
	_, err = a.List(ctx)
	found, ok = a.Known(title)
	return found, ok, err
}

// List reads all albums from Google, which shows those that the bridge made, and returns them without those that are known to be gone.
func (a *Albums) List(ctx context.Context) ([]photos.Album, error) {
	if err := a.follow(ctx); err != nil {
		return nil, err
	}
	watchdog := wake.Watch(ctx, account.CallLimit)
	var all []photos.Album
	for album, err := range a.cfg.Google.AllAlbums(watchdog.Context) {
		if err != nil {
			return nil, watchdog.Stop(err)
		}
		watchdog.Moves()
		all = append(all, album)
	}
	_ = watchdog.Stop(nil)
	return a.listedAll(ctx, all)
}

// Known returns the album of a title without asking Google.
func (a *Albums) Known(title string) (store.Album, bool) {
	title = Key(title)
	a.mu.Lock()
	defer a.mu.Unlock()
	if id, ok := a.ids[title]; ok {
		return store.Album{ID: id, Title: title}, true
	}
	named, ok := a.titles[title]
	if !ok {
		return store.Album{}, false
	}
	a.warn(title, "the title of an album is the id of one, which is used: name it by album_id")
	return store.Album{ID: title, Title: named}, true
}

// Rename gives an album another title.
func (a *Albums) Rename(ctx context.Context, id, title string) error {
	return a.change(ctx, func() {
		a.drop(id)
		a.ids[Key(title)], a.titles[id] = id, title
	})
}

// Forget drops an album that Google no longer knows.
func (a *Albums) Forget(ctx context.Context, id string) error {
	return a.change(ctx, func() {
		a.drop(id)
		a.gone[id], a.listed = true, time.Time{}
	})
}

// Reset forgets all titles: they were another account's. The next list writes that down; until then Google refuses what is wrong.
func (a *Albums) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids, a.titles, a.listed = map[string]string{}, map[string]string{}, time.Time{}
	a.gone, a.warned, a.recent.Made = map[string]bool{}, map[string]bool{}, map[string]time.Duration{}
}

// listedAll takes over a complete list. A title that it lacks stays known, unless its album is there under another one.
func (a *Albums) listedAll(ctx context.Context, list []photos.Album) ([]photos.Album, error) {
	err := a.change(ctx, func() {
		list = slices.DeleteFunc(list, func(album photos.Album) bool { return a.gone[album.ID] })
		ids, titled := map[string]string{}, map[string]bool{}
		for _, album := range list {
			titled[album.ID], a.titles[album.ID] = true, album.Title
			title := Key(album.Title)
			id, other := ids[title]
			if other {
				a.warn(title, "two albums have this title, the first by id is used")
			}
			if !other || album.ID < id {
				ids[title] = album.ID
			}
		}
		maps.DeleteFunc(a.ids, func(_, id string) bool { return titled[id] })
		maps.Copy(a.ids, ids)
		a.listed = time.Now()
	})
	return list, err
}

func (a *Albums) change(ctx context.Context, f func()) error {
	a.mu.Lock()
	before := maps.Clone(a.ids)
	f()
	ids := maps.Clone(a.ids)
	a.mu.Unlock()
	if maps.Equal(before, ids) {
		return nil
	}
	return a.cfg.Store.SaveState(ctx, a.cfg.Entry, record, ids)
}

// warn says something once of a title. It is called with mu held.
func (a *Albums) warn(title, what string) {
	if !a.warned[title] {
		a.warned[title] = true
		a.cfg.Log.WithField("album", title).Warn(what)
	}
}

// drop is called with mu held.
func (a *Albums) drop(id string) {
	delete(a.titles, id)
	maps.DeleteFunc(a.ids, func(_, known string) bool { return known == id })
}
