package broker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"

	"gphotos2mqtt/bridge/wake"
)

// Errors of Retain and Send that no waiting cures.
var (
	ErrTooLarge = errors.New("too large to publish")                          // a payload above MaxPublish, or one that the broker hung up on
	ErrTopic    = errors.New("not a topic to publish to")                     // empty, too long, with wildcards, or not UTF-8
	ErrStopped  = errors.New("the connection to the broker has been stopped") // a Send after the end of Run
)

const (
	maxSends   = 32 // calls of Send in flight: the payload of each is in memory, and MQTT has only 65,535 packet ids
	windowSize = 16 // retained values sent ahead of their acknowledgements
)

// Retain sets the last value of a retained topic, and takes the payload; an empty one clears it. It is sent as soon as there is a
// connection, and on each new one until it is replaced or cleared; one that the broker has hung up on waits until it is smaller. With an
// error, ErrTooLarge or ErrTopic, the value before stays.
func (c *Conn) Retain(topic string, payload []byte) error {
	if err := c.check(topic, payload); err != nil {
		return err
	}
	return c.outbox.set(&publication{topic: topic, payload: payload, retained: true})
}

// Refresh sends every retained value once more, Availability included, also one on its way: for a subscriber that has lost them, as Home
// Assistant says at its birth (https://www.home-assistant.io/integrations/mqtt/#use-the-birth-and-will-messages-to-trigger-discovery).
func (c *Conn) Refresh() { c.outbox.refresh() }

// Send publishes with QoS 1, not retained, and returns nil once the broker has acknowledged it on the connection it was sent on. Without
// one it waits, and when the connection is lost it sends again on the next, so the receiver may see a message twice. Otherwise the error
// is ErrTooLarge, ErrTopic, ErrStopped or that of ctx. At most 32 are in flight, the others wait.
func (c *Conn) Send(ctx context.Context, topic string, payload []byte) error {
	return c.deliver(&publication{topic: topic, payload: payload, ctx: ctx, done: make(chan error, 1)})
}

// Limit is the largest payload in bytes to publish now: MaxPublish, or less once the broker has hung up on a smaller one, until a
// connection of a minute has ended: its limit may be raised then.
func (c *Conn) Limit() int {
	if learned := c.outbox.limit(); learned > 0 {
		return min(learned, c.cfg.MaxPublish)
	}
	return c.cfg.MaxPublish
}

// Clear is a Send that takes away what is retained on a topic that Retain was not used for, such as one of an earlier run.
func (c *Conn) Clear(ctx context.Context, topic string) error {
	return c.deliver(&publication{topic: topic, retained: true, ctx: ctx, done: make(chan error, 1)})
}

func (c *Conn) deliver(p *publication) error {
	if err := c.check(p.topic, p.payload); err != nil {
		return err
	}
	if len(p.payload) > c.Limit() {
		return fmt.Errorf("%w: %s", ErrTooLarge, p.tooLarge())
	}
	c.outbox.add(p)
	select {
	case err := <-p.done:
		return err
	case <-p.ctx.Done():
		c.outbox.end(p, nil)
		return fmt.Errorf("wait for the broker's acknowledgement: %w", context.Cause(p.ctx))
	}
}

// check refuses what the broker would answer by hanging up, and what would be cut without a word
// (https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718106).
func (c *Conn) check(topic string, payload []byte) error {
	if len(payload) > c.cfg.MaxPublish {
		return fmt.Errorf("%w: %d bytes to %s, the limit is %d", ErrTooLarge, len(payload), topic, c.cfg.MaxPublish)
	}
	if topic == "" || len(topic) > 65535 || strings.ContainsAny(topic, "+#\x00") || !utf8.ValidString(topic) {
		return fmt.Errorf("%w: %q", ErrTopic, bytes.ToValidUTF8([]byte(topic[:min(len(topic), 100)]), nil))
	}
	return nil
}

type publication struct {
	topic    string
	payload  []byte // nil while it is packed
	packed   []byte // see pack; like the next owned by Run's goroutine, which changes it with the outbox's lock held
	whole    int    // bytes that are packed
	retained bool
	failures int             // at how many sudden ends it was the suspect since it was last confirmed; owned by Run's goroutine
	ctx      context.Context // of who waits, like the next two only with Send and Clear
	done     chan error      // gets the outcome
	sent     bool            // on this connection; guarded by the outbox
}

func (p *publication) tooLarge() string {
	return fmt.Sprintf("the broker hangs up on %d bytes to %s, which is more than it takes: set GPHOTOS_MAX_PUBLISH to its limit", p.size(), p.topic)
}

const packFrom = 4 << 10 // bytes of a payload that is packed: listings and what Home Assistant gets

func (p *publication) size() int { return len(p.payload) + p.whole }

// pack makes what a topic retains smaller while it is only kept for the next connection: JSON becomes a quarter, for 1 µs a KB. It returns nil
// when it is not worth it.
func (p *publication) pack() []byte {
	if !p.retained || len(p.payload) < packFrom {
		return nil
	}
	packed := s2.Encode(nil, p.payload)
	if len(packed) > len(p.payload)/2 { // a picture
		return nil
	}
	return slices.Clip(bytes.Clone(packed)) // Encode makes room for the worst
}

// content is the payload, to be sent.
func (p *publication) content() ([]byte, error) {
	if p.packed == nil {
		return p.payload, nil
	}
	return s2.Decode(nil, p.packed)
}

