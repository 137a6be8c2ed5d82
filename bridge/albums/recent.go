package albums

import (
	"context"
	"maps"
	"time"
)

const recentRecord = "albums-made"

// recent is whose albums these are, and which were made so lately that Google may not know them everywhere.
type recent struct {
	Owner string                   `json:"owner"` // id of the Google account; empty = not known yet
	Made  map[string]time.Duration `json:"made"`  // by album id: the store's running time then
}

// IsNew reports whether the album was made only minutes ago: that Google does not find it means nothing yet.
func (a *Albums) IsNew(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	made, ok := a.recent.Made[id]
	return ok && a.lately(made) && a.recent.Owner == a.cfg.Owner()
}

// Seen says that Google has put something into the album: it is known, and when it is not found later, it is gone.
func (a *Albums) Seen(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.recent.Made[id]; ok {
		made := maps.Clone(a.recent.Made)
		delete(made, id)
		a.recent.Made = made // saved with the next one that is made: after a stop it may count as new for some minutes
	}
}

func (a *Albums) lately(made time.Duration) bool { return a.cfg.Store.Ran()-made < ListLag }

// noteNew notes an album that was just made.
func (a *Albums) noteNew(ctx context.Context, id string) error {
	a.mu.Lock()
	made := map[string]time.Duration{}
	maps.Copy(made, a.recent.Made)
	maps.DeleteFunc(made, func(_ string, at time.Duration) bool { return !a.lately(at) })
	made[id] = a.cfg.Store.Ran()
	a.recent.Made = made
	now := a.recent
	a.mu.Unlock()
	// A stop before this save lets the album count as gone, should Google not know it at the next start either.
	return a.cfg.Store.SaveState(ctx, a.cfg.Entry, recentRecord, now)
}

// follow forgets all titles when another account is linked than the one that they are of.
func (a *Albums) follow(ctx context.Context) error {
	owner := a.cfg.Owner()
	a.mu.Lock()
	before := a.recent.Owner
	a.mu.Unlock()
	if owner == "" || owner == before {
		return nil
	}
	if before != "" {
		a.Reset()
		// A stop before this save, or between the two, forgets them again at the next start.
		if err := a.cfg.Store.SaveState(ctx, a.cfg.Entry, record, map[string]string{}); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.recent.Owner = owner
	now := a.recent
	a.mu.Unlock()
	return a.cfg.Store.SaveState(ctx, a.cfg.Entry, recentRecord, now)
}
