// Package store keeps what must survive a stop of the bridge: queued uploads with their bytes, sealed OAuth tokens, receipts of
// commands, and what an entry knows. Whatever a method has acknowledged is on the disk, but see PutPayload: a kill, a crash or a power cut
// right after it loses nothing. What was not acknowledged may or may not be there.
//
// Nothing is dropped in silence. A disk that is full or cannot be written makes [Open] fail, or ends the store later ([Store.Failed]). Of
// what the disk has changed, a record or a payload fails alone ([ErrDamaged], [DamagedError]), and a database that cannot be read is set
// aside ([Store.Damage]). After an error that is [ErrEngine] the process should end. All methods may be called from several goroutines.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store/engine"
	"gphotos2mqtt/bridge/store/engine/disk"
)

// What a caller may want to tell apart.
var (
	ErrEngine   = engine.ErrEngine   // the store itself failed: stop, and start again
	ErrLost     = engine.ErrLost     // an ErrEngine, of one entry only: another process may have taken it over
	ErrExists   = engine.ErrExists   // the job is already there
	ErrConflict = engine.ErrConflict // somebody else has changed or removed the record since it was read
	ErrNotFound = engine.ErrNotFound // the payload is not there
	ErrFull     = engine.ErrFull     // the disk has no room for another upload
	ErrReadOnly = engine.ErrReadOnly // the disk or the directory cannot be written
	ErrInUse    = engine.ErrInUse    // another process has the store open
	ErrDamaged  = engine.ErrDamaged  // what was written is not what is there now
	ErrBadName  = engine.ErrBadName  // not what a record or a payload can be called
)

// Config says where the store is.
type Config struct {
	Dir    string // holds the files; it is made, with mode 0700, when it does not exist
	Engine Engine // in place of files in Dir; nil = those. Close closes it.
	// Key seals the secrets within jobs (session URLs and upload tokens); nil leaves them readable to who can read Dir. A secret that
	// another key has sealed is forgotten, which costs sending that file again.
	Key    *secret.Key
	Import bool          // opens also what is [ErrUnfinished]
	Log    *logrus.Entry // gets what a person should know; it must be given
}

// A Store is open until Close.
type Store struct {
	engine Engine
	damage string
	key    *secret.Key
	log    *logrus.Entry
	ran    running
}

// Bridge stands for the entry's name of what belongs to no entry; no entry can bear it.
const Bridge = "bridge"

const ( // the first part of a record's key
	kindJobs     = "jobs"     // jobs.<entry>.<job id>
	kindDamaged  = "damaged"  // damaged.<entry>.<job id>: jobs that were set aside, as they were
	kindReceipts = "receipts" // receipts.<entry>.<job id>
	kindLinks    = "links"    // links.<entry>
	kindState    = "state"    // state.<entry>.<name>
	kindEntries  = "entries"  // entries.bridge.<entry>: those that were added at run time
)

