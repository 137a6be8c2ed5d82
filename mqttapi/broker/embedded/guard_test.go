package embedded

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// connects reports whether the broker lets a client in.
func connects(t *testing.T, b *Broker, id string, configure ...func(*mqtt.ClientOptions)) (mqtt.Client, bool) {
	t.Helper()
	opts := options(b, id)
	for _, f := range configure {
		f(opts)
	}
	c := mqtt.NewClient(opts)
	token := c.Connect()
	<-token.Done()
	t.Cleanup(func() { c.Disconnect(0) })
	return c, token.Error() == nil
}

func clean(o *mqtt.ClientOptions) { o.SetCleanSession(true) }

// What has a topic above the limit is refused, wherever it stands, and nothing of it keeps the broker from starting again.
func TestLongTopics(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir()}
	b := open(t, cfg)
	got := make(chan string, 10)
	keeper := client(t, b, "keeper")
	done(t, keeper.Subscribe("#", 1, receive(got)))
	topic := func(n int) string { return strings.Repeat("x", n) }
	done(t, client(t, b, "just").Publish(topic(maxTopic), 1, true, "fits"))
	if m := <-got; m != topic(maxTopic)+" fits" {
		t.Errorf("got %.20q", m)
	}
	for _, n := range []int{maxTopic + 1, 65535} {
		for what, send := range map[string]func(mqtt.Client) mqtt.Token{
			"QoS 0":       func(c mqtt.Client) mqtt.Token { return c.Publish(topic(n), 0, false, "x") },
			"QoS 1":       func(c mqtt.Client) mqtt.Token { return c.Publish(topic(n), 1, false, "x") },
			"retained":    func(c mqtt.Client) mqtt.Token { return c.Publish(topic(n), 1, true, "x") },
			"large":       func(c mqtt.Client) mqtt.Token { return c.Publish(topic(n), 1, false, make([]byte, 1<<20)) },
			"subscribe":   func(c mqtt.Client) mqtt.Token { return c.Subscribe(topic(n), 1, nil) },
			"unsubscribe": func(c mqtt.Client) mqtt.Token { return c.Unsubscribe("a", topic(n)) },
		} {
			lost := make(chan error, 1)
			c := client(t, b, "long", clean, func(o *mqtt.ClientOptions) {
				o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost <- err })
			})
			send(c)
			select {
			case <-lost:
			case <-time.After(time.Minute):
				t.Errorf("%s of %d bytes is taken", what, n)
			}
		}
		if _, ok := connects(t, b, "will", func(o *mqtt.ClientOptions) { o.SetWill(topic(n), "x", 1, true) }); ok {
			t.Errorf("a will of %d bytes is taken", n)
		}
	}
	done(t, keeper.Publish("end", 1, false, "x"))
	if m := <-got; m != "end x" {
		t.Errorf("got %.20q", m)
	}
	keeper.Disconnect(100)
	b.Close()
	b = started(t, cfg)
	done(t, client(t, b, "after").Publish("still", 1, false, "well"))
	client(t, b, "keeper", func(o *mqtt.ClientOptions) { o.SetDefaultPublishHandler(receive(got)) })
	if m := <-got; m != "still well" {
		t.Errorf("got %.20q", m)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	var first mqtt.Client
	for i := range maxOfAddress {
		c, ok := connects(t, b, fmt.Sprint("client-", i), clean)
		if !ok {
			t.Fatalf("client %d is turned away", i)
		}
		if i == 0 {
			first = c
		}
	}
	if _, ok := connects(t, b, "more", clean); ok {
		t.Error("one more than the limit of an address is let in")
	}
	// The bridge itself goes past the limit.
	inner := func(o *mqtt.ClientOptions) { o.Servers = nil; o.AddBroker("tcp://" + b.Inner()) }
	if _, ok := connects(t, b, "bridge", inner); !ok {
		t.Error("the bridge is turned away")
	}
	first.Disconnect(0)
	for limit := time.Now().Add(time.Minute); ; {
		if _, ok := connects(t, b, "next", clean); ok {
			return
		} else if time.Now().After(limit) {
			t.Fatal("nobody gets the place of who has gone")
		}
	}
}

