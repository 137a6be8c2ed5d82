package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
)

func TestMalformedPackets(t *testing.T) {
	t.Parallel()
	for what, data := range map[string]string{
		"type 0":                     "\x00\x00",
		"type 15":                    "\xf0\x00",
		"a length of five bytes":     "\x30\xff\xff\xff\xff\x01",
		"CONNACK too short":          "\x20\x01\x00",
		"CONNACK too long":           "\x20\xff\xff\xff\x7f",
		"PUBACK without a number":    "\x40\x00",
		"PUBACK with half a number":  "\x40\x01\x07",
		"SUBACK without codes":       "\x90\x02\x00\x01",
		"SUBACK too long":            "\x90\xff\xff\xff\x7f",
		"PINGRESP with something":    "\xd0\x01\x00",
		"PUBLISH without a topic":    "\x30\x02\x00\x00",
		"PUBLISH of nothing":         "\x30\x00",
		"PUBLISH, topic cut":         "\x30\x04\x00\x05ab",
		"PUBLISH, number cut":        "\x32\x04\x00\x01t\x01",
		"PUBLISH with the number 0":  "\x32\x05\x00\x01t\x00\x00",
		"PUBLISH with QoS 3":         "\x36\x05\x00\x01t\x00\x01",
		"PUBLISH, topic of nonsense": "\x30\x03\xff\xfft",
	} {
		if p, err := readPacket(bufio.NewReader(bytes.NewReader([]byte(data)))); !errors.Is(err, errPacket) {
			t.Errorf("%s: %v, %v", what, p, err)
		}
	}
}

// A head that promises 256 MiB and brings 1 KB takes no 256 MiB.
func TestPromisedLengthTakesNoMemory(t *testing.T) { // not beside others, whose memory counts too
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		in := io.MultiReader(bytes.NewReader([]byte("\x30\xff\xff\xff\x7f\x00\x01t")), bytes.NewReader(make([]byte, 1000)))
		if _, err := readPacket(bufio.NewReader(in)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("ten of them took %d bytes", took)
	}
}

// A large message is read whole, with little more room than it needs.
func TestLargeMessage(t *testing.T) {
	var message bytes.Buffer
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName, m.Payload, m.Qos, m.MessageID = "t/large", bytes.Repeat([]byte("abcdefg"), 5<<20), 1, 7
	if err := m.Write(&message); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReaderSize(&message, readAhead)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := readPacket(in)
	runtime.ReadMemStats(&after)
	got, ok := p.(*packets.PublishPacket)
	if err != nil || !ok || got.MessageID != 7 || got.TopicName != m.TopicName || !bytes.Equal(got.Payload, m.Payload) {
		t.Errorf("%v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(len(m.Payload))*3/2 {
		t.Errorf("%d bytes took %d", len(m.Payload), took)
	}
}

// Whatever comes: no panic, and what is taken for a packet is one that paho reads in the same way.
func FuzzReadPacket(f *testing.F) {
	for _, data := range []string{
		"\x20\x02\x01\x00", "\x40\x02\x00\x01", "\x90\x03\x00\x01\x80", "\xd0\x00", "\x3d\x07\x00\x01t\x00\x01ab", "\x62\x02\x00\x01",
		"\x30\x03\x00\x01t", "\x30\xff\xff\xff\x7f", "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readPacket(bufio.NewReaderSize(bytes.NewReader(data), 16))
		if err != nil {
			return
		}
		want, err := packets.ReadPacket(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v, paho says %v", got, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A session may still hold messages with QoS 2, for subscriptions of an earlier program. They are acknowledged in the two steps of QoS 2:
// with PUBACK, a broker hangs up, and sends them again with the next connection, for ever.
func TestQoS2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, far := newTestSession(t, Config{ClientID: "former", Handle: func(_ context.Context, d Delivery) { d.Ack() }})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.run(ctx) }()
		in := bufio.NewReader(far)
		expect := func(want packets.ControlPacket) {
			t.Helper()
			got, err := packets.ReadPacket(in)
			if err != nil || got.String() != want.String() {
				t.Errorf("%v, %v; want %v", got, err, want)
			}
		}
		m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		m.TopicName, m.Qos, m.MessageID = "t/former", 2, 9
		_ = m.Write(far)
		expect(&packets.PubrecPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pubrec, RemainingLength: 2}, MessageID: 9})
		for range 2 { // it may come again
			rel := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
			rel.MessageID = 9
			_ = rel.Write(far)
			expect(&packets.PubcompPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pubcomp, RemainingLength: 2}, MessageID: 9})
		}
		stop()
		expect(&packets.DisconnectPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Disconnect}})
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The same with a real broker: what waits with QoS 2 is taken once, and the connection stays.
func TestWaitingWithQoS2(t *testing.T) {
	t.Parallel()
	b := startMosquitto(t)
	p := startProxy(t, b.addr)
	options := mqtt.NewClientOptions().AddBroker("tcp://" + b.addr).SetClientID("former").SetCleanSession(false)
	former := mqtt.NewClient(options)
	for _, ask := range []func() mqtt.Token{former.Connect, func() mqtt.Token { return former.Subscribe("t/jobs", 2, nil) }} {
		if token := ask(); !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	former.Disconnect(250)
	o := observe(t, b.addr, "none")
	const messages = 50
	for n := range messages {
		o.publish(t, "t/jobs", fmt.Sprint(n), 2, false)
	}
	in := make(chan Delivery, 2*messages)
	c := start(t, Config{
		URL: "tcp://" + p.addr, ClientID: "former", Subscriptions: []Subscription{{Filter: "t/jobs", QoS: 1}},
		Handle: func(_ context.Context, d Delivery) { d.Ack(); in <- d },
	})
	c.online(t)
	o.publish(t, "t/jobs", "last", 1, false)
	seen := map[string]bool{}
	for len(seen) <= messages {
		d := receiveFrom(t, "a message", in)
		if seen[string(d.Payload)] {
			t.Errorf("%s came again", d.Payload)
		}
		seen[string(d.Payload)] = true
	}
	if n := p.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A subscription to each topic of a thousand entries is answered with a code for each.
func TestLongSuback(t *testing.T) {
	t.Parallel()
	granted := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	granted.MessageID, granted.ReturnCodes = 1, make([]byte, 3001)
	var wire bytes.Buffer
	if err := granted.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := readPacket(bufio.NewReader(&wire))
	if p, ok := got.(*packets.SubackPacket); err != nil || !ok || len(p.ReturnCodes) != 3001 {
		t.Errorf("%v, %v", got, err)
	}
}
