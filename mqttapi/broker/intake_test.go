package broker

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestIntakeWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var in intake
		waits := func() time.Duration {
			begin := time.Now()
			in.await(t.Context())
			return time.Since(begin)
		}
		in.came(intakeRoom)
		in.handed()
		if took := waits(); took != 0 {
			t.Errorf("waited %v although there is room", took)
		}
		in.came(1)
		time.AfterFunc(time.Second, func() { in.gone(1, false) })
		if took := waits(); took != time.Second {
			t.Errorf("waited %v, want until there is room", took)
		}
		in.came(1)
		if took := waits(); took != intakeLimit {
			t.Errorf("waited %v, want the limit", took)
		}
		if took := waits(); took != 0 {
			t.Errorf("waited %v, though acknowledgements may be behind what is not read", took)
		}
		in.gone(1, false)
		in.await(t.Context())
		in.came(1)
		time.AfterFunc(time.Second, func() { in.gone(0, true) })
		if took := waits(); took != time.Second {
			t.Errorf("waited %v, want until all handlers wait for the broker", took)
		}
		in.handed()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		in.await(ended)
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v after the end of the connection", took)
		}
	})
}

// A broker may send everything at once: the handlers are bounded, and nothing is lost.
func TestHandlersAreBounded(t *testing.T) {
	t.Parallel()
	const messages = 500
	b := startMosquitto(t, "max_inflight_messages 0")
	var mu sync.Mutex // guards what follows
	got, running, most := 0, 0, 0
	opened, all := make(chan struct{}), make(chan struct{})
	conn := start(t, Config{
		URL: "tcp://" + b.addr, ClientID: "intake", Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-opened
			d.Ack()
			mu.Lock()
			defer mu.Unlock()
			running--
			if got++; got == messages {
				close(all)
			}
		},
	})
	conn.online(t)
	from := start(t, Config{URL: "tcp://" + b.addr, ClientID: "writer"})
	var sends errgroup.Group
	for range messages {
		sends.Go(func() error { return from.Send(t.Context(), "t/in", []byte("message")) })
	}
	if err := sends.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all to be read", func() bool {
		conn.intake.mu.Lock()
		defer conn.intake.mu.Unlock()
		return conn.intake.held == messages*len("message")
	})
	close(opened)
	receiveFrom(t, "all", all)
	if most != maxHandled {
		t.Errorf("%d handled at a time, want %d", most, maxHandled)
	}
	eventually(t, "nothing in hand", func() bool {
		conn.intake.mu.Lock()
		defer conn.intake.mu.Unlock()
		return conn.intake.held == 0
	})
}
