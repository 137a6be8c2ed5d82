package library

import (
	"context"
	"math"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/albums"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/spec"
)

const (
	// pageBurst pages of albums are read at once: fifty albums of some hundred items each. pageEvery is the pause between two more, so
	// that the largest library, fifty albums of 20,000 items, costs at most 1,440 of the day's 10,000 requests.
	pageBurst = 300
	pageEvery = time.Minute
	// emptyPages is how many empty pages in a row end an album: Google gives some that have a next page.
	// Source: gilesknap/gphotos-sync, GoogleAlbumsSync.py.
	emptyPages = 20
	cheapItems = 5 * spec.MaxItemsPage // up to how many an album is read for anything but a need
)

func newLimiter() *rate.Limiter { return rate.NewLimiter(rate.Every(pageEvery), pageBurst) }

// next, called with mu held, says when to ask Google next, and for what if now: library and albums, then addresses, then changed albums.
func (l *Library) next(now time.Time) (time.Time, func(context.Context) error) {
	c := l.cache
	ids, turn := c.batch(now)
	switch {
	case !c.libraryNext.After(now):
		return now, func(ctx context.Context) error { return l.readPage(ctx, &c.library) }
	case !c.albumsNext.After(now):
		return now, l.readAlbums
	case len(ids) > 0:
		return now, func(ctx context.Context) error { return l.renew(ctx, ids) }
	}
	due := earliest(turn, earliest(c.libraryNext, c.albumsNext))
	for _, a := range c.albums {
		if id := a.ID; a.recheck {
			return now, func(ctx context.Context) error { return l.readAlbum(ctx, id) }
		}
	}
	for _, a := range c.listings() {
		switch page := nextPage(c.pages, now); {
		case a.Due && page.After(now):
			return earliest(due, page), nil
		case a.Due:
			return now, func(ctx context.Context) error { return l.readPage(ctx, a) }
		}
	}
	return due, nil
}

// pause returns how long Google is not to be asked, 0 when it is now; negative = until something changes.
func (l *Library) pause(now, due, death time.Time) time.Duration {
	wait, may := l.cfg.Account.MayList()
	due = later(due, now.Add(wait))
	switch {
	case may && !due.After(now):
		return 0
	case !may:
		due = death // only linking, and the end of addresses, change anything
	}
	if due = earliest(due, death); due.IsZero() {
		return -1
	}
	return max(due.Sub(now), 1)
}

func nextPage(pages *rate.Limiter, now time.Time) time.Time {
	return now.Add(time.Duration(math.Ceil(max(0, 1-pages.TokensAt(now)) * float64(pageEvery))))
}

func (l *Library) readAlbums(ctx context.Context) error {
	at := time.Now()
	all, err := l.cfg.Albums.List(ctx)
	if err == nil {
		l.change(func(c *cache) { c.albumsAre(all, at) })
	}
	return err
}

// albumsAre takes over a complete list. Only an album whose number of items the bridge's own changes do not explain is read anew.
func (c *cache) albumsAre(all []photos.Album, at time.Time) {
	known := map[string]*album{}
	var next []*album
	for _, a := range c.albums {
		known[a.ID] = a
		if at.Sub(a.Changed) < albums.ListLag && !slices.ContainsFunc(all, func(b photos.Album) bool { return a.ID == b.ID }) {
			a.recheck = true // not listed yet, or deleted already
			next = append(next, a)
		}
	}
	for _, listed := range all {
		a := known[listed.ID]
		if a == nil {
			a = &album{Album: listed}
		}
		switch off := listed.Items - a.Items; {
		case off == 0:
			a.Due, a.off = a.Due || a.More && len(a.ids) < c.cfg.Items, 0
		case at.Sub(a.Changed) > albums.ListLag || off == a.off, off > 0 && c.albumsAt.IsZero(): // the last run ended before it could note that
			a.Due, a.off, a.unsaved = true, 0, true
		default: // Google's count may lag behind the bridge's own changes: a difference soon after one counts when it stays
			a.off, listed.Items = off, a.Items
		}
		shown := a.Album
		shown.CoverURL = listed.CoverURL // a new one each time
		a.Album, a.stale, a.fresher = listed, a.stale || shown != listed, true
		next = append(next, a)
	}
	c.albums, c.albumsAt, c.albumsNext, c.index.stale = next, at, at.Add(c.cfg.Renew), true
	c.choose()
}

