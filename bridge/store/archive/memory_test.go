package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store/engine"
)

// memory is an engine without a disk: these tests are about the file. It is founded: its age is what it says.
type memory struct {
	age time.Duration

	mu       sync.Mutex // guards all below
	revision uint64
	records  map[string]engine.Record
	blobs    map[string][]byte
}

func newMemory() *memory {
	return &memory{age: time.Hour, records: map[string]engine.Record{}, blobs: map[string][]byte{}}
}

func (m *memory) Age() time.Duration   { return m.age }
func (m *memory) Failed() <-chan error { return nil }
func (m *memory) Close() error         { return nil }

func (m *memory) Get(_ context.Context, key string) (engine.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[key]
	if !ok {
		return r, engine.ErrNotFound
	}
	return r, nil
}

func (m *memory) Each(_ context.Context, prefix string, do func(engine.Record, error) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		if strings.HasPrefix(key, prefix) && !do(m.records[key], nil) {
			break
		}
	}
	return nil
}

func (m *memory) Change(_ context.Context, changes ...engine.Change) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		r, there := m.records[c.Key]
		switch m.revision++; {
		case c.Revision == engine.New && there:
			return 0, engine.ErrExists
		case c.Revision != engine.New && c.Revision != engine.Any && c.Revision != r.Revision:
			return 0, engine.ErrConflict
		case c.Value == nil:
			delete(m.records, c.Key)
		default:
			m.records[c.Key] = engine.Record{Key: c.Key, Value: bytes.Clone(c.Value), Revision: m.revision}
		}
	}
	return m.revision, nil
}

func (m *memory) PutBlob(_ context.Context, name string, r io.Reader) (int64, string, error) {
	if name == "" || strings.Contains(name, "/") {
		return 0, "", engine.ErrBadName
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return 0, "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[name] = content
	sum := sha256.Sum256(content)
	return int64(len(content)), hex.EncodeToString(sum[:]), nil
}

func (m *memory) OpenBlob(_ context.Context, name string) (io.ReadCloser, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.blobs[name]
	if !ok {
		return nil, 0, engine.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(content)), int64(len(content)), nil
}

func (m *memory) RemoveBlob(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, name)
	return nil
}

// SweepBlobs removes nothing: all that there is is young.
func (m *memory) SweepBlobs(_ context.Context, keep func(string) bool) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.blobs {
		keep(name)
	}
	return 0, nil
}
