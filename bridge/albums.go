package bridge

import (
	"context"
	"fmt"
	"maps"
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
	// listLag is how long an album that was created may be missing in Google's list.
	listLag = 10 * time.Minute
)

// albums is the ledger of an entry's album titles: a title that was found or
// created once costs no request again. Its methods that ask Google are called
// only by who has the writer's turn, so no title is created twice.
type albums struct {
	entry  string
	store  *store.Store
	google *photos.Client
	log    *logrus.Entry

	mu     sync.Mutex // guards all below
	ids    map[string]string
	made   map[string]time.Time // titles created by this process, and when
	listed time.Time            // when ids last was all that Google has; zero = unknown
}

func openAlbums(ctx context.Context, cfg EntryConfig) (*albums, error) {
	a := &albums{entry: cfg.Name, store: cfg.Store, google: cfg.Google, log: cfg.Log, ids: map[string]string{}, made: map[string]time.Time{}}
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

// listedAll takes over a complete list of the albums, from whoever asked for it.
func (a *albums) listedAll(ctx context.Context, list []photos.Album) error {
	ids := map[string]string{}
	for _, album := range list {
		id, twice := ids[album.Title]
		if twice {
			a.log.WithField("album", album.Title).Warn("two albums have this title, the first by id is used")
		}
		if !twice || album.ID < id {
			ids[album.Title] = album.ID
		}
	}
	a.mu.Lock()
	for title, at := range a.made {
		if _, ok := ids[title]; !ok && time.Since(at) < listLag {
			ids[title] = a.ids[title]
		}
	}
	same := maps.Equal(ids, a.ids)
	a.ids, a.listed = ids, time.Now()
	a.mu.Unlock()
	if same {
		return nil
	}
	return a.save(ctx)
}

// renamed gives an album another title.
func (a *albums) renamed(ctx context.Context, id, title string) error {
	a.mu.Lock()
	maps.DeleteFunc(a.ids, func(_, known string) bool { return known == id })
	a.mu.Unlock()
	return a.learn(ctx, title, id)
}

// forget drops a title whose album Google no longer knows.
func (a *albums) forget(ctx context.Context, title string) error {
	a.mu.Lock()
	delete(a.ids, title)
	delete(a.made, title)
	a.listed = time.Time{}
	a.mu.Unlock()
	return a.save(ctx)
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
	return a.listedAll(ctx, all)
}

func (a *albums) learn(ctx context.Context, title, id string) error {
	a.mu.Lock()
	a.ids[title], a.made[title] = id, time.Now()
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
