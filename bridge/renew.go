package bridge

import (
	"context"
	"slices"
	"time"

	"gphotos2mqtt/photos"
)

const (
	// batchGet is how many items one request renews.
	// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchGet
	batchGet = photos.MaxBatch
	// renewLead is the part of the setting's time, one in so many, by which addresses
	// are renewed earlier, so that the new ones are out when that time is over.
	renewLead = 25
	// takenBack is how long before its end an address is taken back that could not be
	// renewed: a reader may take that long to get the document and to open it.
	takenBack = time.Minute
	// firstPoll and lastPoll bound the pauses in which Google is asked again for what
	// it has not finished. It works on a video for seconds to hours, and each question
	// counts for the day: https://developers.google.com/photos/overview/api-limits-quotas
	firstPoll = 30 * time.Second
	lastPoll  = 30 * time.Minute
)

// renewItems asks for the items whose turn it is, with fresh addresses.
func (e *Entry) renewItems(ctx context.Context) error {
	at := time.Now()
	ids := e.listings.stale(at)
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	got, err := e.google.Items(ctx, ids)
	if err != nil {
		return err
	}
	for _, g := range got {
		switch {
		case g.Err == nil:
			e.listings.renewed(g.Item, at)
		case photos.KindOf(g.Err) == photos.NotFound:
			e.listings.gone(g.ID)
		default:
			e.listings.unanswered(g.ID, at)
		}
	}
	return nil
}

// stale returns the ids of one request: those whose turn it is, in the order of
// the listings, and then those whose turn comes next, because a request for one
// costs as much as for fifty.
func (l *listings) stale(now time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due, later []string
	met := map[string]bool{}
	for id := range l.asking {
		switch {
		case met[id]:
		case !l.turn(id).After(now):
			due = append(due, id)
		case l.items[id].polls == 0:
			later = append(later, id)
		}
		met[id] = true
	}
	if len(due) == 0 {
		return nil
	}
	slices.SortStableFunc(later, func(a, b string) int { return l.items[a].at.Compare(l.items[b].at) })
	ids := append(due, later...)
	return ids[:min(len(ids), batchGet)]
}

// turn is called with mu held: when an item is to be asked for.
func (l *listings) turn(id string) time.Time {
	i := l.items[id]
	switch {
	case i.asked.IsZero():
		return time.Time{}
	case i.polls > 0:
		return i.asked.Add(min(firstPoll<<min(i.polls-1, 10), lastPoll, l.renew))
	}
	return i.asked.Add(l.renew)
}

// renewed takes over what Google answered about one id.
func (l *listings) renewed(item photos.Item, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.see(item, at)
	l.arrive(item)
	for _, s := range l.each() {
		if slices.Contains(s.ids, item.ID) {
			s.dirty = true
		}
	}
}

// unanswered notes that Google could not say anything about one id.
func (l *listings) unanswered(id string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.items[id]
	i.asked = at
	i.polls++
	l.items[id] = i
}

// amended takes over what a request has changed of an item; an answer without an
// address leaves the one that is known.
func (l *listings) amended(item photos.Item, at time.Time) {
	l.mu.Lock()
	known, ok := l.items[item.ID]
	l.mu.Unlock()
	if !ok {
		return
	}
	if item.BaseURL == "" {
		item.BaseURL, at = known.BaseURL, known.at
	}
	l.renewed(item, at)
	l.touch()
}

// see is called with mu held.
func (l *listings) see(item photos.Item, at time.Time) {
	known := l.items[item.ID]
	polls := 0
	if unfinished(item) {
		polls = known.polls + 1
	}
	l.items[item.ID] = seen{Item: item, at: at, asked: at, polls: polls, uploaded: known.uploaded}
	if item.ID == l.newest {
		wake(l.picture)
	}
}

// unfinished tells an item that Google still works on.
func unfinished(i photos.Item) bool {
	if i.Video != nil && i.Video.Status == photos.VideoFailed {
		return false
	}
	return i.BaseURL == "" || i.Video != nil && i.Video.Status == photos.VideoProcessing
}

// expire takes back the addresses that are about to stop working because they
// could not be renewed, so that no reader holds a dead one. It returns when that
// happens to the next one; zero = there is none.
func (l *listings) expire(now time.Time) (next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := func(at time.Time) bool {
		end := at.Add(urlLife - takenBack)
		if now.Before(end) && (next.IsZero() || end.Before(next)) {
			next = end
		}
		return !now.Before(end)
	}
	covers := l.covered && over(l.albumsAt)
	if covers {
		for i := range l.albums {
			l.albums[i].CoverURL = ""
		}
		l.covered, l.dirty = false, true
	}
	dead := map[string]bool{}
	for id, i := range l.items {
		if i.BaseURL != "" && over(i.at) {
			i.BaseURL = ""
			l.items[id] = i
			dead[id] = true
		}
	}
	for id, s := range l.each() {
		if covers && id != "" || slices.ContainsFunc(s.ids, func(id string) bool { return dead[id] }) {
			s.dirty, s.blank = true, true
		}
	}
	return next
}
