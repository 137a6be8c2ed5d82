// Package catalog is which entries there are: those of the settings, and those that were added at run time, which the store keeps. It
// carries out the requests that add, change, remove and list entries. Who runs entries follows it: [Catalog.Names], [Catalog.Get].
package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cmd/gphotos2mqtt/config"
)

// Config says where the entries come from, and what the catalog needs to know of those that run.
type Config struct {
	Settings config.Config
	Store    *store.Store
	Most     int // entries that there may be
	Log      *logrus.Entry

	// Follow is called before a new entry is saved, with it, and whenever it is other entries that there are. Its error is the store's.
	Follow func(ctx context.Context) error
	// Waiting is how many uploads of an entry are waiting, as far as this process knows. Its error is the store's.
	Waiting func(ctx context.Context, entry string) (int, error)
	// Standing tells how entries stand, by name; one that runs nowhere is left out.
	Standing func(ctx context.Context, entries []string) map[string]Standing
	// Shared: entries run in other processes, too, of which no News come.
	Shared bool
}

// A Standing is how an entry does that runs.
type Standing struct {
	Online  bool
	Link    string // a mqttapi.LinkStatus
	Process string // in a fleet, where it runs
	Problem string // why it is not online

	Revision uint64 // of an entry that was added: how it was when it was opened
}

// A Catalog may be used by several goroutines.
type Catalog struct {
	cfg    Config
	news   wake.Broadcast // there are other entries, or one stands otherwise
	saving wake.Lock      // held by who changes an entry, across the save

	mu      sync.Mutex // guards all below
	added   map[string]Entry
	adding  string            // an entry that is about to be saved
	stopped map[string]func() // what ends an entry that is no longer as it was begun
}

// An Entry is one that there is.
type Entry struct {
	config.Entry

	Added   *store.Entry // nil for one of the settings; never changed in place
	Problem string       // why it cannot run, in a sentence; "" = it can
}

// Removal is what is asked for the entry; nil = it is to run.
func (e Entry) Removal() *store.Removal {
	if e.Added == nil {
		return nil
	}
	return e.Added.Removal
}

// Open loads the entries that were added. One that the settings name by now is theirs from here on.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	c := &Catalog{cfg: cfg, saving: wake.NewLock(), stopped: map[string]func(){}}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	for name, e := range c.added {
		if !slices.ContainsFunc(cfg.Settings.Entries, func(own config.Entry) bool { return own.Name == name }) {
			continue
		}
		err := cfg.Store.Entries().Delete(ctx, e.Added)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
		delete(c.added, name)
		cfg.Log.WithField("entry", name).Info("entry that was added belongs to the settings now")
	}
	return c, nil
}

// load reads what the store has.
func (c *Catalog) load(ctx context.Context) error {
	all, err := c.cfg.Store.Entries().All(ctx)
	if err != nil {
		return err
	}
	added := map[string]Entry{}
	for _, e := range all {
		added[e.Name] = c.read(e)
	}
	c.mu.Lock()
	c.added = added
	c.mu.Unlock()
	return nil
}

// read is an entry as the settings of today make it.
func (c *Catalog) read(added *store.Entry) Entry {
	e, err := c.cfg.Settings.ReadEntry(added.Name, added.Settings, added.ClientSecret)
	e.Name = added.Name
	switch {
	case added.Unreadable:
		return Entry{e, added, "The client secret of the entry cannot be opened with the secret key in use: send entry/add again, with client_secret."}
	case err != nil:
		return Entry{e, added, err.Error()}
	}
	return Entry{e, added, ""}
}

// Names are those of all entries, in order.
func (c *Catalog) Names() []string { return c.names("", func(Entry) bool { return true }) }

// Staying are the names of the entries that are not being removed, and of one that is about to be saved.
func (c *Catalog) Staying() []string {
	c.mu.Lock()
	adding := c.adding
	c.mu.Unlock()
	return c.names(adding, func(e Entry) bool { return e.Removal() == nil })
}

