package library

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/spec"
)

const (
	renewLead = 25 // the part of the setting's time by which addresses are renewed earlier, so that the new ones are out when it is over
	// firstPoll and lastPoll bound the pauses in which Google is asked again for what it has not finished. It works on a video for
	// seconds to hours, and each question counts for the day.
	// Source: https://developers.google.com/photos/overview/api-limits-quotas
	firstPoll = 30 * time.Second
	lastPoll  = 30 * time.Minute
)

// A cache is what is known of an account's albums and items, and what is published. It does no I/O; Library.mu guards all of it.
type cache struct {
	cfg     Config
	picture wake.Flag // of the Library

	account     string    // whose library it is; empty = unknown
	albums      []*album  // newest first
	albumsAt    time.Time // when Google last listed them; zero = not in this run
	albumsNext  time.Time // when it is to do so
	index       document  // E/albums
	library     album     // all items, without an id
	libraryNext time.Time // when its newest items are to be read
	items       map[string]item
	grew        time.Time       // when an upload last changed something
	soon        time.Time       // until when nothing waits for the rest of a burst of uploads
	newest      string          // id of the newest upload
	shown       string          // id of what E/image shows; empty = nothing in this run
	pages       *rate.Limiter   // of albums that are read
	refreshes   []chan struct{} // to be closed when all that is due now is published
}

// An album is as Google gave it, changed by what the bridge has done since, with its listing and the plan of what is to be read.
type album struct {
	photos.Album
	recheck bool  // Google is to be asked for it alone
	off     int64 // by how many items Google's last list differed from it
	listed  bool  // it has a listing
	document
	kept
	ids     []string // newest first
	unsaved bool     // the record is another one
	scan    *scan    // what has been read so far of what is due
}

type kept struct {
	More        bool      `json:"more,omitempty"`         // there are, or may be, older items
	Due         bool      `json:"due,omitempty"`          // the newest items are to be read, page by page
	Read        bool      `json:"read,omitempty"`         // that was done once
	NewestFirst bool      `json:"newest_first,omitempty"` // Google gave them so
	Changed     time.Time `json:"changed,omitzero"`       // when the bridge last changed the album
}

type document struct {
	stale   bool      // something else is known by now
	fresher bool      // newer addresses are
	dies    time.Time // when the first address in it has to be taken back; zero = there is none
}

type item struct {
	photos.Item
	at       time.Time // when Google said so: the age of its address
	asked    time.Time // when Google was last asked; zero = it has to be now
	polls    int       // how often in a row it had not finished
	uploaded time.Time // when the bridge made it; zero when it did not
	since    time.Time // when it became known; zero = in an earlier run
}

func (i item) placed() bool { return !i.asked.IsZero() || !i.Created.IsZero() }

// news tells an item of which there is, or may be, more to say than another address.
func (i item) news() bool { return i.asked.IsZero() || i.polls > 0 }

// shows tells whether the item is known like this, addresses apart.
func (i item) shows(got photos.Item) bool {
	got.BaseURL = i.BaseURL
	return reflect.DeepEqual(i.Item, got)
}

// follow begins anew when another account is linked, and reports whether it did.
func (c *cache) follow(account string) bool {
	another := account != "" && c.account != "" && account != c.account
	if another {
		c.reset()
	}
	c.account = cmp.Or(account, c.account)
	return another
}

func (c *cache) reset() {
	*c = cache{
		cfg: c.cfg, picture: c.picture, refreshes: c.refreshes,
		library: album{listed: true, kept: kept{More: true}}, items: map[string]item{}, pages: newLimiter(),
	}
	c.picture.Set()
}

func (c *cache) album(id string) *album {
	if i := slices.IndexFunc(c.albums, func(a *album) bool { return a.ID == id }); i >= 0 {
		return c.albums[i]
	}
	return nil
}

func (c *cache) listings() []*album {
	all := append([]*album{&c.library}, c.albums...)
	return slices.DeleteFunc(all, func(a *album) bool { return !a.listed })
}

// put gives ids their place, and returns how many were not there.
func (c *cache) put(a *album, ids ...string) (added int) {
	for _, id := range ids {
		if !slices.Contains(a.ids, id) {
			a.ids = slices.Insert(a.ids, 0, id)
			added++
		}
	}
	if a.stale = true; added > 0 {
		a.unsaved = true
		c.arrange(a)
	}
	return added
}

// arrange sorts a listing newest first, and cuts it once every place is known.
func (c *cache) arrange(a *album) {
	created := func(id string) time.Time {
		if i := c.items[id]; i.placed() {
			return i.Created
		}
		return time.Unix(1<<40, 0) // first
	}
	slices.SortStableFunc(a.ids, func(a, b string) int { return created(b).Compare(created(a)) })
	if len(a.ids) > c.cfg.Items && c.items[a.ids[0]].placed() {
		a.ids, a.More = a.ids[:c.cfg.Items], true
	}
}

