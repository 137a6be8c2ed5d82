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
	held, answered := "", false
	defer func() { c.goesOn(op, held, answered) }()
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		asking, cancel := context.WithTimeout(ctx, answerLimit+time.Second*time.Duration(size)/slowest)
		err := do(asking)
		cancel()
		c.note(err)
		settled, over := errors.AsType[settledError](err)
		if answered = err == nil || over; over {
			return settled.error
		} else if answered {
			return nil
		}
		if errors.Is(err, errAtOnce) {
			if ended := wake.Sleep(ctx, nil, atOncePause()); ended != nil {
				return fmt.Errorf("%w: %w", err, ended)
			}
			continue
		}
		if err = c.explain(err); ctx.Err() == nil {
			held = c.waits(op, held, err)
		}
		if ended := wake.Sleep(ctx, nil, pause); ended != nil {
			return fmt.Errorf("%w: %w", err, ended)
		}
	}
}

// settledError is what waiting does not change.
type settledError struct{ error }

func (e settledError) Unwrap() error { return e.error }

// troubles are what holds up operations, by what it is: a thousand entries that wait for the same say it once, and once that it is over.
type troubles struct {
	mu   sync.Mutex // guards open
	open map[string]*trouble
}

type trouble struct {
	held int       // operations
	said time.Time // when it was last logged
}

// waits notes what holds up an operation now, in place of what has held it up before, and returns what it is. It is logged when it goes on to
// do so, and again when a minute has passed: what one attempt meets may be over by then.
func (c *Conn) waits(op, before string, cause error) (held string) {
	t := &c.trouble
	held = cause.Error()
	if _, away := errors.AsType[awayError](cause); away {
		held = "away"
	}
	t.mu.Lock()
	if t.open[held] == nil {
		t.open[held] = &trouble{}
	}
	in := t.open[held]
	if was := t.open[before]; was != nil {
		was.held--
	}
	in.held++
	due := before == held && time.Since(in.said) > sayAgain
	if due {
		in.said = time.Now()
	}
	t.mu.Unlock()
	if due {
		c.cfg.Log.WithField("op", op).WithError(cause).Warn("waiting for the cluster")
	}
	return held
}

// goesOn notes that an operation waits no more. Once the cluster has answered one, what holds up no other is over.
func (c *Conn) goesOn(op, held string, answered bool) {
	t, over := &c.trouble, false
	t.mu.Lock()
	if in := t.open[held]; in != nil {
		in.held--
	}
	for what, in := range t.open {
		if answered && in.held == 0 {
			delete(t.open, what)
			over = over || !in.said.IsZero()
		}
	}
	t.mu.Unlock()
	if over {
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
