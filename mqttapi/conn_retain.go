package mqttapi

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// ledger holds what the broker should hold: the last value of each retained
// topic, and which of them the broker has yet to confirm. A topic has at most
// one value in flight and what is set meanwhile follows it, so a slow broker
// gets fewer values, and never an old one last.
type ledger struct {
	wake chan struct{} // holds a token when there may be something to send

	mu     sync.Mutex
	topics map[string]*holding
	queue  []*holding // to be sent, oldest first
	debts  int        // holdings with owed
}

// holding is one retained topic.
type holding struct {
	last   *publication
	flying *publication // nil when none is on its way
	queued bool
	repeat bool // asked for once more while it was flying
	owed   bool // nothing was confirmed since begin
	barred bool // the broker hangs up on last, so it is not sent
	aside  int  // the size of what was barred, until something smaller is confirmed
}

func newLedger() *ledger {
	return &ledger{wake: make(chan struct{}, 1), topics: map[string]*holding{}}
}

// set makes p the last value of its topic.
func (l *ledger) set(p *publication) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.topics[p.topic]
	if h == nil {
		h = &holding{}
		l.topics[p.topic] = h
	}
	if h.aside > 0 && len(p.payload) >= h.aside {
		return fmt.Errorf("%w: the broker hung up on %d bytes to %s", ErrTooLarge, h.aside, p.topic)
	}
	h.last, h.barred = p, false
	l.push(h)
	return nil
}

// begin forgets what earlier connections confirmed: the broker may have lost it
// with them. The value of dropped is forgotten altogether.
func (l *ledger) begin(dropped string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.topics, dropped)
	l.queue, l.debts = nil, 0
	for _, topic := range slices.Sorted(maps.Keys(l.topics)) {
		h := l.topics[topic]
		h.flying, h.queued, h.repeat, h.owed = nil, false, false, !h.barred
		if h.owed {
			l.debts++
			l.push(h)
		}
	}
}

// again sends every value once more, also one that is on its way: who asks may
// have come too late for it.
func (l *ledger) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(l.topics)) {
		h := l.topics[topic]
		h.repeat = h.flying != nil
		l.push(h)
	}
}

// next takes a value to send, nil when there is none.
func (l *ledger) next() *publication {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.queue = nil
		return nil
	}
	h := l.queue[0]
	l.queue = l.queue[1:]
	h.queued, h.flying = false, h.last
	return h.last
}

// confirm notes that the broker has p. A cleared topic is then forgotten.
func (l *ledger) confirm(p *publication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.topics[p.topic]
	if h == nil || h.flying != p {
		return
	}
	h.flying, h.aside = nil, 0
	if h.owed {
		h.owed = false
		l.debts--
	}
	repeat := h.repeat
	h.repeat = false
	switch {
	case h.last != p || repeat:
		l.push(h)
	case len(p.payload) == 0:
		delete(l.topics, p.topic)
	}
}

// bar keeps p from being sent again.
func (l *ledger) bar(p *publication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.topics[p.topic]; h != nil && h.last == p {
		h.barred, h.aside = true, len(p.payload)
	}
}

// owes says whether begin left a value that is not confirmed since.
func (l *ledger) owes() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.debts > 0
}

// barred is the first topic whose value the broker does not take, and its size.
func (l *ledger) barred() (topic string, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, h := range l.topics {
		if h.aside > 0 && (topic == "" || t < topic) {
			topic, size = t, h.aside
		}
	}
	return topic, size
}

// push queues a topic unless it waits already, flies, or is barred. mu is held.
func (l *ledger) push(h *holding) {
	if h.queued || h.barred || h.flying != nil {
		return
	}
	h.queued = true
	l.queue = append(l.queue, h)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
