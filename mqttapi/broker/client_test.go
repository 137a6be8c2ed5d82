package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
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
	s := &session{conn: c, accepted: true, began: time.Now(), answers: make(chan packets.ControlPacket)}
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
	s := &session{last: 65533, window: []inFlight{{number: 65534}, {number: 1}, {number: 3}}}
	for _, want := range []uint16{65535, 2, 4} {
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
