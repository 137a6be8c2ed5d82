package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"gphotos2mqtt/bridge/wake"
)

// until does something until it succeeds or fails for good, each time for so long as an answer of that many bytes may take. What holds it
// up is logged; of errAtOnce nobody need know. The error is a settled one, or ctx's with what held it up.
func (c *Conn) until(ctx context.Context, op string, size int, do func(context.Context) error) error {
	held := "" // by what it was held up last
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		asking, cancel := context.WithTimeout(ctx, answerLimit+time.Second*time.Duration(size)/slowest)
		err := do(asking)
		cancel()
		c.note(err)
		if err == nil {
			c.goesOn(op, held)
			return nil
		}
		if settled, ok := errors.AsType[settledError](err); ok {
			return settled.error
		}
		if errors.Is(err, errAtOnce) {
			if ended := wake.Sleep(ctx, nil, atOncePause()); ended != nil {
				return fmt.Errorf("%w: %w", err, ended)
			}
			continue
		}
		if err = c.explain(err); ctx.Err() == nil {
			held = err.Error()
			c.waits(op, err)
		}
		if ended := wake.Sleep(ctx, nil, pause); ended != nil {
			return fmt.Errorf("%w: %w", err, ended)
		}
	}
}

// settledError is what waiting does not change.
type settledError struct{ error }

func (e settledError) Unwrap() error { return e.error }

// troubles are what holds up something: a thousand entries that wait for the same say it once.
type troubles struct {
	mu   sync.Mutex           // guards said
	said map[string]time.Time // when each was last logged
}

// waits logs what holds up something, at once, and again when a minute has passed.
func (c *Conn) waits(op string, cause error) {
	t, text := &c.trouble, cause.Error()
	t.mu.Lock()
	due := time.Since(t.said[text]) > sayAgain
	if due {
		if t.said == nil {
			t.said = map[string]time.Time{}
		}
		t.said[text] = time.Now()
	}
	t.mu.Unlock()
	if due {
		c.cfg.Log.WithField("op", op).WithError(cause).Warn("waiting for the cluster")
	}
}

// goesOn logs, once, that what was held up goes on.
func (c *Conn) goesOn(op, held string) {
	t := &c.trouble
	t.mu.Lock()
	_, said := t.said[held]
	delete(t.said, held)
	t.mu.Unlock()
	if said {
		c.cfg.Log.WithField("op", op).Info("the cluster answers")
	}
}

// hearing is how long it is that the cluster has answered.
type hearing struct {
	mu   sync.Mutex // guards last
	last time.Time  // when it answered, or another server was tried
}

// note tells what became of a request. A server that the others have lost is there and never has an answer: then another one is tried.
func (c *Conn) note(err error) {
	refused, _ := errors.AsType[*jetstream.APIError](err)
	silent := isOneOf(err, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse,
		jetstream.ErrJetStreamNotEnabled) || refused != nil && isLeaderless(refused.ErrorCode)
	c.heard.mu.Lock()
	try := silent && !c.heard.last.IsZero() && time.Since(c.heard.last) > silentFor
	if !silent || try || c.heard.last.IsZero() {
		c.heard.last = time.Now()
	}
	c.heard.mu.Unlock()
	if try && c.nats != nil && c.nats.IsConnected() && c.denied.recent() == "" {
		c.cfg.Log.WithField("server", c.nats.ConnectedAddr()).Warn("another server of the cluster is tried")
		_ = c.nats.ForceReconnect() // but for a connection that is closed
	}
}
