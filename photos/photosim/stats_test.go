package photosim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOneWriterAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{Accounts: []Account{{ID: "1", Email: "a@b.c"}, {ID: "2", Email: "d@e.f"}}})
		other := m.as(GrantRequest{Account: "2"})
		m.Latency(map[string]Delay{"*": {Base: time.Second}})
		var wg sync.WaitGroup
		wg.Go(func() {
			if r := m.call("POST", "/v1/albums", `{"album":{"title":"first"}}`); r.status != 200 {
				t.Errorf("the first writer: %d %s", r.status, r.body)
			}
		})
		time.Sleep(500 * time.Millisecond)
		wg.Go(func() { // uploads and reads go on beside a writer
			m.upload(photo(1))
			m.call("GET", "/v1/albums", "")
		})
		wg.Go(func() {
			if r := other.call("POST", "/v1/albums", `{"album":{"title":"of somebody else"}}`); r.status != 200 {
				t.Errorf("a writer of another account: %d", r.status)
			}
		})
		synctest.Wait()
		for _, call := range []string{"POST /v1/mediaItems:batchCreate", "PATCH /v1/albums/AF1Qip", "POST /v1/albums/AF1Qip:batchAddMediaItems"} {
			method, path, _ := strings.Cut(call, " ")
			checkError(t, m.call(method, path, "{}"), 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'.")
		}
		wg.Wait()
		if r := m.call("POST", "/v1/albums", `{"album":{"title":"later"}}`); r.status != 200 {
			t.Errorf("a writer after the first: %d", r.status)
		}
		got := m.Stats()
		if want := (Writes{Total: 6, Peak: 3, Overlapping: 3}); got.Writes != want {
			t.Errorf("writes %+v, want %+v", got.Writes, want)
		}
		each := map[string]Writes{"1": {Total: 5, Peak: 2, Overlapping: 3}, "2": {Total: 1, Peak: 1}}
		if diff := cmp.Diff(each, got.AccountWrites); diff != "" {
			t.Error(diff)
		}
		var overlaps []string
		for _, o := range got.Overlaps {
			overlaps = append(overlaps, o.Account+" "+o.Route+" beside "+o.Beside)
		}
		if diff := cmp.Diff([]string{
			"1 mediaItems.batchCreate beside albums.create", "1 albums.patch beside albums.create", "1 albums.batchAddMediaItems beside albums.create",
		}, overlaps); diff != "" {
			t.Error(diff)
		}
	})
}

// TestEachWriteOverlaps lets every method that writes arrive beside another write, and every one that only reads.
func TestEachWriteOverlaps(t *testing.T) {
	for pattern, method := range methods {
		if method.handle == nil {
			continue
		}
		t.Run(method.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newSim(t, Config{})
				m.Latency(map[string]Delay{"albums.create": {Base: time.Second}})
				var wg sync.WaitGroup
				wg.Go(func() { m.call("POST", "/v1/albums", `{"album":{"title":"first"}}`) })
				synctest.Wait()
				verb, path, _ := strings.Cut(strings.ReplaceAll(pattern, "{}", "AF1Qip"), " ")
				r := m.call(verb, path, map[bool]string{false: "{}"}[verb == http.MethodGet])
				wg.Wait()
				want := 0
				if verb != http.MethodGet && method.name != "mediaItems.search" {
					want = 1
				}
				if got := m.Stats().Writes.Overlapping; got != want || (r.status == http.StatusTooManyRequests) != (want == 1) {
					t.Errorf("%d overlapping and status %d, want %d", got, r.status, want)
				}
			})
		})
	}
}

// TestWriteGoesOnWithoutItsClient ends the client's patience in the middle of a write: what comes meanwhile overlaps, and the write is
// carried out.
func TestWriteGoesOnWithoutItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		m.Latency(map[string]Delay{"albums.create": {Base: 10 * time.Second}})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://photoslibrary.googleapis.com/v1/albums", strings.NewReader(`{"album":{"title":"a"}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+m.token)
		if resp, err := m.Transport().RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Fatal("answered before its time")
		}
		if r := m.call("POST", "/v1/albums", `{"album":{"title":"b"}}`); r.status != http.StatusTooManyRequests {
			t.Errorf("beside the write of a client that has left: %d", r.status)
		}
		time.Sleep(10 * time.Second)
		if s := m.Stats(); s.Writes.Current != 0 || s.Writes.Overlapping != 1 || len(m.Library()[0].Albums) != 1 {
			t.Errorf("%+v and %d albums", s.Writes, len(m.Library()[0].Albums))
		}
	})
}

// TestOverlapsAreBounded counts more overlapping writes than are told one by one.
func TestOverlapsAreBounded(t *testing.T) {
	r := newRecorder()
	for n := range maxOverlaps + 5 {
		r.overlap(Overlap{Account: "1", Route: fmt.Sprint(n)})
	}
	s := r.snapshot()
	if s.Writes.Overlapping != maxOverlaps+5 || len(s.Overlaps) != maxOverlaps || s.Overlaps[maxOverlaps-1].Route != fmt.Sprint(maxOverlaps+4) {
		t.Errorf("%d overlapping, %d told, the last %+v", s.Writes.Overlapping, len(s.Overlaps), s.Overlaps[len(s.Overlaps)-1])
	}
}
