package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/store"
)

// ErrNotEmpty is a store that an import would overwrite.
var ErrNotEmpty = errors.New("there is a bridge here already, and nothing is overwritten")

// Config says where an archive goes.
type Config struct {
	Store  *store.Store // nil = it is only checked
	Key    secret.Key   // must open what is sealed in the archive
	AnyKey bool         // need not: such links are then to be made again, and what was sent in part is sent from its beginning
	// Claim gets the right to write the records of an entry, once, before the first of them is written; nil = there is no need to.
	Claim func(ctx context.Context, entry string) error
}

// Import reads an archive into an empty store. What is wrong with the archive or the key is told with the part that it was noticed at, and
// nothing stays in the store; a process that is killed leaves one that only another Import can use. errors.Is tells [ErrForeign],
// [ErrLater], [ErrCut], [ErrChanged], [ErrNotEmpty] and [secret.ErrOtherKey].
func Import(ctx context.Context, in io.Reader, cfg Config) (Summary, error) {
	m := &importer{Config: cfg, in: newReader(ctx, in), claimed: map[string]bool{}}
	if cfg.Store == nil {
		return m.summary, m.run(ctx)
	}
	if err := m.begin(ctx); err != nil {
		return m.summary, err
	}
	err := m.run(ctx)
	if err == nil {
		err = cfg.Store.Whole().EndImport(ctx, m.summary.Ran)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearLimit)
		defer cancel()
		err = errors.Join(err, m.clear(ctx))
	}
	return m.summary, err
}

// clearLimit is how long it may take to remove what was imported in vain; what is left then, the next import removes.
const clearLimit = time.Minute

// An importer reads one archive into one store.
type importer struct {
	Config

	in      *reader
	summary Summary
	said    *Summary        // by the archive; nil until it comes
	claimed map[string]bool // entries
	batch   []store.Record  // not written yet
	size    int             // bytes of batch
	waiting map[string]bool // payloads whose job has not come
	unsaved []string        // payloads whose job has not been saved
}

// begin marks the store, when it is empty or an import into it was cut off. A stop after it leaves the mark.
func (m *importer) begin(ctx context.Context) error {
	unfinished, err := m.Store.Whole().Unfinished(ctx)
	if err == nil && unfinished {
		err = m.clear(ctx)
	}
	for _, kind := range store.Kinds() {
		keys, listErr := m.Store.Whole().Keys(ctx, kind)
		if err = errors.Join(err, listErr); err == nil && len(keys) > 0 {
			return fmt.Errorf("%w: %s", ErrNotEmpty, keys[0])
		}
	}
	if err == nil {
		err = m.claim(ctx, store.Bridge)
	}
	if err == nil {
		err = m.Store.Whole().BeginImport(ctx)
	}
	return err
}

// clear removes all, and the mark last. Payloads are removed with their jobs: an engine of several processes does not sweep young ones.
func (m *importer) clear(ctx context.Context) error {
	for _, name := range m.unsaved {
		if err := m.Store.RemovePayload(ctx, name); err != nil {
			return err
		}
	}
	for _, kind := range store.Kinds() {
		keys, err := m.Store.Whole().Keys(ctx, kind)
		for keys := range slices.Chunk(keys, maxBatch) {
			if err == nil {
				err = m.clearRecords(ctx, keys)
			}
		}
		if err != nil {
			return err
		}
	}
	return m.Store.Whole().Clear(ctx)
}

func (m *importer) clearRecords(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if err := m.claim(ctx, entryOf(key)); err != nil {
			return err
		}
		if !store.IsJob(key) {
			continue
		}
		var j jobRecord
		value, err := m.Store.Whole().Raw(ctx, key)
		_ = json.Unmarshal(value, &j) // else it has no payloads
		for _, f := range j.Files {
			if err == nil && f.Payload != "" {
				err = m.Store.RemovePayload(ctx, f.Payload)
			}
		}
		if err != nil {
			return err
		}
	}
	return m.Store.Whole().Remove(ctx, keys...)
}

func (m *importer) claim(ctx context.Context, entry string) error {
	if m.Claim == nil || m.claimed[entry] {
		return nil
	}
	err := m.Claim(ctx, entry)
	m.claimed[entry] = err == nil
	return err
}

func entryOf(key string) string { return strings.Split(key, ".")[1] }