// outbox holds each retained topic's last value, and Send's and Clear's. One in flight a topic: a slow broker never gets an old one last.
type outbox struct {
	changed  wake.Flag  // set when there may be something to send
	mu       sync.Mutex // guards what follows, and the fields of all topics
	topics   map[string]*topic
	queue    []*topic // to be sent, oldest first
	inFlight int      // topics with a value in flight
	sends    []*publication
	closed   bool
	taken    int // bytes of the largest payload that was confirmed
	refused  int // bytes of the smallest that the broker hung up on; 0 when there is none
	doubted  int // what refused was until a stable connection ended
}

type topic struct {
	last        *publication
	inFlight    *publication // nil when none is
	quarantined *publication // the broker hung up on it; nil again when something smaller is confirmed
	due         bool         // to be sent, once more when a value is in flight
	owed        bool         // nothing was confirmed since begin
}

func newOutbox() *outbox { return &outbox{changed: wake.NewFlag(), topics: map[string]*topic{}} }

func (o *outbox) set(p *publication) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := cmp.Or(o.topics[p.topic], &topic{})
	if q := t.quarantined; q != nil && p.size() >= q.size() {
		t.quarantined = p
	}
	t.last, o.topics[p.topic] = p, t
	o.push(t)
	return nil
}

func (o *outbox) refresh() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(o.topics)) {
		o.push(o.topics[name])
	}
}

// push makes a topic due unless it is quarantined. mu is held.
func (o *outbox) push(t *topic) {
	if t.due || t.last == t.quarantined {
		return
	}
	t.due = true
	if t.inFlight == nil {
		o.queue = append(o.queue, t)
		o.changed.Set()
	}
}

func (o *outbox) add(p *publication) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		p.done <- ErrStopped
		return
	}
	o.sends = append(o.sends, p)
	o.changed.Set()
}

// end takes p out and tells who waits.
func (o *outbox) end(p *publication, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.sends, p); i >= 0 {
		o.sends = slices.Delete(o.sends, i, i+1)
		p.done <- err
		o.changed.Set()
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.sends {
		p.done <- ErrStopped
	}
	o.sends, o.closed = nil, true
}

// begin forgets what earlier sessions confirmed: the broker may have lost it with them. The value of dropped is forgotten altogether.
func (o *outbox) begin(dropped string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.topics, dropped)
	o.queue, o.inFlight = nil, 0
	for _, name := range slices.Sorted(maps.Keys(o.topics)) {
		t := o.topics[name]
		t.inFlight, t.due, t.owed = nil, false, t.last != t.quarantined
		o.push(t)
	}
	for _, p := range o.sends {
		p.sent = false
	}
}

func (o *outbox) next() *publication {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.sends[:min(len(o.sends), maxSends)] {
		if !p.sent {
			p.sent = true
			return p
		}
	}
	if len(o.queue) == 0 || o.inFlight == windowSize {
		return nil
	}
	t := o.queue[0]
	o.queue, o.inFlight = o.queue[1:], o.inFlight+1
	t.due, t.inFlight = false, t.last
	return t.last
}

// confirm notes that the broker has p; a cleared topic is then forgotten.
func (o *outbox) confirm(p *publication) {
	if p.done != nil {
		o.end(p, nil)
	}
	packed := p.pack()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.taken = max(o.taken, p.size()); o.refused > 0 && o.taken >= o.refused {
		o.refused = 0 // the broker's limit was raised, or another fault was taken for it
	}
	if p.size() >= o.doubted {
		o.doubted = 0
	}
	t := o.topics[p.topic]
	if t == nil || t.inFlight != p {
		return
	}
	o.inFlight--
	t.inFlight, t.quarantined, t.owed = nil, nil, false
	if t.due {
		o.queue = append(o.queue, t)
	} else if p.size() == 0 {
		delete(o.topics, p.topic)
	} else if packed != nil {
		p.packed, p.whole, p.payload = packed, len(p.payload), nil
	}
}

// quarantine ends what the broker does not take, and whatever else of Send's is too large after that.
func (o *outbox) quarantine(p *publication) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.topics[p.topic]; t != nil && t.last == p {
		t.quarantined = p
	}
	if o.refused = cmp.Or(min(o.refused, p.size()), p.size()); o.taken >= o.refused {
		o.taken = 0 // the broker's limit was lowered
	}
	o.sends = slices.DeleteFunc(o.sends, func(s *publication) bool {
		tooLarge := s == p || len(s.payload) > o.learned()
		if tooLarge {
			s.done <- fmt.Errorf("%w: %s", ErrTooLarge, s.tooLarge())
		}
		return tooLarge
	})
}

// first is a retained topic, "" when there is none.
func (o *outbox) first() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := append(slices.Sorted(maps.Keys(o.topics)), "")
	return names[0]
}

// doubt has all that was too large tried again: the broker's limit may be another, or none.
func (o *outbox) doubt() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doubted, o.refused = cmp.Or(o.refused, o.doubted), 0
	for _, t := range o.topics {
		t.quarantined = nil
	}
}

// doubts reports whether the broker hung up on as much, so that once more is proof enough.
func (o *outbox) doubts(p *publication) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.doubted > 0 && p.size() >= o.doubted
}

// learned is what the broker surely takes, as far as it can be told from what it took and refused; 0 before it refused anything.
func (o *outbox) learned() int {
	if o.refused == 0 {
		return 0
	}
	return max(o.taken, o.refused/2)
}

func (o *outbox) limit() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.learned()
}