func (a *album) without(ids ...string) bool {
	before := len(a.ids)
	a.ids = slices.DeleteFunc(a.ids, func(id string) bool { return slices.Contains(ids, id) })
	off := len(a.ids) < before
	a.stale, a.unsaved = a.stale || off, a.unsaved || off
	return off
}

// grow says that the bridge has changed how many items an album has.
func (c *cache) grow(a *album, by int) {
	a.Items = max(0, a.Items+int64(by))
	a.recheck = a.recheck || a.CoverItemID == ""
	a.Changed, a.stale, a.unsaved, c.index.stale = time.Now(), true, true, true
}

// ask has Google asked now for those of the items that which chooses.
func (c *cache) ask(ids []string, which func(item) bool) {
	for _, id := range ids {
		if i := c.items[id]; which(i) {
			i.asked = time.Time{}
			c.items[id] = i
		}
	}
}

func (c *cache) listed() (ids []string) {
	met := map[string]bool{}
	for _, a := range c.listings() {
		for _, id := range a.ids {
			if !met[id] {
				ids = append(ids, id)
			}
			met[id] = true
		}
	}
	return ids
}

// batch returns the ids of one request, or the first turn (zero = none). Addresses that are due take the next ones along, as one costs as
// much as fifty; a new item does not, since the listings of all others would be published again with it.
func (c *cache) batch(now time.Time) (ids []string, turn time.Time) {
	if ids = c.listed(); c.newest != "" && c.newest != c.shown && !slices.Contains(ids, c.newest) {
		ids = append(ids, c.newest)
	}
	if len(ids) == 0 {
		return nil, turn
	}
	byTurn := func(a, b string) int { return c.turn(a).Compare(c.turn(b)) }
	if turn = c.turn(slices.MinFunc(ids, byTurn)); turn.After(now) {
		return nil, turn
	}
	slices.SortStableFunc(ids, byTurn)
	news := c.items[ids[0]].news()
	ids = slices.DeleteFunc(ids, func(id string) bool { return (news || c.items[id].polls > 0) && c.turn(id).After(now) })
	return ids[:min(len(ids), spec.MaxBatch)], now
}

// turn is when an item is to be asked for.
func (c *cache) turn(id string) time.Time {
	i := c.items[id]
	switch {
	case i.asked.IsZero():
		return time.Time{}
	case i.polls > 0:
		return i.asked.Add(min(pollPause(i.polls), c.cfg.Renew))
	}
	return i.asked.Add(c.cfg.Renew)
}

// settling tells a listing of which more addresses are due so soon that it waits for them, to be published once.
func (c *cache) settling(a *album, now time.Time) bool {
	return slices.ContainsFunc(a.ids, func(id string) bool {
		return c.items[id].polls == 0 && c.turn(id).Before(now.Add(c.cfg.Renew/(2*renewLead)))
	})
}

func pollPause(polls int) time.Duration { return min(firstPoll<<min(polls-1, 10), lastPoll) }

func (c *cache) renewed(got photos.Item, at time.Time) {
	before := c.items[got.ID]
	same := before.shows(got)
	keeps := same && before.polls > 0 && Unfinished(got) && at.Add(pollPause(before.polls+1)).Before(before.at.Add(c.cfg.Renew))
	if keeps { // nothing is new, and its address does until it is asked for again
		got.BaseURL = before.BaseURL
	}
	if c.see(got, at); keeps {
		i := c.items[got.ID]
		i.at = before.at
		c.items[got.ID] = i
		return
	}
	for _, a := range c.listings() {
		if !slices.Contains(a.ids, got.ID) {
			continue
		}
		a.stale, a.fresher = a.stale || !same, true
		if !got.Created.Equal(before.Created) {
			a.unsaved = true
			c.arrange(a)
		}
	}
}

// since is when an item became known, which may be now.
func (c *cache) since(id string) time.Time {
	if known, ok := c.items[id]; ok {
		return known.since
	}
	return time.Now()
}

func (c *cache) see(got photos.Item, at time.Time) {
	known, polls := c.items[got.ID], 0
	if Unfinished(got) {
		polls = known.polls + 1
	}
	c.items[got.ID] = item{Item: got, at: at, asked: at, polls: polls, uploaded: known.uploaded, since: c.since(got.ID)}
	if got.ID == c.newest {
		c.picture.Set()
	}
}

func (c *cache) gone(id string) {
	delete(c.items, id)
	for _, a := range c.listings() {
		if a.without(id) && a != &c.library {
			c.grow(a, -1)
		}
	}
	if c.newest == id { // the library holds uploads alone
		c.newest = strings.Join(c.library.ids[:min(len(c.library.ids), 1)], "")
		c.picture.Set()
	}
}

// again has everything read anew, as far as that costs little.
func (c *cache) again() {
	c.libraryNext, c.albumsNext = time.Time{}, time.Time{}
	for _, a := range c.listings() {
		if a.Items <= cheapItems || a.NewestFirst && c.cfg.Items <= cheapItems {
			a.Due = true
		} else {
			c.ask(a.ids, func(item) bool { return true })
		}
	}
}

// earliest returns the earlier of two times, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
