package photosim

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Seed fills a library without uploads. Seeded items have no bytes of their own: a picture is drawn when they are fetched.
type Seed struct {
	Account string `json:"account"` // id or e-mail address; default the first account
	Client  string `json:"client"`  // whose project the items belong to; default the first client
	Items   int    `json:"items"`
	Albums  int    `json:"albums"`
	// AlbumItems is how many items each album holds, at most 20,000. Albums share the items, each beginning where the one
	// before ended.
	AlbumItems int `json:"album_items"`
	// VideoEvery makes each n-th item a video. Default none.
	VideoEvery int `json:"video_every"`
	// Newest is the capture time of the newest item, default now; Every is the time between two items, default 1 minute.
	Newest time.Time `json:"newest"`
	Every  Duration  `json:"every"`
	// Width and Height are the size of the pictures. Default 1600 by 1200.
	Width  int64 `json:"width"`
	Height int64 `json:"height"`
}

// maxSeed bounds one Seed; a million items take about 600 MB.
const maxSeed = 1_000_000

// Seed adds items named IMG_000001.jpg and so on, the first one oldest, and albums titled "Album 1" and so on.
func (s *Server) Seed(seed Seed) error {
	a, ok := s.account(seed.Account)
	c, found := s.client(cmp.Or(seed.Client, s.cfg.Clients[0].ID))
	switch {
	case !ok || !found:
		return fmt.Errorf("account %q or client %q is unknown", seed.Account, seed.Client)
	case seed.Items < 0 || seed.Items > maxSeed || seed.Albums < 0 || seed.Albums > maxSeed:
		return fmt.Errorf("%d items and %d albums: each must be 0 to %d", seed.Items, seed.Albums, maxSeed)
	case seed.AlbumItems < 0 || seed.AlbumItems > maxAlbumItems || seed.Width < 0 || seed.Height < 0:
		return fmt.Errorf("album_items must be 0 to %d, width and height at least 0", maxAlbumItems)
	}
	setDefault(&seed.Newest, time.Now())
	setDefault(&seed.Every, Duration(time.Minute))
	setDefault(&seed.Width, 1600)
	setDefault(&seed.Height, 1200)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.libraries[a.ID]
	l.seed(seed, c.Project)
	for n := range seed.Albums {
		al := l.newAlbum(c.Project, fmt.Sprintf("Album %d", n+1))
		place := albumPlace{album: al}
		for k := range min(seed.AlbumItems, len(l.ordered)) {
			place = place.insert(l.ordered[(n*seed.AlbumItems+k)%len(l.ordered)])
		}
	}
	return nil
}

// seed sorts once, however many items there are.
func (l *library) seed(seed Seed, project string) {
	l.ordered = slices.Grow(l.ordered, seed.Items)
	projects := []string{project}
	oldest := seed.Newest.UTC().Truncate(time.Second).Add(-time.Duration(seed.Every) * time.Duration(max(0, seed.Items-1)))
	for n := range seed.Items {
		i := l.newItem(project)
		i.projects = projects[:1:1] // shared; a second project appends to a copy
		i.created = oldest.Add(time.Duration(n) * time.Duration(seed.Every))
		i.facts = mediaFacts{kind: kind{mime: "image/jpeg"}, width: seed.Width, height: seed.Height}
		i.fileName = fmt.Sprintf("IMG_%06d.jpg", n+1)
		if seed.VideoEvery > 0 && (n+1)%seed.VideoEvery == 0 {
			i.facts.kind = kind{mime: "video/mp4", video: true}
			i.facts.film = film{make: "photosim", model: "Seed 1", fps: 29.97}
			i.fileName = fmt.Sprintf("VID_%06d.mp4", n+1)
		}
		l.items[i.id] = i
		l.ordered = append(l.ordered, i)
	}
	slices.SortFunc(l.ordered, func(a, b *item) int { return compareCursors(a.key(), b.key()) })
}
