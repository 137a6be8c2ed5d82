package broker

import (
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// proxy stands between a client and a broker. It understands MQTT, so it can
// count, change and swallow packets; and it can cut and stall connections.
type proxy struct {
	addr   string
	target string
	work   sync.WaitGroup

	mu       sync.Mutex
	ln       net.Listener
	accepted int
	relays   []*relay
	packets  []passed
	filter   func(passed, packets.ControlPacket) bool // false: swallow
}

// passed is one packet as it went by.
type passed struct {
	up    bool // from the client to the broker
	kind  string
	topic string // of a PUBLISH
	size  int    // of a PUBLISH's payload
}

// relay is one connection through the proxy.
type relay struct {
	client, broker net.Conn
	dead           chan struct{}
	once           sync.Once
	stalled        bool // guarded by proxy.mu
}

func (l *relay) cut() {
	l.once.Do(func() {
		close(l.dead)
		l.client.Close()
		l.broker.Close()
	})
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{addr: freeAddress(t), target: target}
	p.open(t)
	t.Cleanup(func() {
		p.shut()
		p.work.Wait()
	})
	return p
}

// open listens, again after shut.
func (p *proxy) open(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.ln = ln
	p.mu.Unlock()
	p.work.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			p.join(client)
		}
	})
}

// shut cuts everything and refuses connections.
func (p *proxy) shut() {
	p.mu.Lock()
	p.ln.Close()
	p.mu.Unlock()
	p.kill()
}

// kill cuts all connections, as a dead network does.
func (p *proxy) kill() {
	p.mu.Lock()
	relays := p.relays
	p.relays = nil
	p.mu.Unlock()
	for _, l := range relays {
		l.cut()
	}
}

// stall stops moving bytes on the connections that exist now, and leaves them open.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.relays {
		l.stalled = true
	}
}

// set makes filter decide on each packet from now on; nil lets all pass.
func (p *proxy) set(filter func(passed, packets.ControlPacket) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filter = filter
}

// connections is how many were accepted.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// log is every packet in the order it went by.
func (p *proxy) log() []passed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.packets)
}

// count is how many packets of a kind went one way.
func (p *proxy) count(up bool, kind string) (n int) {
	for _, q := range p.log() {
		if q.up == up && q.kind == kind {
			n++
		}
	}
	return n
}

func (p *proxy) join(client net.Conn) {
	broker, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	l := &relay{client: client, broker: broker, dead: make(chan struct{})}
	p.mu.Lock()
	p.accepted++
	p.relays = append(p.relays, l)
	p.mu.Unlock()
	p.work.Go(func() { p.pump(l, client, broker, true) })
	p.work.Go(func() { p.pump(l, broker, client, false) })
}

func (p *proxy) pump(l *relay, from, to net.Conn, up bool) {
	defer l.cut()
	for {
		packet, err := packets.ReadPacket(from)
		if err != nil || !p.note(l, packet, up) {
			return
		}
		if !p.passes(packet, up) {
			continue
		}
		if packet.Write(to) != nil {
			return
		}
	}
}

// note logs a packet. On a stalled relay it holds it until the relay is cut.
func (p *proxy) note(l *relay, packet packets.ControlPacket, up bool) bool {
	p.mu.Lock()
	stalled := l.stalled
	if !stalled {
		p.packets = append(p.packets, passedAs(packet, up))
	}
	p.mu.Unlock()
	if stalled {
		<-l.dead
	}
	return !stalled
}

func (p *proxy) passes(packet packets.ControlPacket, up bool) bool {
	p.mu.Lock()
	filter := p.filter
	p.mu.Unlock()
	return filter == nil || filter(passedAs(packet, up), packet)
}

func passedAs(packet packets.ControlPacket, up bool) passed {
	switch v := packet.(type) {
	case *packets.PublishPacket:
		return passed{up, "PUBLISH", v.TopicName, len(v.Payload)}
	case *packets.SubackPacket:
		return passed{up, "SUBACK", "", 0}
	case *packets.PubackPacket:
		return passed{up, "PUBACK", "", 0}
	case *packets.PingrespPacket:
		return passed{up, "PINGRESP", "", 0}
	case *packets.ConnectPacket:
		return passed{up, "CONNECT", "", int(v.ProtocolVersion)}
	case *packets.DisconnectPacket:
		return passed{up, "DISCONNECT", "", 0}
	default:
		return passed{up, "other", "", 0}
	}
}
