package fleet

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/cluster"
	"gphotos2mqtt/cluster/clustertest"
)

// In tests a lease lives shorter.
const (
	testTTL   = 3 * time.Second
	testRenew = testTTL / 3
)

// A hall is where all processes of a test say what they run: no entry in two of them.
type hall struct {
	t  *testing.T
	mu sync.Mutex // guards running
	// running are the processes by entry
	running map[string]string
	entered atomic.Int32 // how often an entry was begun
}

func newHall(t *testing.T) *hall {
	t.Helper()
	return &hall{t: t, running: map[string]string{}}
}

func (h *hall) enter(entry, process string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entered.Add(1)
	if other := h.running[entry]; other != "" {
		h.t.Errorf("%s runs in %s and in %s", entry, other, process)
	}
	h.running[entry] = process
}

func (h *hall) leave(entry, process string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running[entry] == process {
		delete(h.running, entry)
	}
}

// counts are the entries of each process, without the leading.
func (h *hall) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := map[string]int{}
	for entry, process := range h.running {
		if entry != Leading {
			n[process]++
		}
	}
	return n
}

func (h *hall) where(entry string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running[entry]
}

func (h *hall) shared(want ...int) func() bool {
	return func() bool {
		counts := slices.Sorted(maps.Values(h.counts()))
		slices.Sort(want)
		return slices.Equal(counts, want)
	}
}

// A joined process of the test.
type joined struct {
	*Fleet

	id    string
	stop  context.CancelFunc
	ended chan error
}

func (h *hall) join(url, id string, entries []string, change ...func(*Config)) *joined {
	h.t.Helper()
	cfg := Config{Process: id, Pace: 50 * time.Millisecond}
	for _, c := range change {
		c(&cfg)
	}
	f, conn, err := openFleet(url, cfg)
	must(h.t, err)
	f.Want(entries)
	ctx, stop := context.WithCancel(h.t.Context())
	j := &joined{f, id, stop, make(chan error, 1)}
	go func() {
		j.ended <- f.Run(ctx, func(ctx context.Context, entry string) error {
			if !f.Holds(entry) {
				h.t.Errorf("%s runs %s and does not hold it", id, entry)
			}
			h.enter(entry, id)
			defer h.leave(entry, id)
			<-ctx.Done()
			return f.lastSave(ctx, entry)
		})
		close(j.ended)
	}()
	h.t.Cleanup(func() {
		stop()
		<-j.ended
		conn.Close()
	})
	return j
}

// lastSave is one that an entry makes as it stops, and that waits for the servers.
func (f *Fleet) lastSave(ctx context.Context, entry string) error {
	if entry == Leading {
		return nil
	}
	change := engine.Change{Key: "state." + entry + ".last", Value: []byte("x"), Revision: engine.Any}
	_, err := f.entries.Change(context.WithoutCancel(ctx), change)
	return err
}

func (j *joined) leave(t *testing.T) {
	t.Helper()
	j.stop()
	if err := <-j.ended; err != nil {
		t.Errorf("%s: %v", j.id, err)
	}
}

// openFleet connects to the servers.
func openFleet(urls string, cfg Config) (*Fleet, *cluster.Conn, error) {
	if cfg.Log == nil {
		log := logrus.New()
		log.SetOutput(io.Discard)
		cfg.Log = log.WithField("process", cfg.Process)
	}
	servers, err := cluster.ParseServers(urls)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := cluster.Connect(ctx, cluster.Config{Servers: servers, Prefix: "test", Replicas: len(servers), Lease: testTTL, Log: cfg.Log})
	if err != nil {
		return nil, nil, err
	}
	return New(conn.Shared(), conn.Engine(), cfg), conn, nil
}

func names(n int) (entries []string) {
	for i := range n {
		entries = append(entries, fmt.Sprintf("e%02d", i))
	}
	return entries
}

func TestFleetShares(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(20)
	a := h.join(s.URLs(), "a", entries)
	eventually(t, 20*time.Second, "one has all", h.shared(20))
	b := h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "two have half each", h.shared(10, 10))
	c := h.join(s.URLs(), "c", entries)
	eventually(t, 20*time.Second, "three have a third each", h.shared(6, 7, 7))

	began := time.Now()
	b.leave(t) // as SIGTERM does
	t.Logf("left after %v", time.Since(began))
	took := eventually(t, 20*time.Second, "two have half each", h.shared(10, 10))
	if took > testTTL {
		t.Errorf("handed over within %v", took)
	}
	for _, j := range []*joined{a, c} {
		j.Want(entries[:4])
	}
	eventually(t, 20*time.Second, "of four entries two each", h.shared(2, 2))
	for _, j := range []*joined{a, c} {
		j.Want(entries)
	}
	eventually(t, 20*time.Second, "of all half each", h.shared(10, 10))
	leader := h.where(Leading)
	for _, j := range []*joined{a, c} {
		if j.id == leader {
			j.leave(t)
		}
	}
	eventually(t, 10*time.Second, "another leads", func() bool { return h.where(Leading) != leader && h.where(Leading) != "" })
	eventually(t, 20*time.Second, "the last has all", h.shared(20))
}

// Idle entries move first, and slowly.
func TestFleetGivesBackSlowly(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(8)
	const pace = 200 * time.Millisecond
	h.join(s.URLs(), "a", entries, func(c *Config) {
		c.Pace, c.Idle = pace, func(entry string) bool { return entry >= "e04" }
	})
	eventually(t, 20*time.Second, "one has all", h.shared(8))
	h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "the first moves", h.shared(7, 1))
	took := eventually(t, 20*time.Second, "half of them", h.shared(4, 4))
	if took < 2*pace {
		t.Errorf("three entries moved within %v", took)
	}
	for _, entry := range entries {
		if want := map[bool]string{true: "b", false: "a"}[entry >= "e04"]; h.where(entry) != want {
			t.Errorf("%s is at %s", entry, h.where(entry))
		}
	}
}

// What is moved on purpose stays there.
func TestFleetMoves(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(4)
	fleet := map[string]*joined{"a": h.join(s.URLs(), "a", entries)}
	fleet["b"] = h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "half each", h.shared(2, 2))
	for _, entry := range entries {
		if at := h.where(entry); at != "b" {
			fleet[at].Move(entry, "b")
			eventually(t, 10*time.Second, entry+" is moved", func() bool { return h.where(entry) == "b" })
		}
	}
	eventually(t, 10*time.Second, "entries that may go back do", h.shared(2, 2))
}

func TestFleetAsks(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(2)
	a, b := h.join(s.URLs(), "a", entries), h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "one each", h.shared(1, 1))
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	for _, j := range []*joined{a, b} {
		serving.Go(func() {
			_ = j.Serve(ctx, "echo", func(_ context.Context, question []byte) []byte { return []byte(j.id + " " + string(question)) })
		})
	}
	other := entries[0]
	if h.where(other) == "a" {
		other = entries[1]
	}
	eventually(t, 10*time.Second, "the holder answers", func() bool {
		answer, err := a.AskHolder(t.Context(), other, "echo", []byte("x"))
		return err == nil && string(answer) == "b x"
	})
	var from []string
	all, err := a.Ask(t.Context(), "echo", []byte("y"), func(process string, answer []byte) bool {
		from = append(from, process+": "+string(answer))
		return false
	})
	if err != nil || !all || !slices.Equal(from, []string{"b: b y"}) {
		t.Errorf("%v, %v, %v", from, all, err)
	}
	if _, err := a.AskHolder(t.Context(), "nowhere", "echo", nil); err == nil {
		t.Error("somebody answers for an entry that nobody has")
	}
}
