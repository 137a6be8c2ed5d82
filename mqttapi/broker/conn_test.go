package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// running is a connection under test.
type running struct {
	*Conn
	logs *logtest.Hook
	stop func() // ends Run and waits for it
}

// start runs a connection with short pauses until the test ends; adjust may change them.
func start(t *testing.T, cfg Config, adjust ...func(*timeouts)) *running {
	t.Helper()
	logger, logs := logtest.NewNullLogger()
	logger.SetOutput(io.Discard)
	cfg.Log = logrus.NewEntry(logger)
	c := New(cfg)
	c.timeouts.first, c.timeouts.away, c.timeouts.refused = 20*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	for _, f := range adjust {
		f(&c.timeouts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stopped := false
	r := &running{Conn: c, logs: logs, stop: func() {
		cancel()
		if !stopped {
			stopped = true
			if err := receiveFrom(t, "the end of Run", ended); err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}}
	t.Cleanup(r.stop)
	return r
}

// State is how the connection does now.
func (r *running) State() State { return *r.state.Load() }

// lastError is the error of the last reason that was logged with one.
func (r *running) lastError() string {
	last := ""
	for _, e := range r.logs.AllEntries() {
		if err, ok := e.Data[logrus.ErrorKey].(error); ok {
			last = err.Error()
		}
	}
	return last
}

// quiet is a log that nobody reads.
func quiet() *logrus.Entry {
	logger, _ := logtest.NewNullLogger()
	return logrus.NewEntry(logger)
}

// online waits until the connection is up.
func (r *running) online(t *testing.T) {
	t.Helper()
	eventually(t, "the connection", func() bool { return r.State().Connected })
}

// reasons is how often each reason was logged.
func (r *running) reasons() map[string]int {
	n := map[string]int{}
	for _, e := range r.logs.AllEntries() {
		if reason, ok := e.Data["reason"].(string); ok {
			n[reason]++
		}
	}
	return n
}

func TestStartsBeforeBroker(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	b.stop()
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "early", Availability: availability})
	sent := make(chan error, 1)
	go func() { sent <- c.Send(t.Context(), "t/result", []byte("waited")) }()
	eventually(t, "three attempts", func() bool { return c.State().attempts >= 3 })
	reason := "the broker at tcp://" + b.addr + " cannot be reached"
	if s := c.State(); s.Connected || s.Reason != reason || c.lastError() == "" {
		t.Errorf("state without a broker: %+v", s)
	}
	b.start(t)
	c.online(t)
	if err := receiveFrom(t, "Send", sent); err != nil {
		t.Errorf("Send: %v", err)
	}
	if s := c.State(); s.Reason != "" || s.attempts != 0 {
		t.Errorf("state with a broker: %+v", s)
	}
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
}

func TestStopSaysOffline(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/#")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "stopper", Availability: availability})
	c.online(t)
	o.wait(t, "t/availability", online)
	if err := c.Retain("t/state", []byte("last words")); err != nil {
		t.Fatal(err)
	}
	c.stop()
	eventually(t, "DISCONNECT", func() bool { return p.count(true, "DISCONNECT") == 1 })
	o.wait(t, "t/availability", offline)
	if o.count("t/state", "last words") != 1 {
		t.Errorf("the last retained value did not go out: %v", o.seen())
	}
	fresh := observe(t, b.addr, "t/availability")
	fresh.wait(t, "t/availability", offline)
	if err := c.Send(t.Context(), "t/result", nil); !errors.Is(err, ErrStopped) {
		t.Errorf("Send after the end: %v, want ErrStopped", err)
	}
	if s := c.State(); s.Connected || s.Reason != stopped {
		t.Errorf("state after the end: %+v", s)
	}
}

// A link that takes nothing any more must not hold up the stop, and availability
// must come true without the bridge's help.
func TestStopOnStalledLink(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/#")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "stalled", Availability: availability})
	c.online(t)
	p.stall()
	if err := c.Retain("t/state", make([]byte, defaultMaxPublish)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c.stop()
	if took := time.Since(begin); took > 6*time.Second {
		t.Errorf("the stop took %v", took)
	}
	p.kill()
	o.wait(t, "t/availability", offline)
	if n := p.count(true, "DISCONNECT"); n != 0 {
		t.Errorf("%d DISCONNECT, which would have kept the will back", n)
	}
}

// A peer that takes the connection and says nothing must not hold up the stop either, however it is spoken to.
func TestStopWhileDialling(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"mqtt", "mqtts", "ws", "wss"} {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			conn, _ := silent.Accept()
			accepted <- conn
		}()
		c := start(t, Config{URL: scheme + "://" + silent.Addr().String(), ClientID: "dialling"})
		defer receiveFrom(t, "the connection", accepted).Close()
		begin := time.Now()
		c.stop()
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%s: the stop took %v", scheme, took)
		}
	}
}

func TestWillAfterCut(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/availability")
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "killed", Availability: availability})
	c.online(t)
	p.shut() // all that the broker sees of a kill -9
	o.wait(t, "t/availability", offline)
	fresh := observe(t, b.addr, "t/availability")
	fresh.wait(t, "t/availability", offline)
	p.open(t)
	eventually(t, "online again", func() bool { return o.count("t/availability", online) == 2 })
}

// The handler is busy for longer than the broker would wait for a ping.
func TestBlockedHandlerKeepsConnection(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "none")
	release := make(chan struct{})
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "busy",
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) {
			<-release
			d.Ack()
		},
	}, func(t *timeouts) { t.keepAlive = time.Second })
	c.online(t)
	for range 10 {
		o.publish(t, "t/in", "x", 1, false)
	}
	eventually(t, "four answered pings", func() bool { return p.count(false, "PINGRESP") >= 4 })
	close(release)
	eventually(t, "all acknowledgements", func() bool { return p.count(true, "PUBACK") == 10 })
	if n := p.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A half-open link is noticed although the socket's buffers are full of
// publishes, and what was under way arrives by the next connection.
func TestHalfOpenLink(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	c := start(t, Config{URL: "tcp://" + p.addr, ClientID: "halfopen"}, func(t *timeouts) {
		t.keepAlive, t.ping = time.Second, time.Second
	})
	c.online(t)
	p.stall()
	sent := make(chan error, maxSends)
	for range maxSends {
		go func() { sent <- c.Send(t.Context(), "t/large", make([]byte, defaultMaxPublish)) }()
	}
	for range maxSends {
		if err := receiveFrom(t, "Send", sent); err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	if n := p.connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestUnusableConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"no address":     {ClientID: "x"},
		"no id":          {URL: "tcp://127.0.0.1"},
		"no handler":     {URL: "tcp://127.0.0.1", ClientID: "x", Subscriptions: []Subscription{{Filter: "a", QoS: 1}}},
		"wildcard topic": {URL: "tcp://127.0.0.1", ClientID: "x", Availability: Availability{Topic: "a/#"}},
	} {
		cfg.Log = quiet()
		c := New(cfg)
		if err := c.Run(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := c.Send(t.Context(), "a", nil); !errors.Is(err, ErrStopped) {
			t.Errorf("%s: Send: %v, want ErrStopped", name, err)
		}
	}
}