// run reads the whole archive.
func (m *importer) run(ctx context.Context) error {
	first, err := m.in.next()
	var a about
	if err == nil && first.name == aboutName {
		_, err = m.in.readJSON(first, &a)
	}
	switch {
	case a.Format != formatName && !errors.Is(err, context.Canceled) && m.in.raw.failed == nil:
		return ErrForeign
	case err != nil:
		return err
	case a.Version > formatVersion:
		return fmt.Errorf("%w (%s)", ErrLater, a.Program)
	}
	for {
		p, err := m.in.next()
		if errors.Is(err, io.EOF) {
			return m.end(ctx)
		}
		if err == nil {
			err = m.take(ctx, p)
		}
		if err != nil {
			return err
		}
	}
}

// end is after the last part, when all of them are known to be whole.
func (m *importer) end(ctx context.Context) error {
	if err := m.flush(ctx); err != nil {
		return err
	}
	if m.said == nil {
		return fmt.Errorf("%w: it has no %s", ErrChanged, summaryName)
	}
	m.summary = *m.said
	return m.dropWaiting(ctx)
}

func (m *importer) take(ctx context.Context, p *part) error {
	key, isRecord := strings.CutPrefix(p.name, records)
	key, isJSON := strings.CutSuffix(key, recordEnd)
	payload, isPayload := strings.CutPrefix(p.name, payloads)
	switch {
	case m.said != nil:
	case isPayload:
		return m.takePayload(ctx, p, payload)
	case isRecord && isJSON:
		return m.takeRecord(ctx, p, key)
	case p.name == summaryName:
		_, err := m.in.readJSON(p, &m.said)
		return err
	}
	return m.in.fail(ErrChanged)
}

func (m *importer) takePayload(ctx context.Context, p *part, name string) error {
	if m.waiting[name] {
		return m.in.fail(ErrChanged)
	}
	if m.Store != nil {
		if _, _, err := m.Store.PutPayload(ctx, name, p); err != nil {
			return m.because(err)
		}
	}
	if m.waiting == nil {
		m.waiting = map[string]bool{}
	}
	m.waiting[name] = true
	m.unsaved = append(m.unsaved, name)
	return nil
}

// because prefers what is wrong with the archive to what came of it.
func (m *importer) because(err error) error {
	switch {
	case m.in.raw.failed != nil:
		return m.in.raw.failed
	case errors.Is(err, io.ErrUnexpectedEOF):
		return m.in.broken(err)
	case errors.Is(err, store.ErrBadName), errors.Is(err, store.ErrExists):
		return errors.Join(m.in.fail(ErrChanged), err)
	}
	return err
}

// opens checks that the key opens what is sealed in a record. What was damaged before it was exported does not count.
func (m *importer) opens(r store.Record) error {
	sealed, purpose := store.Sealed(r)
	if _, err := m.Key.Open(sealed, purpose); errors.Is(err, secret.ErrOtherKey) && !m.AnyKey {
		return fmt.Errorf("record %s was %w", r.Key, err)
	}
	return nil
}

func (m *importer) takeRecord(ctx context.Context, p *part, key string) error {
	value, err := m.in.readJSON(p, new(json.RawMessage))
	if err == nil {
		err = m.opens(store.Record{Key: key, Value: value})
	}
	if err != nil {
		return err
	}
	if store.IsJob(key) {
		var j jobRecord
		_ = json.Unmarshal(value, &j) // else it has no payloads
		for _, f := range j.Files {
			delete(m.waiting, f.Payload)
		}
		if err := m.dropWaiting(ctx); err != nil {
			return err
		}
	}
	m.batch = append(m.batch, store.Record{Key: key, Value: value})
	m.size += len(value)
	if len(m.batch) == maxBatch || m.size > maxBatchBytes {
		return m.flush(ctx)
	}
	return nil
}

const maxBatch, maxBatchBytes = 256, 1 << 20 // of records that are saved together

// flush writes what has gathered.
func (m *importer) flush(ctx context.Context) error {
	defer func() { m.batch, m.size = m.batch[:0], 0 }()
	if len(m.waiting) == 0 {
		defer func() { m.unsaved = m.unsaved[:0] }()
	}
	if m.Store == nil {
		return nil
	}
	for _, r := range m.batch {
		if strings.Contains(r.Key, ".") { // else it is refused below
			if err := m.claim(ctx, entryOf(r.Key)); err != nil {
				return err
			}
		}
	}
	if err := m.Store.Whole().Restore(ctx, m.batch...); err != nil {
		return m.because(err)
	}
	return nil
}

// dropWaiting removes payloads of a job that ended while the archive was written.
func (m *importer) dropWaiting(ctx context.Context) error {
	for name := range m.waiting {
		if m.Store != nil {
			if err := m.Store.RemovePayload(ctx, name); err != nil {
				return err
			}
		}
	}
	clear(m.waiting)
	return nil
}
