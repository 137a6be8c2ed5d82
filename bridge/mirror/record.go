package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"gphotos2mqtt/bridge/store"
)

const (
	indexRecord = "mirror"  // ids, sorted, of the albums that have a record
	albumRecord = "mirror-" // begins the names of the records of what was written of each album
)

func recordName(albumID string) string {
	sum := sha256.Sum256([]byte(albumID)) // Google's ids may have letters that the store's names cannot have
	return albumRecord + hex.EncodeToString(sum[:12])
}

// load reads what is recorded. What is damaged is forgotten: its files stay for a person, as nothing says any more whose they are.
func (m *Mirror) load(ctx context.Context) error {
	var ids []string
	if err := m.read(ctx, indexRecord, &ids); err != nil {
		return err
	}
	for _, id := range ids {
		var files []file
		if err := m.read(ctx, recordName(id), &files); err != nil {
			return err
		}
		m.albums[id] = files
	}
	return nil
}

func (m *Mirror) read(ctx context.Context, name string, into any) error {
	_, err := m.cfg.Store.LoadState(ctx, m.cfg.Entry, name, into)
	if errors.Is(err, store.ErrDamaged) {
		m.cfg.Log.WithError(err).WithField("op", "mirror").Error("record of the mirror is damaged: its files stay where they are")
		err = nil
	}
	return err
}

// note saves what is known of an item.
func (m *Mirror) note(ctx context.Context, album string, f file) error {
	if _, ok := m.albums[album]; !ok {
		// A stop after this save names a record that is not there yet, which is one without files.
		m.albums[album] = nil
		if err := m.saveIndex(ctx); err != nil {
			return err
		}
	}
	if known := m.recorded(album, f.Item); known != nil {
		*known = f
	} else {
		m.albums[album] = append(m.albums[album], f)
	}
	return m.save(ctx, album)
}

// forget drops an item, and an album with its last one.
func (m *Mirror) forget(ctx context.Context, album, item string) error {
	m.albums[album] = slices.DeleteFunc(m.albums[album], func(f file) bool { return f.Item == item })
	if len(m.albums[album]) > 0 {
		return m.save(ctx, album)
	}
	delete(m.albums, album)
	if err := m.cfg.Store.DeleteState(ctx, m.cfg.Entry, recordName(album)); err != nil {
		return err
	}
	return m.saveIndex(ctx)
}

func (m *Mirror) save(ctx context.Context, album string) error {
	return m.cfg.Store.SaveState(ctx, m.cfg.Entry, recordName(album), m.albums[album])
}

func (m *Mirror) saveIndex(ctx context.Context) error {
	return m.cfg.Store.SaveState(ctx, m.cfg.Entry, indexRecord, slices.Sorted(maps.Keys(m.albums)))
}
