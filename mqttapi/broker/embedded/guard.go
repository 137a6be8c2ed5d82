package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sync/semaphore"
)

// Limits of what clients may do, for which the server has no option. The bridge itself goes past them.
const (
	maxTopic       = 4096             // bytes of a topic or filter, as at AWS IoT and EMQX; the server takes any, and keeps it in files
	maxConnections = 256              // at a time
	maxOfAddress   = 128              // of them from one address: behind Docker's gateway all have the same
	maxControl     = 128 << 10        // bytes of a packet that is no PUBLISH: a CONNECT with its will, a SUBSCRIBE
	large          = 64 << 10         // bytes from which on a message needs room
	room           = maxMessage       // bytes of large messages that are between a client and the disk at a time
	connectLimit   = 10 * time.Second // for CONNECT to come
	slowest        = 64 << 10         // bytes a second at which a large message must come, so that nobody keeps the room
	patience       = time.Minute      // beside that, and for a client to take what it is sent
)

// A guard stands before the server's port and passes on what is within the limits; whoever is not is disconnected, as MQTT 3.1.1 has no
// other answer (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718106), and the log says why.
type guard struct {
	cfg      Config
	listener net.Listener
	server   string // where the server listens
	room     *semaphore.Weighted
	sessions *sessions
	serving  sync.WaitGroup

	mu    sync.Mutex // guards the following
	open  int
	of    map[string]int // open ones by address
	quiet time.Time      // until then no line about turning away
}

