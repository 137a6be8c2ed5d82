package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sync/errgroup"
)

// noSubscriptions is a configuration of Mosquitto's dynamic security plugin that
// answers every SUBSCRIBE with 0x80; an acl_file never does in Mosquitto 2.0.
const noSubscriptions = `{"defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": false,
	"unsubscribe": true}, "clients": [], "groups": [], "roles": []}`

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	needsMosquitto(t)
	passwords := t.TempDir() + "/passwords"
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "ann", "right").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := startMosquitto(t, "allow_anonymous false", "password_file "+passwords)
	p := startProxy(t, b.addr)
	c := start(t, Config{URL: "tcp://ann:wr0ng-one@" + p.addr, ClientID: "guesser", Availability: availability})
	eventually(t, "five refusals", func() bool { return c.State().attempts >= 5 })
	reason := `the broker does not let user "ann" in: wrong password, or no right to connect`
	state := c.State()
	if state.Connected || state.Reason != reason {
		t.Errorf("state: %+v", state)
	}
	c.stop()
	if tries, n := p.count(true, "CONNECT"), p.connections(); tries != n || n < 5 || n > c.State().attempts+1 {
		t.Errorf("%d connections, %d CONNECT, %d attempts", n, tries, c.State().attempts)
	}
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
	for _, e := range c.logs.AllEntries() {
		if text, _ := e.String(); strings.Contains(text, "wr0ng-one") {
			t.Errorf("the password is in the log: %s", text)
		}
	}
	if text := fmt.Sprintf("%+v", state); strings.Contains(text, "wr0ng-one") {
		t.Errorf("the password is in the state: %s", text)
	}
	right := start(t, Config{URL: "tcp://nobody:x@" + p.addr, User: "ann", Password: "right", ClientID: "guesser"})
	right.online(t)
}

// A broker that refuses a subscription takes everything else, so what is to be
// sent goes out and the connection stays; but commands cannot come in, so this is not online.
func TestRefusedSubscription(t *testing.T) {
	t.Parallel()
	security := t.TempDir() + "/dynamic-security.json"
	if err := os.WriteFile(security, []byte(noSubscriptions), 0o600); err != nil {
		t.Fatal(err)
	}
	b := startMosquitto(t, "plugin /usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so", "plugin_opt_config_file "+security)
	p := startProxy(t, b.addr)
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "denied", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}, {Filter: "t/more/#", QoS: 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(t *timeouts) { t.subscribe = 10 * time.Millisecond })
	if err := c.Retain("t/state", []byte("x")); err != nil {
		t.Fatal(err)
	}
	reason := "the broker does not let a client without a user subscribe to t/in and t/more/#"
	eventually(t, "the reason", func() bool { return c.State().Reason == reason })
	eventually(t, "five questions", func() bool { return p.count(false, "SUBACK") >= 5 })
	if err := c.Send(t.Context(), "t/result", []byte("x")); err != nil {
		t.Errorf("Send: %v", err)
	}
	said := map[string]bool{}
	for _, q := range p.log() {
		if q.up && q.kind == "PUBLISH" {
			said[fmt.Sprint(q.topic, " ", q.size)] = true
		}
	}
	if !said["t/state 1"] || !said["t/availability 7"] || said["t/availability 6"] {
		t.Errorf("said %v, want the state and offline", said)
	}
	if n := p.connections(); n != 1 || c.State().Connected {
		t.Errorf("%d connections, state %+v", n, c.State())
	}
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
	without := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "content", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1, Optional: true}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	})
	without.online(t)
}

// Whoever mends the access list need not restart the bridge.
func TestSubscriptionGrantedLater(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	o := observe(t, b.addr, "t/availability")
	p.set(func(q passed, packet packets.ControlPacket) bool {
		if suback, ok := packet.(*packets.SubackPacket); ok && p.count(false, "SUBACK") < 4 {
			suback.ReturnCodes[1] = denied
		}
		return true
	})
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "later", Availability: availability,
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}, {Filter: "t/more/#", QoS: 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(t *timeouts) { t.subscribe = 10 * time.Millisecond })
	c.online(t)
	o.wait(t, "t/availability", online)
	if s := c.State(); s.Reason != "" || p.connections() != 1 {
		t.Errorf("state %+v, %d connections", s, p.connections())
	}
}