// choose gives listings to the albums that are to have one, and takes them from others once Google has listed the albums.
func (c *cache) choose() {
	for i, a := range c.albums {
		chosen := c.cfg.Choice.All && i < MaxListings || titled(c.cfg.Choice.Titles, a.Album)
		switch {
		case chosen && !a.listed:
			a.listed, a.ids, a.document, a.kept = true, nil, document{}, kept{Due: true, Changed: a.Changed}
		case !chosen && !c.albumsAt.IsZero():
			a.listed, a.scan = false, nil
		}
	}
}

// readAlbum asks for an album that the bridge has changed, or misses in the list.
func (l *Library) readAlbum(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, account.CallLimit)
	defer cancel()
	now, err := l.cfg.Google.Album(ctx, id)
	switch kind := photos.KindOf(err); {
	case kind == photos.AlbumNotFound && l.cfg.Albums.IsNew(id): // not known yet: the next list tells
		l.changeAlbum(id, func(_ *cache, a *album) { a.recheck = false })
		return nil
	case kind == photos.AlbumNotFound:
		return l.AlbumGone(ctx, id)
	case err != nil && !unreadable(kind):
		return err
	}
	l.changeAlbum(id, func(c *cache, a *album) {
		if now.CoverURL == "" && now.CoverItemID == a.CoverItemID {
			now.CoverURL = a.CoverURL
		}
		if a.recheck = false; err == nil { // otherwise asking again changes nothing
			a.Album, a.stale, a.unsaved, c.index.stale = now, true, true, true
		}
	})
	return nil
}

// unreadable tells what Google refuses to show however often it is asked.
func unreadable(kind photos.Kind) bool {
	return kind == photos.Invalid || kind == photos.AlbumNotWriteable
}

// AlbumGone forgets an album that Google does not know. Its error is the store's.
func (l *Library) AlbumGone(ctx context.Context, id string) error {
	l.change(func(c *cache) {
		c.albums = slices.DeleteFunc(c.albums, func(a *album) bool { return a.ID == id })
		c.index.stale = true
		c.choose()
	})
	return l.cfg.Albums.Forget(ctx, id)
}

// A scan is what has been read of a listing so far. Google gives an album's items in no known order: the newest are known at its end.
type scan struct {
	began       time.Time
	next        string // page token
	newest      []item // newest first
	count       int    // items so far
	newestFirst bool   // each one was older than the one before
	last        time.Time
	empty       int // pages in a row without an item
}

// readPage reads one page of the library, or of an album. What has been dropped meanwhile takes it over in vain.
func (l *Library) readPage(ctx context.Context, a *album) error {
	var search photos.Search
	at := time.Now()
	l.change(func(c *cache) {
		if a.scan == nil {
			a.scan = &scan{began: at, newestFirst: true}
		}
		if search = (photos.Search{AlbumID: a.ID, PageSize: spec.MaxItemsPage, PageToken: a.scan.next}); a.ID != "" {
			c.pages.ReserveN(at, 1)
		}
	})
	ctx, cancel := context.WithTimeout(ctx, account.CallLimit)
	defer cancel()
	var page photos.ItemPage
	var err error
	if search.AlbumID == "" {
		page, err = l.cfg.Google.ListItems(ctx, search.PageSize, search.PageToken)
	} else {
		page, err = l.cfg.Google.SearchItems(ctx, search)
	}
	switch kind := photos.KindOf(err); {
	case kind == photos.AlbumNotFound && l.cfg.Albums.IsNew(search.AlbumID): // what the bridge has put into it is known
		l.change(func(*cache) { a.scan, a.Due = nil, false })
		return nil
	case kind == photos.AlbumNotFound && search.AlbumID != "":
		return l.AlbumGone(ctx, search.AlbumID)
	case err != nil && (!unreadable(kind) || search.AlbumID+search.PageToken == ""):
		return err
	}
	l.change(func(c *cache) {
		switch {
		case a.scan == nil: // it has changed meanwhile
		case err != nil: // the page token has grown too old, or nothing may be read
			a.scan, a.Due = nil, search.PageToken != "" // from its beginning, if it was not that
		default:
			c.takePage(a, page, at)
		}
	})
	return nil
}

