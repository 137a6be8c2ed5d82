package fleet

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/clustertest"
)

// A process of its own, for what cannot be done to a part of one.
func runMember(args []string) {
	f, _, err := openFleet(args[0], Config{Process: args[1], Pace: 50 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	f.Want(args[2:])
	_ = f.Run(context.Background(), func(ctx context.Context, entry string) error {
		fmt.Println("run", entry)
		<-ctx.Done()
		fmt.Println("end", entry, f.Holds(entry), context.Cause(ctx) == engine.ErrLost) //nolint:errorlint // as it is
		return nil
	})
}

func (c *child) says(t *testing.T, want string, limit time.Duration) {
	t.Helper()
	late := time.After(limit)
	for {
		select {
		case line, ok := <-c.lines:
			if line == want {
				return
			} else if !ok {
				t.Fatalf("it has ended before it said %q", want)
			}
		case <-late:
			t.Fatalf("it did not say %q", want)
		}
	}
}

func TestFleetKilled(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(2)
	killed := startChild(t, "member", append([]string{s.URLs(), "a"}, entries...)...)
	killed.says(t, "run e01", 20*time.Second)
	b := h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "half each", h.shared(1))
	killed.kill()
	took := eventually(t, 20*time.Second, "all are taken over", h.shared(2))
	t.Logf("taken over %v after the kill", took)
	if took > testTTL+2*testRenew {
		t.Errorf("taken over after %v", took)
	}
	eventually(t, 20*time.Second, "it leads", func() bool { return b.Holds(Leading) })
}

func TestFleetFrozen(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(1)
	frozen := startChild(t, "member", append([]string{s.URLs(), "a"}, entries...)...)
	frozen.says(t, "run e00", 20*time.Second)
	b := h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "both see each other", func() bool { return b.Holder("e00") == "a" })
	frozen.signal(t, syscall.SIGSTOP)
	eventually(t, 20*time.Second, "it is taken over", func() bool { return b.Holds("e00") })
	frozen.signal(t, syscall.SIGCONT)
	frozen.says(t, "end e00 false true", 10*time.Second)
	b.Want(nil)
	b.leave(t)
}

// A cut is a line to the servers that can be cut.
type cut struct {
	url string

	mu    sync.Mutex // guards all below
	off   bool
	conns []net.Conn
}

func newCut(t *testing.T, to string) *cut {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cut{url: "nats://" + l.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(to, "nats://"))
			c.mu.Lock()
			if c.conns = append(c.conns, in); err == nil {
				c.conns = append(c.conns, out)
			}
			off := c.off
			c.mu.Unlock()
			if off || err != nil {
				_ = in.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{in: out, out: in} {
				running.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.set(true)
		running.Wait()
	})
	return c
}

func (c *cut) set(off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off = off; off {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
	}
}

// Who is cut off stops in time, before others go on, and takes part again afterwards.
func TestFleetCutOff(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(6)
	line := newCut(t, s.URLs())
	h.join(s.URLs(), "a", entries)
	h.join(line.url, "b", entries)
	eventually(t, 20*time.Second, "half each", h.shared(3, 3))
	line.set(true)
	eventually(t, 20*time.Second, "who is cut off stops", h.shared(3))
	eventually(t, 20*time.Second, "the other has all", h.shared(6))
	line.set(false)
	eventually(t, 20*time.Second, "half each again", h.shared(3, 3))
}

// Without a majority of the servers everything stops in time, and goes on afterwards.
func TestFleetWithoutQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s, h, entries := clustertest.Start(t, 3, ""), newHall(t), names(6)
	h.join(s.URLs(), "a", entries)
	h.join(s.URLs(), "b", entries)
	eventually(t, 60*time.Second, "half each", h.shared(3, 3))
	s.Kill(0)
	s.Kill(1)
	eventually(t, 20*time.Second, "all stop", h.shared())
	time.Sleep(2 * testTTL) // leases are long over
	s.Run(0)
	s.Run(1)
	eventually(t, 60*time.Second, "half each again", h.shared(3, 3))
}

// Whatever is done to the clocks of the machines, nothing moves.
func TestFleetClockSteps(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(4)
	h.join(s.URLs(), "a", entries)
	h.join(s.URLs(), "b", entries)
	eventually(t, 20*time.Second, "half each", h.shared(2, 2))
	before := h.entered.Load()
	for _, by := range []time.Duration{time.Hour, -3 * time.Hour, 2 * time.Hour} {
		wake.Step(by)
		time.Sleep(testRenew) // nothing is to happen: there is no condition to wait for
	}
	if !h.shared(2, 2)() || h.entered.Load() != before {
		t.Errorf("%v, after %d entries were taken in place of %d", h.counts(), h.entered.Load(), before)
	}
}

// Servers that are started again are nothing to warn of once they are back: what was watched is watched again.
func TestFleetServerRestarts(t *testing.T) {
	s, h, entries := clustertest.Start(t, 1, ""), newHall(t), names(4)
	log, hook := test.NewNullLogger()
	h.join(s.URLs(), "a", entries, func(c *Config) { c.Log = logrus.NewEntry(log) })
	eventually(t, 20*time.Second, "it has all", h.shared(4))
	for range 3 {
		s.Kill(0)
		eventually(t, 20*time.Second, "it has none", h.shared())
		s.Run(0)
		h.join(s.URLs(), "b", entries).leave(t)
		eventually(t, 20*time.Second, "it has all again", h.shared(4))
	}
	for _, line := range hook.AllEntries() {
		if line.Level <= logrus.WarnLevel && strings.HasSuffix(line.Message, "not watched") {
			t.Errorf("%s %v", line.Message, line.Data)
		}
		if reason, there := line.Data["reason"]; there && line.Message == "entry is not held any more" && reason != lateLease &&
			!strings.Contains(fmt.Sprint(reason), "canceled") { // at the end of the test
			t.Errorf("%s: %v", line.Data["entry"], reason)
		}
	}
}
