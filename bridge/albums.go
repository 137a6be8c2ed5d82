package bridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

// albumsLedger is the record's name in the store.
const albumsLedger = "albums"

const (
	// listLife is how long a list of all albums answers that a title does not exist.
	listLife = 5 * time.Minute
	// listLag is how long what was created may be missing in Google's lists.
	listLag = 10 * time.Minute
)

// albums is the ledger of an entry's album titles: a title that was found or
// created once costs no request again. It forgets one only when Google says that
// the album does not exist, because Google's lists may be incomplete. Its methods
// that ask Google are called only by who has the writer's turn, so no title is
// created twice.
type albums struct {
	entry  string
	store  *store.Store
	google *photos.Client
	log    *logrus.Entry

	mu     sync.Mutex // guards all below
	ids    map[string]string
	gone   map[string]bool // ids that Google does not know, though its list may still have them
	twice  map[string]bool // titles that a warning was given for
	listed time.Time       // when ids last was all that Google has; zero = unknown
}

func openAlbums(ctx context.Context, cfg EntryConfig) (*albums, error) {
	a := &albums{
		entry: cfg.Name, store: cfg.Store, google: cfg.Google, log: cfg.Log,
		ids: map[string]string{}, gone: map[string]bool{}, twice: map[string]bool{},
	}
	if _, err := a.store.LoadState(ctx, a.entry, albumsLedger, &a.ids); err != nil {
		return nil, fmt.Errorf("load album ledger: %w", err)
	}
	return a, nil
}

// find returns the album of that exact title, created if there is none.
func (a *albums) find(ctx context.Context, title string) (store.Album, error) {
	// A list that fails ends here, so that it never leads to a second album.
	id, ok, err := a.lookUp(ctx, title)
	if err != nil {
		return store.Album{}, err
	}
	if ok {
		return store.Album{ID: id, Title: title}, nil
	}
	// A stop between this call and the save leaves an album that the next look
	// finds, because a title that is not in the ledger is always looked for.
	created, err := a.google.CreateAlbum(ctx, title)
	if err != nil {
		a.doubt()
		return store.Album{}, err
	}
	if err := a.learn(ctx, title, created.ID); err != nil {
		return store.Album{}, err
	}
	return store.Album{ID: created.ID, Title: title, Created: true}, nil
}

// lookUp returns the id of the album of that exact title, if there is one.
func (a *albums) lookUp(ctx context.Context, title string) (id string, ok bool, err error) {
	if id, ok = a.known(title); ok || a.complete() {
		return id, ok, nil
	}
	if err := a.list(ctx); err != nil {
		return "", false, fmt.Errorf("look for album: %w", err)
	}
	id, ok = a.known(title)
	return id, ok, nil
}

// listedAll takes over a complete list of the albums, from whoever asked for it,
// and returns it without those that are known to be gone.
func (a *albums) listedAll(ctx context.Context, list []photos.Album) ([]photos.Album, error) {
	a.mu.Lock()
	list = slices.DeleteFunc(list, func(album photos.Album) bool { return a.gone[album.ID] })
	ids, titled := map[string]string{}, map[string]bool{}
	for _, album := range list {
		titled[album.ID] = true
		id, other := ids[album.Title]
		if other && !a.twice[album.Title] {
			a.twice[album.Title] = true
			a.log.WithField("album", album.Title).Warn("two albums have this title, the first by id is used")
		}
		if !other || album.ID < id {
			ids[album.Title] = album.ID
		}
	}
	for title, id := range a.ids {
		if _, ok := ids[title]; !ok && !titled[id] {
			ids[title] = id
		}
	}
	same := maps.Equal(ids, a.ids)
	a.ids, a.listed = ids, time.Now()
	a.mu.Unlock()
	if same {
		return list, nil
	}
	return list, a.save(ctx)
}

// renamed gives an album another title.
func (a *albums) renamed(ctx context.Context, id, title string) error {
	a.mu.Lock()
	maps.DeleteFunc(a.ids, func(_, known string) bool { return known == id })
	a.mu.Unlock()
	return a.learn(ctx, title, id)
}

// forget drops an album that Google no longer knows.
func (a *albums) forget(ctx context.Context, id string) error {
	a.mu.Lock()
	a.gone[id] = true
	before := len(a.ids)
	maps.DeleteFunc(a.ids, func(_, known string) bool { return known == id })
	if len(a.ids) == before {
		a.mu.Unlock()
		return nil
	}
	a.listed = time.Time{}
	a.mu.Unlock()
	return a.save(ctx)
}

// reset forgets all titles: they were another account's. The next list writes
// that down; until then Google refuses what is wrong.
func (a *albums) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids, a.gone, a.twice, a.listed = map[string]string{}, map[string]bool{}, map[string]bool{}, time.Time{}
}

func (a *albums) known(title string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, ok := a.ids[title]
	return id, ok
}

func (a *albums) complete() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.listed) < listLife
}

// doubt is called when an album may or may not have been made.
func (a *albums) doubt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listed = time.Time{}
}

func (a *albums) list(ctx context.Context) error {
	all, err := readAlbums(ctx, a.google)
	if err != nil {
		return err
	}
	_, err = a.listedAll(ctx, all)
	return err
}

func (a *albums) learn(ctx context.Context, title, id string) error {
	a.mu.Lock()
	a.ids[title] = id
	a.mu.Unlock()
	return a.save(ctx)
}

func (a *albums) save(ctx context.Context) error {
	a.mu.Lock()
	ids := maps.Clone(a.ids)
	a.mu.Unlock()
	if err := a.store.SaveState(ctx, a.entry, albumsLedger, ids); err != nil {
		return fmt.Errorf("save album ledger: %w", err)
	}
	return nil
}

// albumFor returns the album that a batch goes into and notes it in its jobs;
// the note is saved with the outcome of each file.
func (e *Entry) albumFor(ctx context.Context, batch []work) (store.Album, error) {
	asked := batch[0].view().Album
	if asked.ID != "" || asked.Title == "" {
		return asked, nil
	}
	album, err := e.albums.find(ctx, asked.Title)
	if err != nil {
		return store.Album{}, err
	}
	for i, w := range batch {
		w.note(func(r *store.Job) {
			created := r.Album.Created || album.Created && i == 0
			r.Album = store.Album{ID: album.ID, Title: album.Title, Created: created}
		})
	}
	if album.Created {
		e.listings.created(photos.Album{ID: album.ID, Title: album.Title, Writeable: true})
	}
	return album, nil
}
