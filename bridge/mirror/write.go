package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos"
)

// errNoRoom: the file is larger than what newer ones leave it.
var errNoRoom = errors.New("no room in the mirror")

// write fetches an item, from another album's folder if it is there, and makes it a file. Older ones make room for it.
func (m *Mirror) write(ctx context.Context, w want, older []want) error {
	folder := m.folder(w.album)
	if err := m.cfg.Media.MakeFolder(ctx, folder); err != nil { // before anything is asked of Google
		return err
	}
	if !m.swept[folder] {
		m.cfg.Media.Sweep(ctx, folder, m.opened)
		m.swept[folder] = true
	}
	watchdog := wake.Watch(ctx, account.StallLimit)
	got, err := m.open(watchdog.Context, w.item)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", w.item.ID, watchdog.Stop(err))
	}
	body := watchdog.Reader(got.Body)
	defer body.Close() //nolint:errcheck // only read from
	room := w.room
	if got.Size >= 0 {
		room = min(room, got.Size)
	}
	if got.Size > w.room {
		err = errNoRoom
	} else if err = m.makeRoom(ctx, room, older); err == nil {
		path := m.free(ctx, folder, w, got.MIMEType)
		in := &incoming{Reader: io.LimitReader(body, room+1), sum: sha256.New(), room: room, whole: func(size int64, sum string) error {
			// A stop right after this save leaves a record without its file, which is fetched again; one that has it, once it has its name.
			return m.note(ctx, w.album.ID, file{w.item.ID, path, size, sum})
		}}
		_, _, err = m.cfg.Media.Save(ctx, path, in)
		got.Size = max(got.Size, in.size)
	}
	if err = watchdog.Stop(err); errors.Is(err, errNoRoom) { // as large as that it need not be asked for again
		m.cfg.Log.WithFields(map[string]any{"op": "mirror", "bytes": got.Size}).Info("no room for a file in the mirror")
		return m.note(ctx, w.album.ID, file{Item: w.item.ID, Size: got.Size})
	}
	return err
}

// open opens the item's bytes: of a file that is there already, or from Google.
func (m *Mirror) open(ctx context.Context, item photos.Item) (photos.Bytes, error) {
	for _, files := range m.albums {
		for _, f := range files {
			if f.Item != item.ID || f.Path == "" {
				continue
			}
			if local, err := m.cfg.Media.Open(ctx, f.Path); err == nil {
				return photos.Bytes{Body: local, Size: f.Size, MIMEType: typeOf(f.Path)}, nil
			}
		}
	}
	suffix := photos.SuffixPhoto
	if item.IsVideo() {
		suffix = photos.SuffixVideo
	}
	return m.cfg.Google.Download(ctx, item.BaseURL, suffix)
}

// makeRoom removes the oldest files until so many bytes are free.
func (m *Mirror) makeRoom(ctx context.Context, bytes int64, older []want) error {
	for _, w := range slices.Backward(older) {
		if m.total()+bytes <= m.cfg.MaxBytes {
			return nil
		}
		if w.file.Path == "" {
			continue
		}
		if err := m.remove(ctx, w.album.ID, w.file, false); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file as it was written. One that somebody has changed meanwhile is theirs: it stays, and is forgotten.
func (m *Mirror) remove(ctx context.Context, album string, f file, forget bool) error {
	if f.Path != "" {
		// A stop before the save finds it gone the next time.
		removed, err := m.cfg.Media.Remove(ctx, f.Path, f.Sum)
		if err != nil {
			return err
		}
		if !removed {
			m.cfg.Log.WithFields(map[string]any{"op": "mirror", "path": f.Path}).Warn("a file of the mirror was changed and stays")
		}
	}
	if f.Path, f.Sum = "", ""; forget {
		return m.forget(ctx, album, f.Item)
	}
	return m.note(ctx, album, f)
}

// incoming is a file on its way. Once all of it was read, and before it has its name, whole notes what it is.
type incoming struct {
	io.Reader
	sum   hash.Hash
	size  int64
	room  int64
	whole func(size int64, sum string) error
}

func (r *incoming) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.sum.Write(p[:n])
	if r.size += int64(n); r.size > r.room {
		return n, errNoRoom
	}
	if err == io.EOF { //nolint:errorlint // readers give io.EOF itself
		if noted := r.whole(r.size, hex.EncodeToString(r.sum.Sum(nil))); noted != nil {
			err = noted
		}
	}
	return n, err
}
