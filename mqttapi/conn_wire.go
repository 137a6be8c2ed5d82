package mqttapi

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"
)

// wireQueue is how many packets wait for the network before a write blocks: more
// than there are publishes in flight, with room for acknowledgements.
const wireQueue = 256

// flushLimit is how long packets handed over before the end may still take to leave.
const flushLimit = time.Second

// errWire stands for an end of the connection that nothing more is known of.
var errWire = errors.New("connection closed")

// wire is the network connection as paho sees it. Writing never waits for the
// network, because paho's Publish holds up its caller, and its keepalive its
// own timeout, behind a peer that has stopped reading
// (https://github.com/eclipse-paho/paho.mqtt.golang/issues/723). In return each
// packet has its deadline here, acknowledgements and pings included. It also knows
// when and of what the connection died before paho has taken itself apart.
type wire struct {
	net.Conn
	limit time.Duration
	out   chan []byte
	gone  chan struct{} // closed at the end, whoever ended it

	once sync.Once
	err  error // why, set before gone is closed
}

func newWire(conn net.Conn, limit time.Duration) *wire {
	return &wire{Conn: conn, limit: limit, out: make(chan []byte, wireQueue), gone: make(chan struct{})}
}

// send writes what Write was given until the connection ends, and closes it.
func (w *wire) send() {
	defer func() { _ = w.Conn.Close() }()
	for {
		select {
		case packet := <-w.out:
			if err := w.put(packet, w.limit); err != nil {
				w.fail(err)
				return
			}
		case <-w.gone:
			w.flush()
			return
		}
	}
}

// Read gives the first reason for the end rather than the error that follows
// from it: paho takes "use of closed network connection" for its own doing and would wait for
// a ping to fail.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.fail(err)
		err = w.err
	}
	return n, err
}

// Write hands a packet to send; paho writes each with one call.
func (w *wire) Write(p []byte) (int, error) {
	select {
	case <-w.gone:
		return 0, w.err
	default:
	}
	select {
	case w.out <- bytes.Clone(p):
		return len(p), nil
	case <-w.gone:
		return 0, w.err
	}
}

// Close ends the connection after what was written has left, without waiting for it.
func (w *wire) Close() error {
	w.fail(net.ErrClosed)
	return nil
}

// SetDeadline limits reads alone: paho sets it for CONNECT and CONNACK.
func (w *wire) SetDeadline(t time.Time) error { return w.Conn.SetReadDeadline(t) }

// SetWriteDeadline does nothing, because send has a deadline for each packet.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// fail ends the connection; only the first reason counts. A write that hangs is cut.
func (w *wire) fail(reason error) {
	w.once.Do(func() {
		w.err = reason
		close(w.gone)
		time.AfterFunc(flushLimit, func() { _ = w.Conn.Close() })
	})
}

// cause is why the connection ended. It is called on a wire that may never have existed.
func (w *wire) cause() error {
	if w == nil {
		return errWire
	}
	w.fail(errWire)
	return w.err
}

// flush writes what was handed over before the end, DISCONNECT for one.
func (w *wire) flush() {
	for {
		select {
		case packet := <-w.out:
			if w.put(packet, flushLimit) != nil {
				return
			}
		default:
			return
		}
	}
}

// put has the only writes and write deadlines, which a websocket does not allow
// from several goroutines.
func (w *wire) put(packet []byte, limit time.Duration) error {
	if err := w.Conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := w.Conn.Write(packet)
	return err
}
