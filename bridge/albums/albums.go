// Package albums finds the album of a title, or makes it once.
//
// A title that was found or created costs no request again: [Albums] keeps them in the store. It forgets one only when Google says that
// the album does not exist, because Google's lists may be incomplete for some minutes.
package albums

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

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
	newOnes  = "albums-made"   // the albums of the last minutes in the store, with its running time when they were made
)

// Config says whose albums they are.
type Config struct {
	Entry  string
	Store  *store.Store
	Google *photos.Client
	Log    *logrus.Entry
}

// Albums are an entry's albums by title. Only who holds the account's writer lock calls Find and LookUp: no title is created twice.
type Albums struct {
	cfg Config

	mu     sync.Mutex        // guards all below
	ids    map[string]string // by title
	gone   map[string]bool   // ids that Google does not know, though its list may still have them
	twice  map[string]bool   // titles that a warning was given for
	listed time.Time         // when ids last was all that Google has; zero = unknown

	made map[string]time.Duration // by id, of new albums: the store's running time then
}

// Open loads the titles that are known.
func Open(ctx context.Context, cfg Config) (*Albums, error) {
	a := &Albums{cfg: cfg}
	a.Reset()
	_, err := cfg.Store.LoadState(ctx, cfg.Entry, record, &a.ids)
	if err == nil {
		_, err = cfg.Store.LoadState(ctx, cfg.Entry, newOnes, &a.made)
	}
	return a, err
}

// Find returns the album of that exact title, created if there is none.
func (a *Albums) Find(ctx context.Context, title string) (store.Album, error) {
	// A list that fails ends here, so that it never leads to a second album.
	id, ok, err := a.LookUp(ctx, title)
	if ok || err != nil {
		return store.Album{ID: id, Title: title}, err
	}
	created, err := a.Create(ctx, title)
	return store.Album{ID: created.ID, Title: title, Created: true}, err
}

// Create makes an album, also beside another of its title; the first one stays the one that the title finds.
func (a *Albums) Create(ctx context.Context, title string) (photos.Album, error) {
	// A stop between this call and the save leaves an album that the next look finds: an unknown title is always looked for.
	created, err := a.cfg.Google.CreateAlbum(ctx, title)
	unsaved := a.change(ctx, func() {
		if err != nil { // it may have been made
			a.listed = time.Time{}
		} else if a.ids[title] == "" {
			a.ids[title] = created.ID
		}
	})
	if err = cmp.Or(err, unsaved); err != nil {
		return created, err
	}
	a.mu.Lock()
	a.made[created.ID] = a.cfg.Store.Ran()
	maps.DeleteFunc(a.made, func(_ string, made time.Duration) bool { return !a.fresh(made) })
	made := maps.Clone(a.made)
	a.mu.Unlock()
	// A stop before this save lets the album count as gone, should Google not know it at the next start either.
	return created, a.cfg.Store.SaveState(ctx, a.cfg.Entry, newOnes, made)
}

// IsNew reports whether the album was made so lately that Google may not know it everywhere: that it is not found means nothing yet.
func (a *Albums) IsNew(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	made, ok := a.made[id]
	return ok && a.fresh(made)
}

func (a *Albums) fresh(made time.Duration) bool { return a.cfg.Store.Ran()-made < ListLag }

// LookUp returns the id of the album of that exact title, if there is one.
func (a *Albums) LookUp(ctx context.Context, title string) (id string, ok bool, err error) {
	a.mu.Lock()
	id, ok = a.ids[title]
	fresh := time.Since(a.listed) < listLife
	a.mu.Unlock()
	if ok || fresh {
		return id, ok, nil
	}
	_, err = a.List(ctx)
	id, ok = a.Known(title)
	return id, ok, err
}

// List reads all albums from Google, which shows those that the bridge made, and returns them without those that are known to be gone.
func (a *Albums) List(ctx context.Context) ([]photos.Album, error) {
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

// Known returns the id of a title without asking Google.
func (a *Albums) Known(title string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, ok := a.ids[title]
	return id, ok
}

// Rename gives an album another title.
func (a *Albums) Rename(ctx context.Context, id, title string) error {
	return a.change(ctx, func() {
		a.drop(id)
		a.ids[title] = id
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
	a.ids, a.gone, a.twice, a.listed = map[string]string{}, map[string]bool{}, map[string]bool{}, time.Time{}
	a.made = map[string]time.Duration{}
}

// listedAll takes over a complete list. A title that it lacks stays known, unless its album is there under another one.
func (a *Albums) listedAll(ctx context.Context, list []photos.Album) ([]photos.Album, error) {
	err := a.change(ctx, func() {
		list = slices.DeleteFunc(list, func(album photos.Album) bool { return a.gone[album.ID] })
		ids, titled := map[string]string{}, map[string]bool{}
		for _, album := range list {
			titled[album.ID] = true
			id, other := ids[album.Title]
			if other && !a.twice[album.Title] {
				a.twice[album.Title] = true
				a.cfg.Log.WithField("album", album.Title).Warn("two albums have this title, the first by id is used")
			}
			if !other || album.ID < id {
				ids[album.Title] = album.ID
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

// drop is called with mu held.
func (a *Albums) drop(id string) {
	maps.DeleteFunc(a.ids, func(_, known string) bool { return known == id })
}