func TestSilentBroker(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	p.set(func(q passed, _ packets.ControlPacket) bool { return q.up || q.kind != "SUBACK" })
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "unheard",
		Subscriptions: []Subscription{{Filter: "t/in", QoS: 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(t *timeouts) { t.connect = 200 * time.Millisecond })
	eventually(t, "another attempt", func() bool { return p.connections() >= 2 })
	eventually(t, "the error", func() bool { return c.lastError() == "the broker does not answer SUBSCRIBE" })
	p.set(func(q passed, _ packets.ControlPacket) bool { return q.up })
	eventually(t, "a CONNECT without an answer", func() bool {
		return c.State().Reason == "the broker at tcp://"+p.addr+" does not answer"
	})
	p.set(nil)
	c.online(t)
}

// What the broker does not take must cost no more than itself.
func TestOversizeForBroker(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t, "max_packet_size 50000")
	o := observe(t, b.addr, "t/#")
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "huge", Availability: availability})
	if err := c.Retain("t/list", make([]byte, 60_000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Retain("t/state", []byte("small")); err != nil {
		t.Fatal(err)
	}
	reason := "the broker hangs up on 60000 bytes to t/list, which is more than it takes: set GPHOTOS_MAX_PUBLISH to its limit"
	eventually(t, "the reason", func() bool { s := c.State(); return s.Connected && s.Reason == reason })
	o.wait(t, "t/state", "small")
	o.wait(t, "t/availability", online)
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
	if c.Limit() >= 50_000 {
		t.Errorf("limit %d, want what the broker takes", c.Limit())
	}
	if err := c.Retain("t/list", make([]byte, 60_001)); err != nil { // waits for something smaller
		t.Errorf("Retain: %v", err)
	}
	if err := c.Retain("t/list", []byte("fits")); err != nil {
		t.Fatal(err)
	}
	o.wait(t, "t/list", "fits")
	eventually(t, "nothing amiss", func() bool { s := c.State(); return s.Connected && s.Reason == "" })
	if err := c.Send(t.Context(), "t/result", make([]byte, 55_000)); !errors.Is(err, ErrTooLarge) || !c.State().Connected {
		t.Errorf("Send: %v, want it refused without another try", err)
	}
	if err := c.Send(t.Context(), "t/result", make([]byte, c.Limit())); err != nil {
		t.Errorf("Send within the limit: %v", err)
	}
}

// A limit that was raised, or three cut cables that were taken for one, is found out with a connection after a stable one; one that
// stands costs a single disconnection more.
func TestLimitIsForgotten(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t, "max_packet_size 50000")
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "huge"}, func(tm *timeouts) { tm.stable = 200 * time.Millisecond })
	c.online(t)
	large := make([]byte, 60_000)
	if err := c.Retain("t/list", large); err != nil {
		t.Fatal(err)
	}
	learned := func() bool { return c.State().Connected && c.Limit() < 50_000 }
	eventually(t, "the limit", learned)
	restart := func() {
		t.Helper()
		eventually(t, "a stable connection", func() bool { s := c.State(); return s.Connected && time.Since(s.Since) > c.timeouts.stable })
		b.stop()
		b.start(t)
		c.online(t)
	}
	restart()
	eventually(t, "the limit once more", learned)
	if n := strings.Count(b.says.String(), "New client connected"); n > 3 {
		t.Errorf("%d connections, want one that ends with the large message", n)
	}
	b.conf[len(b.conf)-1] = "max_packet_size 100000"
	restart()
	observe(t, b.addr, "t/#").wait(t, "t/list", string(large))
	eventually(t, "nothing amiss", func() bool { s := c.State(); return s.Connected && s.Reason == "" && c.Limit() > 60_000 })
}

// Of several messages that are too large, the broker is asked about one.
func TestOversizeResults(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t, "max_packet_size 20000")
	c := start(t, Config{URL: "tcp://" + b.addr, ClientID: "results", Availability: availability})
	c.online(t)
	var sends errgroup.Group
	for range 6 {
		sends.Go(func() error { return c.Send(t.Context(), "t/result", make([]byte, 38_000)) })
		sends.Go(func() error {
			if err := c.Send(t.Context(), "t/result", make([]byte, 1000)); err != nil {
				t.Errorf("small: %v", err)
			}
			return nil
		})
	}
	if err := sends.Wait(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Send: %v", err)
	}
	if n := c.reasons()["the broker hangs up on 38000 bytes to t/result, which is more than it takes: set GPHOTOS_MAX_PUBLISH to its limit"]; n != 1 {
		t.Errorf("%d lines about the large ones, want 1: %v", n, c.reasons())
	}
}