// takePage takes a page over. The library is read to what is known, an album newest first to its listing's length, others to the end.
func (c *cache) takePage(a *album, page photos.ItemPage, at time.Time) {
	r, library := a.scan, a == &c.library
	r.next = page.Next
	r.empty++
	meets := library && (len(a.ids) >= c.cfg.Items || !a.More) &&
		slices.ContainsFunc(page.Items, func(i photos.Item) bool { return slices.Contains(a.ids, i.ID) })
	for _, read := range page.Items {
		r.take(read, at, c.cfg.Items)
	}
	enough := r.count >= c.cfg.Items && (library || a.NewestFirst && r.newestFirst)
	if page.Next != "" && !enough && !meets && r.empty <= emptyPages {
		if !library && !a.Read && nextPage(c.pages, at).After(at) {
			c.show(a) // the rest takes a while
		}
		return
	}
	c.show(a)
	// What is not among the newest items is not listed yet, or deleted: asking for it tells.
	c.ask(a.ids, func(i item) bool { return i.asked.Before(r.began) && (r.next == "" || i.Created.After(r.last)) })
	if !meets {
		a.More = r.count > len(a.ids) || r.next != ""
	}
	a.scan, a.Due, a.Read, a.NewestFirst, a.off = nil, false, true, r.newestFirst, 0
	if library {
		c.libraryNext = at.Add(c.cfg.Renew)
	}
}

// take notes one item; Google repeats items where two pages meet.
func (r *scan) take(read photos.Item, at time.Time, most int) {
	if slices.ContainsFunc(r.newest, func(i item) bool { return i.ID == read.ID }) {
		return
	}
	r.newestFirst = r.newestFirst && (r.count == 0 || !read.Created.After(r.last))
	r.last, r.empty = read.Created, 0
	r.count++
	end := len(r.newest)
	if !r.newestFirst { // of the same second, the order is Google's
		end = 0
	}
	r.newest = slices.Insert(r.newest, end, item{Item: read, at: at})
	slices.SortStableFunc(r.newest, func(a, b item) int { return b.Created.Compare(a.Created) })
	r.newest = r.newest[:min(len(r.newest), most)]
}

// show makes the listing of what was read and what is older, in an album only uploads so recent that Google may not list them.
func (c *cache) show(a *album) {
	r, known := a.scan, a.ids
	a.ids, a.stale, a.unsaved = make([]string, len(r.newest)), true, true
	for i, read := range r.newest {
		if c.items[read.ID].asked.Before(read.at) {
			c.see(read.Item, read.at)
		}
		a.ids[i] = read.ID
	}
	for _, id := range known {
		recent := c.items[id].uploaded.After(r.began.Add(-albums.ListLag))
		if (a == &c.library || recent) && !slices.Contains(a.ids, id) {
			a.ids = append(a.ids, id)
		}
	}
	c.arrange(a)
}

func (l *Library) renew(ctx context.Context, ids []string) error {
	at := time.Now()
	ctx, cancel := context.WithTimeout(ctx, account.CallLimit)
	defer cancel()
	got, err := l.cfg.Google.Items(ctx, ids)
	l.change(func(c *cache) {
		for _, g := range got {
			switch i := c.items[g.ID]; {
			case g.Err == nil:
				c.renewed(g.Item, at)
			case photos.KindOf(g.Err) == photos.NotFound:
				c.gone(g.ID)
			default: // Google could not say anything about it
				i.asked, i.polls = at, i.polls+1
				c.items[g.ID] = i
			}
		}
	})
	return err
}
