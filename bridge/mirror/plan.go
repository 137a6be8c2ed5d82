package mirror

import (
	"path/filepath"
	"slices"

	"gphotos2mqtt/photos"
)

// A want is an item that is to be a file.
type want struct {
	album Album
	item  photos.Item
	file  file  // what is recorded of it
	room  int64 // bytes that are left for it by newer ones
}

// An unwanted file is to be removed.
type unwanted struct {
	album  string
	file   file
	forget bool // its size too
}

// plan chooses what is to be there, newest first, as far as there is room, and what is not. Files of albums that are unknown stay.
func (m *Mirror) plan(albums []Album) (wanted []want, drop []unwanted) {
	room, chosen := m.cfg.MaxBytes, map[string]bool{}
	for _, a := range albums {
		chosen[a.ID] = true
		if !a.Known {
			room -= written(m.albums[a.ID])
			continue
		}
		newest := a.Items[:min(len(a.Items), m.cfg.Items)]
		for _, f := range m.albums[a.ID] {
			in := slices.ContainsFunc(newest, func(i photos.Item) bool { return i.ID == f.Item })
			if !in || f.Path != "" && filepath.Dir(f.Path) != m.folder(a) { // it has left the album, or the album has another name
				drop = append(drop, unwanted{a.ID, f, true})
			}
		}
		for _, item := range newest {
			w := want{album: a, item: item}
			if f := m.recorded(a.ID, item.ID); f != nil && (f.Path == "" || filepath.Dir(f.Path) == m.folder(a)) {
				w.file = *f
			}
			wanted = append(wanted, w)
		}
	}
	for id, files := range m.albums {
		for _, f := range files {
			if !chosen[id] {
				drop = append(drop, unwanted{id, f, true})
			}
		}
	}
	slices.SortStableFunc(wanted, func(a, b want) int { return b.item.Created.Compare(a.item.Created) })
	kept := wanted[:0]
	for _, w := range wanted {
		switch w.room = room; {
		case w.file.Size <= room && room > 0: // a smaller one that is older may still fit
			kept, room = append(kept, w), room-w.file.Size
		case w.file.Path != "":
			drop = append(drop, unwanted{w.album.ID, w.file, false})
		}
	}
	return kept, drop
}

func (m *Mirror) recorded(album, item string) *file {
	files := m.albums[album]
	if i := slices.IndexFunc(files, func(f file) bool { return f.Item == item }); i >= 0 {
		return &files[i]
	}
	return nil
}

// total is how many bytes all files take.
func (m *Mirror) total() (bytes int64) {
	for _, files := range m.albums {
		bytes += written(files)
	}
	return bytes
}

func written(files []file) (bytes int64) {
	for _, f := range files {
		if f.Path != "" {
			bytes += f.Size
		}
	}
	return bytes
}
