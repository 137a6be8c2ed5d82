// Package store keeps what must survive a stop of the bridge: queued uploads
// with their bytes, sealed OAuth tokens, ledgers, receipts of commands, and who
// owns which entry.
//
// Underneath is NATS JetStream, in this process and without a network port. Its
// files are below [Config.Dir], and one process at a time may use them. Whatever a
// method has acknowledged is on the disk: a kill, a crash or a power cut right
// after it loses nothing. What was not acknowledged may or may not be there.
//
// Nothing is dropped in silence. A disk that is full or cannot be written makes
// [Open] fail, or ends the store later with an error on [Store.Failed]; a disk
// that changed what was written makes Open fail before anything is thrown away;
// a single record that cannot be understood is left where it is and reported by
// [Store.Jobs].
//
// All methods may be called from several goroutines. Errors that are nobody's
// fault but the store's satisfy errors.Is(err, [ErrEngine]); after one of them the
// process should end.
package store

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
)

// Config says where the store is and what else its engine does.
type Config struct {
	// Dir holds the files. It is made, with mode 0700, when it does not exist.
	Dir string
	// Key seals the secrets within jobs (session URLs and upload tokens) with
	// AES-256-GCM. 32 bytes; nil leaves them readable to who can read Dir. A
	// secret that another key has sealed is forgotten, which costs sending that
	// file again.
	Key []byte
	// MQTT lets the engine also serve as an MQTT broker; nil = it does not.
	MQTT *Listen
	// Log gets the engine's warnings and errors. It must be given.
	Log *logrus.Entry
}

// patience is how long one operation may take. Writes are synced, and a cheap
// memory card under load can take many seconds for that.
const patience = 30 * time.Second

// A Store is open until Close.
type Store struct {
	dir    *directory
	engine *engine
	conn   *nats.Conn
	js     jetstream.JetStream
	seal   cipher.AEAD // nil without a key

	jobs, links, state, leases, receipts *bucket
	payloads                             *payloads

	down context.Context // ends, with the reason as its cause, when the store does
	end  context.CancelCauseFunc
	fail chan error
}

// Open starts the engine and checks that everything which was acknowledged is
// still there. Its error is a sentence that a person can act on; errors.Is tells
// [ErrInUse], [ErrFull], [ErrReadOnly] and [ErrDamaged].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.MQTT.check(); err != nil {
		return nil, err
	}
	seal, err := newSeal(cfg.Key)
	if err != nil {
		return nil, err
	}
	dir, err := openDirectory(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, seal: seal, fail: make(chan error, 1)}
	s.down, s.end = context.WithCancelCause(context.Background())
	if err := s.start(ctx, cfg); err != nil {
		s.stop()
		return nil, errors.Join(err, dir.unlock())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, cfg Config) error {
	if err := s.dir.check(cfg.Log); err != nil {
		return explain(s.dir.path, err)
	}
	var err error
	if s.engine, err = startEngine(cfg, s.failed); err != nil {
		return err
	}
	if s.conn, err = s.engine.connect(s.failed); err != nil {
		return fmt.Errorf("%w: connect: %w", ErrEngine, err)
	}
	if s.js, err = jetstream.New(s.conn, jetstream.WithDefaultTimeout(patience)); err != nil {
		return fmt.Errorf("%w: %w", ErrEngine, err)
	}
	if err := s.call(ctx, "open", s.openBuckets); err != nil {
		return err
	}
	return s.dir.settle(func() (census, error) { return s.census(ctx) })
}

// Close ends the store, once: what waits for it gets [ErrClosed], MQTT clients are
// cut off. It returns when everything is on the disk and the engine has stopped.
func (s *Store) Close() error {
	var count census
	err := s.call(context.Background(), "close", func(ctx context.Context) error {
		var err error
		count, err = s.census(ctx)
		return err
	})
	s.stop()
	if err == nil {
		err = s.dir.leave(count)
	}
	return errors.Join(err, s.dir.unlock())
}

func (s *Store) stop() {
	s.end(ErrClosed)
	if s.conn != nil {
		s.conn.Close()
	}
	if s.engine != nil {
		s.engine.stop()
	}
}

// MQTTAddr is where MQTT clients find the engine, as host:port; empty when it
// does not listen.
func (s *Store) MQTTAddr() string { return s.engine.mqttAddr }

// Failed delivers one error when the engine can write no more: the disk is full,
// read-only or broken. Every operation fails from then on, and only opening the
// store again, once the disk is well, helps.
func (s *Store) Failed() <-chan error { return s.fail }

// failed is called by the engine, from any of its goroutines.
func (s *Store) failed(cause error) {
	if s.down.Err() != nil {
		return // the first reason is the one that counts
	}
	err := fmt.Errorf("%w: %w", ErrEngine, explain(s.dir.path, cause))
	s.end(err)
	select {
	case s.fail <- err:
	default: // two at once
	}
}

// call runs one operation within patience, ends it when the store ends, and
// makes its error say whose fault it was.
func (s *Store) call(ctx context.Context, op string, do func(context.Context) error) error {
	inner, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(s.down, cancel)()
	err := do(inner)
	switch {
	case err == nil:
		return nil
	case isAnswer(err):
		return fmt.Errorf("%s: %w", op, err)
	case s.down.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(s.down))
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	default:
		return fmt.Errorf("%s: %w: %w", op, ErrEngine, err)
	}
}