// Open opens the store and checks what is there. Its error is a sentence to act on; errors.Is tells [ErrInUse], [ErrFull], [ErrReadOnly].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s := &Store{engine: cfg.Engine, key: cfg.Key, log: cfg.Log}
	if s.engine == nil {
		files, err := disk.Open(cfg.Dir, cfg.Log)
		if err != nil {
			return nil, err
		}
		s.engine, s.damage = files, files.Damage
		old := filepath.Join(cfg.Dir, "jetstream", "STORE")
		if _, err := os.Stat(old); err == nil {
			cfg.Log.WithField("folder", old).Warn("uploads queued by a version before the first release are not taken over")
		}
	}
	unfinished, err := s.Whole().Unfinished(ctx)
	if unfinished && !cfg.Import {
		err = ErrUnfinished
	}
	if err == nil {
		err = s.loadRan(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	return s, nil
}

// Close ends the store, once.
func (s *Store) Close() error {
	_ = s.saveRan(context.Background()) // without it what waits is a little younger; a disk that fails says so by itself
	return s.engine.Close()
}

// Failed delivers one error when the disk can be written no more: full, read-only or broken. All fails until the store is opened again.
func (s *Store) Failed() <-chan error { return s.engine.Failed() }

// Damage says, in sentences for a person, that a damaged database was set aside and still lies there, and what to do; "" = none does.
func (s *Store) Damage() string { return s.damage }

// LoadState reads a record of an entry into v, and reports whether there is one. One that cannot be understood counts as none.
func (s *Store) LoadState(ctx context.Context, entry, name string, v any) (bool, error) {
	return s.load(ctx, v, kindState, entry, name)
}

// SaveState saves v, as JSON, as a record of an entry.
func (s *Store) SaveState(ctx context.Context, entry, name string, v any) error {
	return s.save(ctx, v, kindState, entry, name)
}

// MergeState changes a record that several processes may change: v is set to what is there, or to nothing as [Store.LoadState] has it,
// change changes it, and it is saved, all of this again when somebody else was faster.
func (s *Store) MergeState(ctx context.Context, entry, name string, v any, change func()) error {
	for {
		reflect.ValueOf(v).Elem().SetZero()
		r, err := s.read(ctx, v, kindState, entry, name)
		if err != nil {
			return err
		}
		change()
		c, err := changeTo(v, kindState, entry, name)
		if err == nil {
			c.Revision = r.Revision // 0 is engine.New
			_, err = s.change(ctx, c)
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) {
			return err
		}
	}
}

// DeleteState removes a record of an entry; it is no error when there is none.
func (s *Store) DeleteState(ctx context.Context, entry, name string) error {
	return s.save(ctx, nil, kindState, entry, name)
}

// load reads a record into v, and reports whether there is one. One that cannot be understood counts as none: it is learnt or made again.
func (s *Store) load(ctx context.Context, v any, names ...string) (bool, error) {
	r, err := s.read(ctx, v, names...)
	return r.Value != nil, err
}

// read does the same. Of a record that counts as none only the revision comes back.
func (s *Store) read(ctx context.Context, v any, names ...string) (engine.Record, error) {
	r, err := s.get(ctx, names...)
	read := reflect.New(reflect.TypeOf(v).Elem()) // half of a record is none
	if err == nil && json.Unmarshal(r.Value, read.Interface()) != nil {
		err = fmt.Errorf("read record %s: %w: it is of another form", r.Key, ErrDamaged)
	}
	switch {
	case err == nil:
		reflect.ValueOf(v).Elem().Set(read.Elem())
		return r, nil
	case errors.Is(err, ErrDamaged):
		s.log.WithError(err).WithField("record", r.Key).Error("record is damaged and counts as none")
	case !errors.Is(err, ErrNotFound):
		return r, err
	}
	return engine.Record{Revision: r.Revision}, nil
}

func (s *Store) get(ctx context.Context, names ...string) (r engine.Record, err error) {
	key, err := keyOf(names...)
	if err == nil {
		r, err = s.engine.Get(ctx, key)
	}
	return r, during("read record "+key, err)
}

// each calls do for the records whose keys begin with names, and what comes after that in the key, until it returns false.
func (s *Store) each(ctx context.Context, do func(id string, r engine.Record, err error) bool, names ...string) error {
	prefix, err := keyOf(names...)
	if err == nil {
		prefix += "."
		err = s.engine.Each(ctx, prefix, func(r engine.Record, err error) bool { return do(strings.TrimPrefix(r.Key, prefix), r, err) })
	}
	return during("list records "+prefix, err)
}

func (s *Store) save(ctx context.Context, v any, names ...string) error {
	c, err := changeTo(v, names...)
	if err == nil {
		_, err = s.change(ctx, c)
	}
	return err
}

func (s *Store) change(ctx context.Context, changes ...engine.Change) (revision uint64, err error) {
	revision, err = s.engine.Change(ctx, changes...)
	return revision, during("change record "+changes[0].Key, err)
}

// changeTo is the change that saves v as JSON, whatever was there before; nil removes what was there.
func changeTo(v any, names ...string) (c engine.Change, err error) {
	c.Revision = engine.Any
	if c.Key, err = keyOf(names...); err == nil && v != nil {
		c.Value, err = json.Marshal(v)
	}
	return c, err
}

// validName is what one part of a key may look like: a dot would make two of it, and a cluster takes no others.
// https://docs.nats.io/nats-concepts/jetstream/key-value-store#keys
var validName = regexp.MustCompile(`^[-/_=a-zA-Z0-9]{1,128}$`)

func keyOf(names ...string) (string, error) {
	for _, name := range names {
		if !validName.MatchString(name) {
			return "", fmt.Errorf("%w: %q", engine.ErrBadName, name)
		}
	}
	return strings.Join(names, "."), nil
}

func during(op string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", op, err)
	}
	return err
}