// Sessions are counted by client, of those alone who were let in; a clean one frees a place, and so does time.
func TestSessionsAreLimited(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), User: "ha", Password: "right"}
	b := open(t, cfg)
	login := func(o *mqtt.ClientOptions) { o.SetUsername("ha").SetPassword("right") }
	leave := func(id string, configure ...func(*mqtt.ClientOptions)) bool {
		c, ok := connects(t, b, id, append(configure, login)...)
		if ok {
			done(t, c.Subscribe("mail/"+id, 1, nil))
		}
		c.Disconnect(0)
		return ok
	}
	if _, ok := connects(t, b, "stranger"); ok {
		t.Fatal("a client without a password is let in")
	}
	for i := range maxSessions {
		if !leave(fmt.Sprint("client-", i)) {
			t.Fatalf("client %d has no room", i)
		}
	}
	if leave("more") {
		t.Error("one more than the limit has a session")
	}
	if !leave("client-7") || !leave("guest", clean) {
		t.Error("who has a session, or wants none, is turned away")
	}
	if !leave("client-7", clean) || !leave("more") {
		t.Error("a session that has ended keeps its place")
	}
	b.Close()

	// Eight days later; meanwhile one client was here.
	path := filepath.Join(cfg.Dir, "sessions.json")
	away := map[string]time.Time{}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &away) != nil || len(away) != maxSessions {
		t.Fatalf("%d sessions are noted, %v", len(away), err)
	}
	for id := range away {
		away[id] = time.Now().Add(-8 * 24 * time.Hour)
	}
	away["client-1"] = time.Now()
	if text, err = json.Marshal(away); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b = started(t, cfg)
	for limit := time.Now().Add(time.Minute); ; {
		if b.guard.sessions.count() == 1 {
			break
		} else if time.Now().After(limit) {
			t.Fatal("old sessions stay")
		}
	}
	got := make(chan string, 10)
	for _, id := range []string{"client-1", "client-2"} {
		c := client(t, b, "sender", login)
		done(t, c.Publish("mail/"+id, 1, false, "for "+id))
		client(t, b, id, login, func(o *mqtt.ClientOptions) { o.SetDefaultPublishHandler(receive(got)) })
	}
	if m := <-got; m != "mail/client-1 for client-1" || len(got) > 0 {
		t.Errorf("got %s and %d more", m, len(got))
	}
}

// Many large messages at once all arrive, though only so many are on their way at a time, and the room is whole again afterwards, also
// when a client goes in the middle of one.
func TestLargeMessagesTakeTurns(t *testing.T) { //nolint:paralleltest // the server gives up on a disk that is slow for other tests' sake
	b := started(t, Config{Dir: t.TempDir()})
	got := make(chan int, 6)
	c := client(t, b, "bridge", func(o *mqtt.ClientOptions) { o.SetOrderMatters(false) })
	done(t, c.Subscribe("up/#", 1, func(_ mqtt.Client, m mqtt.Message) { got <- len(m.Payload()) }))
	payload := bytes.Repeat([]byte("x"), 20<<20)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			camera := mqtt.NewClient(options(b, fmt.Sprint("camera-", i)))
			<-camera.Connect().Done()
			if token := camera.Publish(fmt.Sprint("up/", i), 1, false, payload); !token.WaitTimeout(2*time.Minute) || token.Error() != nil {
				t.Errorf("camera %d: %v", i, token.Error())
			}
			camera.Disconnect(100)
		})
	}
	wg.Wait()
	for range 6 {
		select {
		case n := <-got:
			if n != len(payload) {
				t.Errorf("%d bytes", n)
			}
		case <-time.After(time.Minute):
			t.Fatal("a message is lost")
		}
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.MessageID, p.Payload = "up/cut", 1, 1, payload
	var whole bytes.Buffer
	if err := p.Write(&whole); err != nil {
		t.Fatal(err)
	}
	cut(t, b, whole.Bytes()[:10<<20])
	for limit := time.Now().Add(time.Minute); !b.guard.room.TryAcquire(room); {
		if time.Now().After(limit) {
			t.Fatal("room is not given back")
		}
	}
	b.guard.room.Release(room)
}

// cut sends the beginning of a packet as a client, and goes.
func cut(t *testing.T, b *Broker, start []byte) {
	t.Helper()
	conn := dial(t, b)
	defer conn.Close()
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.ClientIdentifier = "MQTT", 4, true, "cut"
	if err := hello.Write(conn); err != nil {
		t.Fatal(err)
	}
	if _, err := packets.ReadPacket(conn); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(start); err != nil {
		t.Fatal(err)
	}
}

// What is no MQTT is cut off, and does the broker no harm.
func TestNoMQTT(t *testing.T) {
	t.Parallel()
	b := started(t, Config{Dir: t.TempDir()})
	for _, start := range []string{
		"GET / HTTP/1.1\r\n\r\n", "\x00\x00", "\x10\xff\xff\xff\xff\x01", "\x10\xff\xff\xff\x7f", "\x10\x02ab", "\x10\x00", "\x30\x03\x00\x01a",
		"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\xff\xff", "\x16\x03\x01\x02\x00",
	} {
		conn := dial(t, b)
		if _, err := conn.Write([]byte(start)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		answer := make([]byte, 16)
		if n, err := conn.Read(answer); err == nil && (n != 4 || answer[0] != 0x20) || os.IsTimeout(err) {
			t.Errorf("%q: %q, %v", start, answer[:n], err)
		}
		conn.Close()
	}
	client(t, b, "well")
}

func dial(t *testing.T, b *Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
