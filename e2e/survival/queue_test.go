package survival

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"gphotos2mqtt/bridge/store"
)

// A bridge that starts with 10,000 queued uploads is soon ready, and small.
func TestLongQueue(t *testing.T) {
	const jobs = 10_000
	h := newHouse(t)
	h.bridge.stop(0)
	h.fill(jobs)
	h.sim("POST", "faults", `[{"route": "*", "mode": "refuse", "error": "daily_quota"}]`, nil)
	began := time.Now()
	h.startBridge()
	ready := time.Since(began)
	var state struct {
		Queue struct{ Waiting, Active int }
		Hold  *struct{ Reason string }
	}
	h.ear.await(t, "the queue and its hold", func() bool {
		return h.ear.last("gphotos/home/state", &state) && state.Queue.Waiting == jobs && state.Hold != nil
	})
	peak := h.peak()
	t.Logf("%d uploads: ready after %v, %d MB resident at most", jobs, ready.Round(time.Millisecond), peak/1e6)
	if peak > 96_000_000 {
		t.Errorf("%d bytes resident", peak)
	}
	if *long && ready > 2*time.Second { // a figure of a machine that does nothing else
		t.Errorf("ready after %v", ready)
	}
}

// fill queues uploads of 10 KB, as if they had come while Google was away.
func (h *house) fill(jobs int) {
	h.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := store.Open(context.Background(), store.Config{Dir: h.data, Log: logrus.NewEntry(log)})
	h.must(err)
	var writers errgroup.Group
	writers.SetLimit(16)
	for n := range jobs {
		writers.Go(func() error {
			data := photo(uint64(n), 10_000)
			id := ulid.Make().String()
			payload := id + ".0"
			if err := s.PutPayload(context.Background(), payload, bytes.NewReader(data)); err != nil {
				return err
			}
			return s.AddJob(context.Background(), &store.Job{
				ID: id, Entry: "home", Received: time.Now().UTC(), CommandID: fmt.Sprint("command-", n), Answered: true,
				Files: []store.File{{
					Name: "photo.jpg", MIMEType: "image/jpeg", Size: int64(len(data)), SHA256: fmt.Sprintf("%064x", n),
					Payload: payload, Status: store.FileQueued,
				}},
			})
		})
	}
	h.must(writers.Wait())
	h.must(s.Close())
}
