package clustertest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/cluster"
)

func openStore(t *testing.T, e *cluster.Engine) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Engine: e, Log: config(t, "nats://none", 1).Log})
	must(t, err)
	return s
}

func job(id string) *store.Job {
	return &store.Job{ID: id, Entry: "home", Files: []store.File{{Name: "door.jpg", Status: store.FileQueued}}}
}

// After a takeover every kind of write of the former owner is refused, and what it wrote before is the new one's. The former one's payloads
// stay: nothing that names them has gone.
func TestTwoOwners(t *testing.T) {
	s := Start(t, 1, "")
	cfg := config(t, s.URLs(), 1)
	before, after := claimed(t, cfg, s, "home", "other"), claimed(t, cfg, s)
	old, now := openStore(t, before), openStore(t, after)
	ctx := t.Context()
	mine, late := job("01A"), job("01B")
	var err error
	mine.Files[0].Payload = "01A.0"
	mine.Files[0].Size, mine.Files[0].SHA256, err = old.PutPayload(ctx, "01A.0", &payload{left: 700_000})
	must(t, err)
	receipt := store.Receipt{Job: "01A", Entry: "home"}
	must(t, old.AddJob(ctx, mine))
	must(t, old.SaveState(ctx, "home", "albums", "before"))
	must(t, old.Links().Save(ctx, "home", []byte("before")))
	takeOver(t, after, cfg, s, "home")
	for name, err := range map[string]error{
		"add job": old.AddJob(ctx, late), "save job": old.SaveJob(ctx, mine), "finish job": old.FinishJob(ctx, mine, receipt),
		"remove job": old.RemoveJob(ctx, mine), "set aside": old.SetAside(ctx, "home", "01A"), "receipt": old.SaveReceipt(ctx, receipt),
		"state": old.SaveState(ctx, "home", "albums", "after"), "no state": old.DeleteState(ctx, "home", "albums"),
		"link": old.Links().Save(ctx, "home", []byte("after")), "no link": old.Links().Delete(ctx, "home"),
		"an entry of nobody": old.SaveState(ctx, "nobody", "albums", "after"),
	} {
		if !errors.Is(err, store.ErrLost) || !errors.Is(err, store.ErrEngine) {
			t.Errorf("%s = %v", name, err)
		}
	}
	must(t, old.SaveState(ctx, "other", "albums", "still its own"))
	must(t, old.SaveState(ctx, store.Bridge, "sums", "everybody's"))
	var albums string
	found, err := now.LoadState(ctx, "home", "albums", &albums)
	if token, linkErr := now.Links().Load(ctx, "home"); !found || albums != "before" || string(token) != "before" || errors.Join(err, linkErr) != nil {
		t.Errorf("albums %q, link %q, %v", albums, token, errors.Join(err, linkErr))
	}
	jobs, err := now.Jobs(ctx, "home")
	must(t, err)
	if len(jobs) != 1 || jobs[0].ID != "01A" {
		t.Fatalf("jobs = %v", jobs)
	}
	r, err := now.OpenPayload(ctx, jobs[0].Files[0], 0)
	must(t, err)
	must(t, r.Close())
	must(t, now.FinishJob(ctx, jobs[0], receipt))
}

// A payload of some bytes.
type payload struct{ left int }

func (p *payload) Read(b []byte) (int, error) {
	n := min(p.left, len(b))
	p.left -= n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// While the former owner writes as fast as it can, another takes over: all that the former one was told is there, and nothing comes after.
func TestTakeoverAmidWrites(t *testing.T) {
	s := Start(t, 3, "")
	cfg := config(t, s.URLs(), 3)
	for round := range 5 {
		before := claimed(t, cfg, s, "home")
		acknowledged := make([]map[string]string, 8)
		var wg sync.WaitGroup
		for w := range acknowledged {
			acknowledged[w] = map[string]string{}
			wg.Go(func() {
				for i := 0; ; i++ {
					key := fmt.Sprintf("jobs.home.%d-%d-%d", round, w, i)
					_, err := before.Change(t.Context(), engine.Change{Key: key, Value: []byte("x"), Revision: engine.New})
					if err != nil {
						if !errors.Is(err, engine.ErrLost) {
							t.Error(err)
						}
						return
					}
					acknowledged[w][key] = "x"
				}
			})
		}
		time.Sleep(time.Duration(20+30*round) * time.Millisecond)
		after := claimed(t, cfg, s, "home")
		got := records(t, after, "jobs.home.")
		wg.Wait()
		for _, all := range acknowledged {
			for key := range all {
				if got[key] == "" {
					t.Errorf("round %d: %s was acknowledged and is lost", round, key)
				}
			}
		}
		if diff := cmp.Diff(got, records(t, claimed(t, cfg, s, "home"), "jobs.home.")); diff != "" {
			t.Errorf("round %d: changed after the takeover:\n%s", round, diff)
		}
	}
}

// What was on its way in the network while another took over is refused when it arrives, and so is what the former owner repeats.
func TestLateWrites(t *testing.T) {
	s := Start(t, 1, "")
	gate := NewGate(t, s.URL(0))
	direct := config(t, s.URLs(), 1)
	before := claimed(t, config(t, gate.URL, 1), s, "home")
	_, err := before.Change(t.Context(), engine.Change{Key: "state.home.x", Value: []byte("before"), Revision: engine.Any})
	must(t, err)
	gate.Shut()
	errs := make(chan error)
	go func() {
		_, err := before.Change(t.Context(), engine.Change{Key: "state.home.x", Value: []byte("late"), Revision: engine.Any})
		errs <- err
	}()
	time.Sleep(100 * time.Millisecond) // it is at the gate, or later: both are refused
	after := claimed(t, direct, s, "home")
	gate.Open()
	if err := <-errs; !errors.Is(err, engine.ErrLost) {
		t.Errorf("late write = %v", err)
	}
	if got := records(t, claimed(t, direct, s, "home"), "state.home."); got["state.home.x"] != "before" {
		t.Errorf("record = %q", got)
	}
	if r, err := after.Get(t.Context(), "state.home.x"); string(r.Value) != "before" {
		t.Errorf("record = %v, %v", r, err)
	}
}

// A write that was repeated because a server hung, and then arrives there a second time, changes nothing: it is older than what came since.
func TestLateRepetition(t *testing.T) {
	s := Start(t, 3, "")
	gate := NewGate(t, s.URL(0))
	e := claimed(t, config(t, gate.URL, 3), s, "home")
	change := func(value string) {
		t.Helper()
		_, err := e.Change(t.Context(), engine.Change{Key: "state.home.x", Value: []byte(value), Revision: engine.Any})
		must(t, err)
	}
	change("1")
	gate.Shut() // the other servers are known by now
	change("2")
	change("3")
	gate.Open()
	must(t, gate.Passed(t.Context()))
	if got := records(t, claimed(t, config(t, s.URLs(), 3), s, "home"), "state.home."); got["state.home.x"] != "3" {
		t.Errorf("record = %q", got)
	}
}
