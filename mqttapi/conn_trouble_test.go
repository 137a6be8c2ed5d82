package mqttapi

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
)

// noSubscriptions is a configuration of Mosquitto's dynamic security plugin that
// answers every SUBSCRIBE with 0x80; an acl_file never does in Mosquitto 2.0.
const noSubscriptions = `{"defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": false,
	"unsubscribe": true}, "clients": [], "groups": [], "roles": []}`

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	passwords := t.TempDir() + "/passwords"
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "ann", "right").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := startMosquitto(t, "allow_anonymous false", "password_file "+passwords)
	p := startProxy(t, b.addr)
	c := start(t, ConnConfig{URL: "tcp://ann:wr0ng-one@" + p.addr, ClientID: "guesser", Availability: "t/availability"})
	eventually(t, "five refusals", func() bool { return c.State().Attempts >= 5 })
	reason := `the broker does not let user "ann" in: wrong password, or no right to connect`
	state := c.State()
	if state.Connected || state.Reason != reason {
		t.Errorf("state: %+v", state)
	}
	c.stop()
	if tries, n := p.count(true, "CONNECT"), p.connections(); tries != n || n < 5 || n > c.State().Attempts+1 {
		t.Errorf("%d connections, %d CONNECT, %d attempts", n, tries, c.State().Attempts)
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
	right := start(t, ConnConfig{URL: "tcp://nobody:x@" + p.addr, User: "ann", Password: "right", ClientID: "guesser"})
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
	c := start(t, ConnConfig{
		URL: "tcp://" + p.addr, ClientID: "denied", Availability: "t/availability",
		Subscriptions: []Subscription{{"t/in", 1}, {"t/more/#", 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(p *pace) { p.retry = 10 * time.Millisecond })
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
	c := start(t, ConnConfig{
		URL: "tcp://" + p.addr, ClientID: "later", Availability: "t/availability",
		Subscriptions: []Subscription{{"t/in", 1}, {"t/more/#", 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(p *pace) { p.retry = 10 * time.Millisecond })
	c.online(t)
	o.wait(t, "t/availability", Online)
	if s := c.State(); s.Reason != "" || p.connections() != 1 {
		t.Errorf("state %+v, %d connections", s, p.connections())
	}
}

func TestSilentBroker(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	p.set(func(q passed, _ packets.ControlPacket) bool { return q.up || q.kind != "SUBACK" })
	c := start(t, ConnConfig{
		URL: "tcp://" + p.addr, ClientID: "unheard",
		Subscriptions: []Subscription{{"t/in", 1}},
		Handle:        func(_ context.Context, d Delivery) { d.Ack() },
	}, func(p *pace) { p.connect = 200 * time.Millisecond })
	eventually(t, "another attempt", func() bool { return p.connections() >= 2 })
	if s := c.State(); s.LastError != "the broker does not answer SUBSCRIBE" {
		t.Errorf("state %+v", s)
	}
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
	c := start(t, ConnConfig{URL: "tcp://" + b.addr, ClientID: "huge", Availability: "t/availability"})
	if err := c.Retain("t/list", make([]byte, 60_000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Retain("t/state", []byte("small")); err != nil {
		t.Fatal(err)
	}
	c.online(t)
	reason := "the broker hangs up on 60000 bytes to t/list, which is more than it takes"
	if s := c.State(); s.Reason != reason {
		t.Errorf("state %+v", s)
	}
	o.wait(t, "t/state", "small")
	o.wait(t, "t/availability", Online)
	if n := c.reasons()[reason]; n != 1 {
		t.Errorf("%d lines %q, want 1", n, reason)
	}
	if err := c.Retain("t/list", make([]byte, 60_001)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Retain: %v", err)
	}
	if err := c.Retain("t/list", []byte("fits")); err != nil {
		t.Fatal(err)
	}
	o.wait(t, "t/list", "fits")
	eventually(t, "nothing amiss", func() bool { s := c.State(); return s.Connected && s.Reason == "" })
	if err := c.Send(t.Context(), "t/result", make([]byte, 55_000)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Send: %v", err)
	}
	c.online(t)
	if n := c.reasons()["the broker hangs up on 55000 bytes to t/result, which is more than it takes"]; n != 1 {
		t.Errorf("%d lines about the large Send, want 1: %v", n, c.reasons())
	}
}

// Two bridges with one id: both say so, once, and the one that is left gets over it.
func TestClientIDFight(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	calm := func(p *pace) {
		p.calm = 3 * time.Second
		p.backoff = backoff{first: 200 * time.Millisecond, away: 400 * time.Millisecond, refused: time.Second}
	}
	one := start(t, ConnConfig{URL: "tcp://" + b.addr, ClientID: "twin", Availability: "t/one"}, calm)
	one.online(t)
	other := start(t, ConnConfig{URL: "tcp://" + b.addr, ClientID: "twin", Availability: "t/other"}, calm)
	const reason = `another client uses the id "twin"`
	for _, c := range []*running{one, other} {
		eventually(t, "the reason", func() bool { return c.State().Reason == reason })
	}
	before := other.State().Attempts
	eventually(t, "a few more rounds", func() bool { return other.State().Attempts != before && one.State().Reason == reason })
	other.stop()
	eventually(t, "peace", func() bool { s := one.State(); return s.Connected && s.Reason == "" })
	for name, c := range map[string]*running{"one": one, "other": other} {
		if n := c.reasons()[reason]; n != 1 {
			t.Errorf("%s: %d lines %q, want 1", name, n, reason)
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	p := NewConn(ConnConfig{}).pace
	away := demise{}
	refused := demise{refused: true}
	short := demise{accepted: true, hungUp: true, lived: time.Second}
	long := demise{accepted: true, hungUp: true, lived: time.Hour}
	blamed := demise{accepted: true, hungUp: true, blamed: true, lived: time.Second}
	silent := demise{accepted: true, lived: time.Second}
	for name, test := range map[string]struct {
		demises   []demise
		want      string
		contested bool
	}{
		"nobody answers":       {[]demise{away, away, away, away, away}, "1s 2s 4s 4s 4s", false},
		"refused":              {[]demise{refused, refused, refused, refused, refused, refused, refused}, "1s 2s 4s 8s 16s 30s 30s", false},
		"lost and found":       {[]demise{away, away, away, long, away}, "1s 2s 4s 1s 2s", false},
		"fight":                {[]demise{short, short, short, short, short, short, short, short}, "1s 1s 2s 4s 8s 16s 30s 30s", true},
		"fight is over":        {[]demise{short, short, short, long}, "1s 1s 2s 1s", false},
		"long enough between":  {[]demise{short, short, {accepted: true, hungUp: true, lived: 10 * time.Second}, short}, "1s 1s 1s 1s", false},
		"cut by silence":       {[]demise{short, short, silent, short}, "1s 1s 1s 1s", false},
		"longer in a fight":    {[]demise{short, short, short, {accepted: true, hungUp: true, lived: 10 * time.Second}}, "1s 1s 2s 4s", true},
		"too large":            {[]demise{blamed, blamed, blamed, blamed}, "1s 1s 1s 1s", false},
		"broker away in fight": {[]demise{short, short, short, away}, "1s 1s 2s 4s", true},
	} {
		var tr troubles
		var got []string
		for _, d := range test.demises {
			got = append(got, tr.after(d, p).String())
		}
		if strings.Join(got, " ") != test.want || tr.contested != test.contested {
			t.Errorf("%s: %v, contested %v; want %s, %v", name, got, tr.contested, test.want, test.contested)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	c := NewConn(ConnConfig{URL: "tcp://ann:secret@host", ClientID: "me"})
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	dialed, wired, accepted := newCall(c), newCall(c), newCall(c)
	wired.wire = &wire{}
	accepted.wire, accepted.accepted = &wire{}, true
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for _, test := range []struct {
		call *call
		err  error
		want string
	}{
		{dialed, syscall.ECONNREFUSED, "the broker at tcp://host:1883 cannot be reached"},
		{wired, io.EOF, "whatever answers at tcp://host:1883 hangs up on MQTT: another port, or with TLS?"},
		{wired, timeout, "the broker at tcp://host:1883 does not answer"},
		{wired, &refusal{2, io.EOF}, `the broker does not take the client id "me"`},
		{wired, &refusal{1, io.EOF}, "the broker does not speak MQTT 3.1.1"},
		{wired, &refusal{3, io.EOF}, "the broker has no room for connections now"},
		{wired, &refusal{4, io.EOF}, `the broker does not let user "ann" in: wrong password, or no right to connect`},
		{accepted, io.EOF, "the connection to the broker at tcp://host:1883 was lost"},
	} {
		if got := c.reason(test.call, test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}