// Two bridges with one id: both say so, once, and the one that is left gets over it.
func TestClientIDConflict(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	brief := func(t *timeouts) {
		t.stable = 3 * time.Second
		t.first, t.away, t.refused = 200*time.Millisecond, 400*time.Millisecond, time.Second
	}
	one := start(t, Config{URL: "tcp://" + b.addr, ClientID: "twin", Availability: Availability{"t/one", online, offline}}, brief)
	one.online(t)
	other := start(t, Config{URL: "tcp://" + b.addr, ClientID: "twin", Availability: Availability{"t/other", online, offline}}, brief)
	const reason = `another client uses the id "twin"`
	for _, c := range []*running{one, other} {
		eventually(t, "the reason", func() bool { return c.State().Reason == reason })
	}
	before := other.State().attempts
	eventually(t, "a few more rounds", func() bool { return other.State().attempts != before && one.State().Reason == reason })
	other.stop()
	eventually(t, "the end of the conflict", func() bool { s := one.State(); return s.Connected && s.Reason == "" })
	for name, c := range map[string]*running{"one": one, "other": other} {
		if n := c.reasons()[reason]; n != 1 {
			t.Errorf("%s: %d lines %q, want 1", name, n, reason)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	production := defaultTimeouts
	away := disconnect{}
	refused := disconnect{refused: true}
	short := disconnect{accepted: true, hungUp: true, lasted: time.Second}
	long := disconnect{accepted: true, hungUp: true, lasted: time.Hour}
	tooLarge := disconnect{accepted: true, hungUp: true, tooLarge: true, lasted: time.Second}
	silent := disconnect{accepted: true, lasted: time.Second}
	for name, test := range map[string]struct {
		disconnects []disconnect
		want        string
		conflict    bool
	}{
		"nobody answers":          {[]disconnect{away, away, away, away, away}, "1s 2s 4s 4s 4s", false},
		"refused":                 {[]disconnect{refused, refused, refused, refused, refused, refused, refused}, "1s 2s 4s 8s 16s 30s 30s", false},
		"lost and found":          {[]disconnect{away, away, away, long, away}, "1s 2s 4s 1s 2s", false},
		"conflict":                {[]disconnect{short, short, short, short, short, short, short, short}, "1s 1s 1s 2s 4s 8s 16s 30s", true},
		"conflict is over":        {[]disconnect{short, short, short, long}, "1s 1s 1s 1s", false},
		"long enough between":     {[]disconnect{short, short, {accepted: true, hungUp: true, lasted: 10 * time.Second}, short}, "1s 1s 1s 1s", false},
		"cut by silence":          {[]disconnect{short, short, silent, short}, "1s 1s 1s 1s", false},
		"longer in a conflict":    {[]disconnect{short, short, short, {accepted: true, hungUp: true, lasted: 10 * time.Second}}, "1s 1s 1s 2s", true},
		"too large":               {[]disconnect{tooLarge, tooLarge, tooLarge, tooLarge}, "1s 1s 1s 1s", false},
		"broker away in conflict": {[]disconnect{short, short, short, away}, "1s 1s 1s 2s", true},
	} {
		var f failures
		var got []string
		for _, d := range test.disconnects {
			got = append(got, f.pause(d, production).String())
		}
		if strings.Join(got, " ") != test.want || f.conflict != test.conflict {
			t.Errorf("%s: %v, conflict %v; want %s, %v", name, got, f.conflict, test.want, test.conflict)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	c := New(Config{URL: "tcp://ann:secret@host", ClientID: "me"})
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	dialed, connected, accepted := &session{conn: c}, &session{conn: c}, &session{conn: c}
	connected.transport = &transport{}
	accepted.transport, accepted.accepted = &transport{}, true
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for _, test := range []struct {
		session *session
		err     error
		want    string
	}{
		{dialed, syscall.ECONNREFUSED, "the broker at tcp://host:1883 cannot be reached"},
		{connected, io.EOF, "whatever answers at tcp://host:1883 hangs up on MQTT: another port, or with TLS?"},
		{connected, timeout, "the broker at tcp://host:1883 does not answer"},
		{&session{refused: 2}, io.EOF, `the broker does not take the client id "me"`},
		{&session{refused: 1}, io.EOF, "the broker does not speak MQTT 3.1.1"},
		{&session{refused: 3}, io.EOF, "the broker has no room for connections now"},
		{&session{refused: 4}, io.EOF, `the broker does not let user "ann" in: wrong password, or no right to connect`},
		{accepted, io.EOF, "the connection to the broker at tcp://host:1883 was lost"},
	} {
		if got := c.reason(test.session, test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}
