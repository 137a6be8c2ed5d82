package cluster_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// uploads are what a test publishes: a photo each, to one entry after the other, in all
// forms of the contract.
type uploads struct {
	*world
	from, count int // of all that the world has published
}

const (
	forms     = 6
	albums    = 3         // of an entry
	photoSize = 20_000    // bytes
	largeSize = 6_000_000 // of each 50th: in a session
)

// publishOver publishes so many, spread over a time at least, while the test goes on.
func (w *world) publishOver(count int, long time.Duration) (u *uploads, published <-chan struct{}) {
	w.Helper()
	u, done := w.more(count), make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		defer close(done)
		u.publish(long / time.Duration(count))
	})
	w.Cleanup(publishing.Wait)
	return u, done
}

// more are so many uploads beyond those that there were before.
func (w *world) more(count int) *uploads {
	w.published += count
	w.sums = append(w.sums, make([]string, count)...)
	return &uploads{world: w, from: w.published - count, count: count}
}

// publish publishes all of them, some at a time, each after a pause.
func (u *uploads) publish(pause time.Duration) {
	u.Helper()
	next := make(chan int)
	var publishers sync.WaitGroup
	for range 8 {
		publishers.Go(func() {
			for n := range next {
				u.observer.publish("gphotos/"+u.entries[n%len(u.entries)]+"/upload", u.command(n))
			}
		})
	}
	for n := range u.count {
		next <- u.from + n
		time.Sleep(pause)
	}
	close(next)
	publishers.Wait()
}

// command makes the n-th command.
func (u *uploads) command(n int) []byte {
	size := photoSize
	if n%50 == 0 {
		size = largeSize
	}
	photo := e2etest.Photo(n, size)
	sum := sha256.Sum256(photo)
	u.sums[n] = hex.EncodeToString(sum[:])
	name := fmt.Sprint(n, ".jpg")
	fields := map[string]any{"transaction": n, "id": fmt.Sprint("upload-", n), "album": u.album(n)}
	switch u.form(n) {
	case 0:
		fields["path"] = u.file(name, photo)
	case 1:
		fields["data"] = base64.StdEncoding.EncodeToString(photo)
	case 2:
		return []byte("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(photo))
	case 3:
		return photo
	case 4:
		return []byte(u.file(name, photo))
	case 5:
		return []byte(base64.URLEncoding.EncodeToString(photo))
	}
	command, err := json.Marshal(fields)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return command
}

// form and album change with each round over the entries, and differ between them.
func (u *uploads) form(n int) int { return (n + n/len(u.entries)) % forms }

func (u *uploads) album(n int) string {
	return fmt.Sprint("Album ", n/len(u.entries)%albums)
}

// over waits until each upload, also of those before, has a result.
func (u *uploads) over() {
	u.Helper()
	u.until("a result of each upload", func() bool { return u.endedLocked() >= u.from+u.count })
}

// check looks whether each upload has one item in its album, and one job whose result
// names it.
func (u *uploads) check() {
	u.Helper()
	u.observer.mu.Lock()
	defer u.observer.mu.Unlock()
	for _, text := range u.errors {
		u.Error(text)
	}
	again := 0
	for i, has := range u.google.library()[:len(u.entries)] {
		entry := u.entries[i]
		want := map[string]string{} // the album's title by sum
		for n := i; n < u.published; n += len(u.entries) {
			want[u.sums[n]] = ""
			if u.form(n) < 2 {
				want[u.sums[n]] = u.album(n)
			}
		}
		titles := map[string]string{} // by id
		for _, a := range has.Albums {
			if slices.Contains(slices.Collect(maps.Values(titles)), a.Title) {
				u.Errorf("%s has two albums %q", entry, a.Title)
			}
			titles[a.ID] = a.Title
		}
		items := map[string]bool{}
		for _, item := range has.Items {
			album, ok := want[item.SHA256]
			in := ""
			if len(item.Albums) > 0 {
				in = titles[item.Albums[0]]
			}
			if !ok || in != album || len(item.Albums) > 1 {
				u.Errorf("%s has an item %s in %q, want %v %q", entry, item.SHA256, in, ok, album)
			}
			items[item.ID] = true
		}
		if len(has.Items) != len(want) {
			u.Errorf("%s has %d items of %d uploads", entry, len(has.Items), len(want))
		}
		again += u.checkResults(entry, items, len(want))
	}
	if again > 0 {
		u.Logf("%d results came twice", again)
	}
}

// checkResults looks whether there is one job for each item; the caller holds the observer's lock.
func (u *uploads) checkResults(entry string, items map[string]bool, want int) (again int) {
	u.Helper()
	if len(u.results[entry]) != want {
		u.Errorf("%s has results of %d jobs for %d uploads", entry, len(u.results[entry]), want)
	}
	for job, r := range u.results[entry] {
		if r.Status != "done" || len(r.Items) != 1 || !items[r.Items[0].MediaItemID] {
			u.Errorf("%s: job %s: %+v, want an item that no other job has", entry, job, r)
			continue
		}
		delete(items, r.Items[0].MediaItemID)
		again += r.times - 1
	}
	return again
}
