package mqttapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Errors of Retain and Send that no waiting cures.
var (
	// ErrTooLarge is a payload above MaxPublish, or one that made the broker hang up three times.
	ErrTooLarge = errors.New("too large to publish")
	// ErrTopic is a topic that cannot be published to.
	ErrTopic = errors.New("not a topic to publish to")
	// ErrStopped is a Send after the end of Run.
	ErrStopped = errors.New("the connection to the broker has been stopped")
)

// maxStrikes is how often a publication may be in flight at a sudden end before
// it is taken for the cause. Once happens to any.
const maxStrikes = 3

// publication is one message on its way to the broker.
type publication struct {
	topic    string
	payload  []byte
	retained bool
	strikes  int // guarded by Conn.mu
}

// Retain sets the last value of a retained topic; an empty payload clears it.
// It is sent as soon as there is a connection, and again on each new one until it
// is replaced or cleared; values that are replaced before they were sent never are. The payload belongs to the connection
// from here on. The error is ErrTooLarge or ErrTopic, and then the value before stays.
func (c *Conn) Retain(topic string, payload []byte) error {
	if err := c.check(topic, payload); err != nil {
		return err
	}
	return c.retained.set(&publication{topic: topic, payload: payload, retained: true})
}

// Refresh sends every retained value once more, Availability included: for a
// subscriber that has lost what the broker sent it, as Home Assistant says with its birth message
// (https://www.home-assistant.io/integrations/mqtt/#use-the-birth-and-will-messages-to-trigger-discovery).
func (c *Conn) Refresh() { c.retained.again() }

// Send publishes with QoS 1, not retained, and returns nil once the broker has
// acknowledged it on the connection it was sent on. Without one it waits, and
// when the connection is lost it sends again on the next, so the receiver may see a message twice. Otherwise the error is
// ErrTooLarge, ErrTopic, ErrStopped or that of ctx. At most 32 are in flight, the others wait their turn.
func (c *Conn) Send(ctx context.Context, topic string, payload []byte) error {
	return c.deliver(ctx, &publication{topic: topic, payload: payload})
}

// Clear takes away what is retained on a topic that Retain was not used for, such as one of an earlier run, and
// returns when the broker has confirmed it. The errors are those of Send.
func (c *Conn) Clear(ctx context.Context, topic string) error {
	return c.deliver(ctx, &publication{topic: topic, retained: true})
}

func (c *Conn) deliver(ctx context.Context, p *publication) error {
	if err := c.check(p.topic, p.payload); err != nil {
		return err
	}
	select {
	case c.sends <- struct{}{}:
		defer func() { <-c.sends }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a turn to publish: %w", context.Cause(ctx))
	}
	var last *call
	for {
		k, err := c.live(ctx, last)
		if err != nil {
			return err
		}
		if c.barred(p) {
			return fmt.Errorf("%w: the broker hangs up on %d bytes to %s", ErrTooLarge, len(p.payload), p.topic)
		}
		if ok, err := k.send(ctx, p); ok || err != nil {
			return err
		}
		last = k
	}
}

// send publishes on this call. It is false when the call ended first, in which
// case the broker may or may not have the message.
func (k *call) send(ctx context.Context, p *publication) (bool, error) {
	token := k.put(p)
	select {
	case <-token.Done():
	case <-k.wire.gone:
	case <-ctx.Done():
		k.landed(p)
		return false, fmt.Errorf("wait for the broker's acknowledgement: %w", context.Cause(ctx))
	}
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			k.wire.fail(fmt.Errorf("publish to %s: %w", p.topic, err))
			return false, nil
		}
		k.landed(p)
		return true, nil
	default:
		return false, nil
	}
}

// strike counts an end of the connection with p in flight.
func (c *Conn) strike(p *publication) (barred bool) {
	c.mu.Lock()
	p.strikes++
	barred = p.strikes >= maxStrikes
	c.mu.Unlock()
	if barred && p.retained {
		c.retained.bar(p)
	}
	return barred
}

func (c *Conn) barred(p *publication) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.strikes >= maxStrikes
}

// check refuses what the broker would answer by hanging up, and what paho
// would cut without a word.
func (c *Conn) check(topic string, payload []byte) error {
	if len(payload) > c.cfg.MaxPublish {
		return fmt.Errorf("%w: %d bytes to %s, the limit is %d", ErrTooLarge, len(payload), topic, c.cfg.MaxPublish)
	}
	return checkTopic(topic)
}

// checkTopic follows https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718106.
func checkTopic(topic string) error {
	if topic == "" || len(topic) > 65535 || strings.ContainsAny(topic, "+#\x00") || !utf8.ValidString(topic) {
		return fmt.Errorf("%w: %q", ErrTopic, bytes.ToValidUTF8([]byte(topic[:min(len(topic), 100)]), nil))
	}
	return nil
}
