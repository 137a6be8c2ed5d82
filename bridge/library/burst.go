package library

import (
	"context"
	"time"

	"gphotos2mqtt/bridge/wake"
)

// A request for new items costs the same for one and for fifty, and what comes meanwhile has to be asked for again: so uploads wait to be
// listed until the rest of their burst is there.
const (
	photoPause = 500 * time.Millisecond // for a second upload
	burstPause = 3 * time.Second        // for the next one: contract, an upload after which none comes is shown within 5 s
	// burstLimit is for a burst that does not pause, so that it is seen to go on. A thousand photos are made in 16 to 45 s, and whoever goes on
	// for longer has used up the day's 10,000 requests in an hour or two. For the next burstPause nothing waits, then the limit begins anew.
	burstLimit = time.Minute
)

// hurry has a change by a request listed at once, also during a burst, with all that is due meanwhile.
func (c *cache) hurry() { c.soon = time.Now().Add(burstPause) }

// awaitBurst returns when there is something to be listed that does not wait, when uploads pause, or when none is on its way.
func (l *Library) awaitBurst(ctx context.Context) {
	if l.burstLeft(time.Now()) <= 0 {
		return
	}
	_ = wake.Sleep(ctx, nil, photoPause)
	for began := time.Now(); ctx.Err() == nil; began = time.Now() {
		left := l.burstLeft(began)
		if left <= 0 || l.cfg.AwaitIdle(ctx, left) != nil || time.Since(began) < left {
			return
		}
	}
}

// burstLeft is how long uploads may still wait for the next one.
func (l *Library) burstLeft(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	waits, other := l.cache.bursting(now)
	switch {
	case !waits:
		l.burst = time.Time{}
		return 0
	case l.burst.IsZero(), now.Sub(l.burst) > burstLimit+burstPause:
		l.burst = now
	}
	if other {
		return 0
	}
	return min(burstPause-now.Sub(l.cache.grew), burstLimit-now.Sub(l.burst))
}

// bursting reports whether uploads are not listed yet, and whether something else is to be done now.
func (c *cache) bursting(now time.Time) (uploads, other bool) {
	uploads = c.index.stale
	other = now.Before(c.soon) || len(c.refreshes) > 0 || !c.libraryNext.After(now) || !c.albumsNext.After(now)
	for _, id := range c.listed() {
		i := c.items[id]
		fresh := i.asked.IsZero() && !i.uploaded.IsZero()
		uploads, other = uploads || fresh, other || !fresh && !c.turn(id).After(now)
	}
	return uploads, other
}
