package broker

import (
	"slices"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ack is the acknowledgement of a delivery. MQTT wants them in the order of the deliveries, whatever order their handlers end in, and brokers
// such as rumqttd hang up on any other (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718105). But one whose
// handler takes long holds up no other for longer than patience, or nothing would come any more.
type ack struct {
	transport *transport
	kind      byte // PUBACK, or PUBREC, which PUBREL and PUBCOMP follow
	number    uint16
	patience  time.Duration
	given     bool        // guarded by the transport, like the next
	late      *time.Timer // nil unless it waits for others
}

// expect makes the acknowledgement of what has come now; nil with QoS 0.
func (t *transport) expect(m *packets.PublishPacket, patience time.Duration) *ack {
	if m.Qos == 0 {
		return nil
	}
	a := &ack{transport: t, kind: packets.Puback, number: m.MessageID, patience: patience}
	if m.Qos == 2 {
		a.kind = packets.Pubrec
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.acks = append(t.acks, a)
	return a
}

// give acknowledges, on the connection of the delivery alone; from the second time on it does nothing.
func (a *ack) give() {
	t := a.transport
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.given || t.err != nil {
		return
	}
	a.given = true
	for len(t.acks) > 0 && t.acks[0].given {
		t.acknowledge(t.acks[0])
	}
	if slices.Contains(t.acks, a) {
		a.late = time.AfterFunc(a.patience, a.overtake)
	}
}

// overtake is for one that has waited long enough.
func (a *ack) overtake() {
	a.transport.mu.Lock()
	defer a.transport.mu.Unlock()
	if slices.Contains(a.transport.acks, a) {
		a.transport.acknowledge(a)
	}
}

// settle sends what waits for others, at a stop: their handlers have ended without.
func (t *transport) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range slices.Clone(t.acks) {
		if a.given {
			t.acknowledge(a)
		}
	}
}

// acknowledge sends an acknowledgement and forgets it. mu is held.
func (t *transport) acknowledge(a *ack) {
	if a.late != nil {
		a.late.Stop()
	}
	i := slices.Index(t.acks, a)
	t.acks = slices.Delete(t.acks, i, i+1)
	if len(t.acks) == 0 {
		t.acks = nil
	}
	_ = t.write([]byte{a.kind << 4, 2, byte(a.number >> 8), byte(a.number)}) //nolint:gosec // its halves
}