func (g *guard) run(ctx context.Context) {
	for {
		client, err := g.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil { // such as too many open files
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !g.admit(client) {
			_ = client.Close()
			continue
		}
		g.serving.Go(func() {
			defer g.dismiss(client)
			stop := context.AfterFunc(ctx, func() { _ = client.Close() })
			defer stop()
			err := g.serve(ctx, client)
			if refused, ok := errors.AsType[refusal](err); ok {
				g.cfg.Log.WithField("detail", client.RemoteAddr().String()+": "+string(refused)).Warn("built-in broker")
			}
		})
	}
}

func addressOf(conn net.Conn) string {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	return host
}

func (g *guard) admit(client net.Conn) bool {
	address := addressOf(client)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open < maxConnections && g.of[address] < maxOfAddress {
		g.open, g.of[address] = g.open+1, g.of[address]+1
		return true
	}
	if time.Now().After(g.quiet) {
		g.quiet = time.Now().Add(patience)
		g.cfg.Log.WithField("detail", fmt.Sprintf("%s is turned away: %d connections are open, %d of its address; %d and %d may be",
			address, g.open, g.of[address], maxConnections, maxOfAddress)).Warn("built-in broker")
	}
	return false
}

func (g *guard) dismiss(client net.Conn) {
	_ = client.Close()
	address := addressOf(client)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.of[address]--; g.of[address] <= 0 {
		delete(g.of, address)
	}
}

// A refusal is why a client is disconnected.
type refusal string

func (r refusal) Error() string { return string(r) }

// serve carries one client's connection to its end.
func (g *guard) serve(ctx context.Context, client net.Conn) error {
	_ = client.SetReadDeadline(time.Now().Add(connectLimit))
	in := bufio.NewReaderSize(client, maxTopic+16)
	h, err := readHeader(in)
	if err != nil || h.kind != packets.Connect {
		return err
	}
	whole, packet, err := h.control(in)
	connect, ok := packet.(*packets.ConnectPacket)
	if err != nil || !ok {
		return err
	}
	id := connect.ClientIdentifier
	if len(connect.WillTopic) > maxTopic {
		return refusal("its will has a topic above 4,096 bytes")
	}
	if len(id) > maxTopic || !connect.CleanSession && !g.sessions.room(id) {
		refused := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		refused.ReturnCode = packets.ErrRefusedServerUnavailable
		_ = refused.Write(client)
		return refusal("its session is one too many, or its client id too long; sessions nobody uses go after a week")
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", g.server)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	p := &passage{guard: g, client: client, server: server, connect: connect, held: map[uint16]hold{}}
	defer p.end()
	if _, err = server.Write(whole); err != nil {
		return err
	}
	_ = client.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancel(ctx)
	g.serving.Go(func() {
		defer func() { _ = client.Close() }() // ends up, too
		defer cancel()
		_ = p.down()
	})
	return p.up(ctx, in)
}

// A header is the fixed header of a packet.
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718020
type header struct {
	raw  []byte
	kind byte
	size int // of what follows
}

func (h header) qos() byte { return h.raw[0] >> 1 & 3 }

func readHeader(in *bufio.Reader) (h header, err error) {
	first, err := in.ReadByte()
	h = header{raw: []byte{first}, kind: first >> 4}
	for shift := 0; err == nil; shift += 7 {
		var b byte
		if b, err = in.ReadByte(); err != nil {
			break
		}
		h.raw, h.size = append(h.raw, b), h.size|int(b&0x7f)<<shift
		if b < 0x80 {
			return h, nil
		}
		if shift == 21 {
			return h, refusal("it does not speak MQTT")
		}
	}
	return h, err
}

// control reads a packet that is no PUBLISH whole, as it came and as it is meant.
func (h header) control(in io.Reader) (whole []byte, packet packets.ControlPacket, err error) {
	if h.size > maxControl {
		return nil, nil, refusal(fmt.Sprintf("a packet that is no message has %d bytes", h.size))
	}
	whole = append(h.raw, make([]byte, h.size)...)
	if _, err = io.ReadFull(in, whole[len(h.raw):]); err != nil {
		return nil, nil, err
	}
	if packet, err = packets.ReadPacket(bytes.NewReader(whole)); err != nil {
		err = refusal("it does not speak MQTT")
	}
	return whole, packet, err
}

// A hold is the room that a message has. When it has it for too long, whoever is to blame, its client is cut off and may send it again.
type hold struct {
	size int64
	over *time.Timer
}

// A passage is one client's connection through the guard.
type passage struct {
	guard          *guard
	client, server net.Conn
	connect        *packets.ConnectPacket

	mu   sync.Mutex      // guards held
	held map[uint16]hold // of messages that the server has not confirmed, by packet number
}

// end gives all room back.
func (p *passage) end() {
	for {
		p.mu.Lock()
		ids := slices.Collect(maps.Keys(p.held))
		p.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		p.release(ids[0])
	}
}

// up passes on what the client sends.
func (p *passage) up(ctx context.Context, in *bufio.Reader) error {
	for {
		h, err := readHeader(in)
		if err == nil && h.kind == packets.Publish {
			err = p.publish(ctx, in, h)
		} else if err == nil {
			err = p.other(in, h)
		}
		if err != nil {
			return err
		}
	}
}

func (p *passage) other(in io.Reader, h header) error {
	whole, packet, err := h.control(in)
	var filters []string
	switch packet := packet.(type) {
	case *packets.SubscribePacket:
		filters = packet.Topics
	case *packets.UnsubscribePacket:
		filters = packet.Topics
	}
	for _, filter := range filters {
		if len(filter) > maxTopic {
			return refusal("a filter has more than 4,096 bytes")
		}
	}
	if err == nil {
		_, err = p.server.Write(whole)
	}
	return err
}

// publish passes on a message. A large one waits for room, which it has until the server has it on the disk and says so; one with QoS 0,
// which is not kept, until the server has read it.
func (p *passage) publish(ctx context.Context, in *bufio.Reader, h header) error {
	start, err := in.Peek(2)
	if err != nil {
		return err
	}
	length := int(binary.BigEndian.Uint16(start))
	if length > maxTopic {
		return refusal("it publishes on a topic above 4,096 bytes")
	}
	if h.size > large {
		size, limit := min(int64(h.size), room), patience+time.Duration(h.size/slowest)*time.Second
		start, err = in.Peek(2 + length + 2)
		if err == nil {
			err = p.guard.room.Acquire(ctx, size)
		}
		if err != nil {
			return err
		}
		if id := binary.BigEndian.Uint16(start[2+length:]); h.qos() > 0 {
			p.hold(id, size, limit+patience)
		} else {
			defer p.guard.room.Release(size)
		}
		_ = p.client.SetReadDeadline(time.Now().Add(limit))
		defer func() { _ = p.client.SetReadDeadline(time.Time{}) }()
	}
	if _, err = p.server.Write(h.raw); err == nil {
		_, err = io.CopyN(p.server, in, int64(h.size))
	}
	return err
}

// hold notes who has room; a repetition of a packet number gives back what it had.
func (p *passage) hold(id uint16, size int64, limit time.Duration) {
	p.release(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[id] = hold{size, time.AfterFunc(limit, func() { _ = p.client.Close() })}
}

func (p *passage) release(id uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h, ok := p.held[id]; ok {
		h.over.Stop()
		p.guard.room.Release(h.size)
		delete(p.held, id)
	}
}

// down passes on what the server sends.
func (p *passage) down() error {
	in := bufio.NewReader(p.server)
	for {
		h, err := readHeader(in)
		if err != nil {
			return err
		}
		switch body, err := in.Peek(min(h.size, 2)); {
		case err != nil:
			return err
		case h.kind == packets.Connack && len(body) == 2 && body[1] == packets.Accepted:
			p.guard.sessions.begin(p.connect.ClientIdentifier, !p.connect.CleanSession)
			defer p.guard.sessions.end(p.connect.ClientIdentifier) //nolint:gocritic // comes once
		case len(body) == 2 && (h.kind == packets.Puback || h.kind == packets.Pubrec):
			p.release(binary.BigEndian.Uint16(body))
		}
		if err := p.send(h.raw); err != nil {
			return err
		}
		if _, err := io.CopyN(sender{p}, in, int64(h.size)); err != nil {
			return err
		}
	}
}

type sender struct{ *passage }

func (s sender) Write(b []byte) (int, error) { return len(b), s.send(b) }

func (p *passage) send(b []byte) error {
	_ = p.client.SetWriteDeadline(time.Now().Add(patience))
	_, err := p.client.Write(b)
	return err
}