func (c *Catalog) names(also string, which func(Entry) bool) (names []string) {
	for _, e := range c.cfg.Settings.Entries {
		names = append(names, e.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, e := range c.added {
		if which(e) {
			names = append(names, name)
		}
	}
	if also != "" && !slices.Contains(names, also) {
		names = append(names, also)
	}
	slices.Sort(names)
	return names
}

// Get returns an entry as it is now.
func (c *Catalog) Get(name string) (Entry, bool) {
	for _, e := range c.cfg.Settings.Entries {
		if e.Name == name {
			return Entry{Entry: e}, true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.added[name]
	return e, ok
}

// OnChange has stop called, which must not wait, as soon as an entry is no longer as Get has returned it, until the returned function is
// called. An entry has one at most.
func (c *Catalog) OnChange(name string, e Entry, stop func()) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added[name].Added != e.Added {
		stop()
	}
	c.stopped[name] = stop
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.stopped, name)
	}
}

// Run follows what other processes change, until ctx ends. Its error is the store's.
func (c *Catalog) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := c.cfg.Store.Entries().Watch(ctx, func(name string, revision uint64) {
		if err := c.Refresh(ctx, name, revision); err != nil && ctx.Err() == nil {
			failed <- err // once: it ends the watch
			cancel()
		}
	})
	select {
	case err = <-failed:
	default:
	}
	return err
}

// Refresh reads an entry that was added as the store has it, unless it is known at that revision; 0 = it is read. Its error is the store's.
func (c *Catalog) Refresh(ctx context.Context, name string, revision uint64) error {
	if err := c.saving.Lock(ctx); err != nil {
		return err
	}
	defer c.saving.Unlock()
	c.mu.Lock()
	known := c.added[name].Added
	c.mu.Unlock()
	if known != nil && known.Revision() == revision {
		return nil
	}
	now, err := c.cfg.Store.Entries().Get(ctx, name)
	if err != nil || now == known || now != nil && known != nil && now.Revision() == known.Revision() {
		return err
	}
	return c.set(ctx, name, now)
}

// News says that an entry stands otherwise.
func (c *Catalog) News() { c.news.Wake() }

// save saves an entry, and lets all follow. ErrConflict: somebody else has changed it, and what the store has is loaded.
func (c *Catalog) save(ctx context.Context, e *store.Entry) error {
	err := c.cfg.Store.Entries().Save(ctx, e)
	return c.saved(ctx, e.Name, e, err)
}

func (c *Catalog) saved(ctx context.Context, name string, now *store.Entry, err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
		return errors.Join(store.ErrConflict, c.load(ctx))
	} else if err != nil {
		return err
	}
	return c.set(ctx, name, now)
}

// set makes an entry what it is now, nil = gone, lets all follow, and then has who runs it look.
func (c *Catalog) set(ctx context.Context, name string, now *store.Entry) error {
	c.mu.Lock()
	added := maps.Clone(c.added)
	if delete(added, name); now != nil {
		added[name] = c.read(now)
	}
	c.added = added
	stop := c.stopped[name]
	c.mu.Unlock()
	err := c.cfg.Follow(ctx)
	if stop != nil {
		stop()
	}
	c.news.Wake()
	return err
}

// Refuse ends a removal: so many uploads are waiting. A stop before the save has them counted again.
func (c *Catalog) Refuse(ctx context.Context, e Entry, uploads int) error {
	return c.end(ctx, e, func(now *store.Entry) error {
		now.Refusal, now.Removal = &store.Refusal{Uploads: uploads}, nil
		return c.save(ctx, now)
	})
}

// Removed says that nothing is left of an entry. A stop before the save has the removal, which finds nothing, gone through again.
func (c *Catalog) Removed(ctx context.Context, e Entry) error {
	return c.end(ctx, e, func(now *store.Entry) error {
		return c.saved(ctx, e.Name, nil, c.cfg.Store.Entries().Delete(ctx, now))
	})
}

func (c *Catalog) end(ctx context.Context, e Entry, change func(now *store.Entry) error) error {
	if err := c.saving.Lock(ctx); err != nil {
		return err
	}
	defer c.saving.Unlock()
	err := change(new(*e.Added))
	if errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrEngine) {
		err = nil // it is looked at anew
	}
	return err
}
