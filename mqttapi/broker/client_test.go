package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// newTestSession is a session that was let in, and the broker's end of its connection, which has no buffer.
func newTestSession(t *testing.T, cfg Config) (*session, net.Conn) {
	t.Helper()
	logger, _ := logtest.NewNullLogger()
	cfg.Log = logger.WithField("test", t.Name())
	near, far := net.Pipe()
	c := New(cfg)
	s := &session{conn: c, accepted: true, began: time.Now(), answers: make(chan packets.ControlPacket), pass: func() {}}
	s.transport = newTransport(near, c.timeouts.write, &c.intake, c.cfg.Holds)
	s.transport.running.Go(func() { s.read(t.Context(), bufio.NewReaderSize(s.transport, readAhead)) })
	t.Cleanup(func() { far.Close() })
	return s, far
}

// An idle session is awake for its pings alone, twice a minute.
func TestIdleSessionSleeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, far := newTestSession(t, Config{ClientID: "idle"})
		pings, others := 0, 0
		go func() {
			for {
				packet, err := packets.ReadPacket(far)
				if err != nil {
					return
				}
				if _, ok := packet.(*packets.PingreqPacket); !ok {
					others++
					continue
				}
				pings++
				_ = packets.NewControlPacket(packets.Pingresp).Write(far)
			}
		}()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute+time.Second)
		defer stop()
		err := s.run(ctx)
		synctest.Wait()
		if err != nil || pings != 20 || others != 1 { // the one is DISCONNECT
			t.Errorf("%v, %d pings and %d other packets in ten minutes", err, pings, others)
		}
	})
}

// The answer to a ping may be behind a large message on a slow line. Pings go on then, or the broker would give up.
func TestPingBehindLargeMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, far := newTestSession(t, Config{ClientID: "slow"})
		last, longest := time.Now(), time.Duration(0)
		go func() {
			for {
				if _, err := packets.ReadPacket(far); err != nil {
					return
				}
				longest, last = max(longest, time.Since(last)), time.Now()
			}
		}()
		var message bytes.Buffer
		m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		m.TopicName, m.Payload = "t/large", make([]byte, 300)
		_ = m.Write(&message)
		go func() {
			for _, b := range message.Bytes()[:message.Len()-1] { // 5 minutes, and then nothing more
				if _, err := far.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		began := time.Now()
		err := s.run(t.Context())
		lasted := time.Since(began)
		synctest.Wait()
		if !errors.Is(err, errClosed) || lasted < 5*time.Minute || lasted > 6*time.Minute || longest > 45*time.Second {
			t.Errorf("%v after %v, up to %v between two packets", err, lasted, longest)
		}
	})
}

// What comes and is no MQTT ends the connection, which counts as our doing.
func TestNoMQTT(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, far := newTestSession(t, Config{ClientID: "confused"})
		go func() { _, _ = far.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }()
		if err := s.run(t.Context()); !errors.Is(err, net.ErrClosed) || hungUp(err) {
			t.Errorf("%v", err)
		}
	})
}

func TestNumbersAreFree(t *testing.T) {
	t.Parallel()
	s := &session{last: 65533, window: []inFlight{{number: 65534}, {number: 32768}, {number: 32770}}}
	for _, want := range []uint16{65535, 32769, 32771} {
		if got := s.number(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}

// An idle connection has two goroutines: who decides, and who reads.
func TestIdleGoroutines(t *testing.T) {
	const connections, each = 20, 2
	b := startMosquitto(t)
	before := runtime.NumGoroutine()
	for n := range connections {
		start(t, Config{
			URL: "tcp://" + b.addr, ClientID: fmt.Sprint("idle-", n), Subscriptions: []Subscription{{Filter: "t/none", QoS: 1}}, Handle: func(context.Context, Delivery) {},
		}).online(t)
	}
	eventually(t, "few goroutines", func() bool { return runtime.NumGoroutine()-before <= connections*each+1 }) // and the test's own for each
}

// However many connections there are, so many are made at a time. A place is free again when one is online, or has failed.
func TestTurns(t *testing.T) {
	t.Parallel()
	const all, most = 20, 3
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	turns, hello := make(chan struct{}, most), make(chan net.Conn, all)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			hello <- conn
		}
	})
	defer accepting.Wait()
	defer listener.Close()
	for n := range all {
		start(t, Config{URL: "tcp://" + listener.Addr().String(), ClientID: fmt.Sprint("many-", n), Turns: turns}, func(now *timeouts) { now.away = time.Hour })
	}
	var open []net.Conn
	for n := range all {
		open = append(open, receiveFrom(t, "a connection", hello))
		if len(open) < most && n < all-1 {
			continue
		}
		select {
		case <-hello:
			t.Fatalf("more than %d connections are made at a time", most)
		case <-time.After(20 * time.Millisecond): // it would be a matter of microseconds
		}
		if packet, err := packets.ReadPacket(open[0]); err != nil {
			t.Error(packet, err)
		}
		answer := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		if err := answer.Write(open[0]); err != nil {
			t.Error(err)
		}
		defer open[0].Close()
		open = open[1:]
	}
	for _, left := range open {
		left.Close()
	}
}
