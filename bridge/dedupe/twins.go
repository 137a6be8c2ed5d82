package dedupe

import (
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/photos"
)

const maxTwins = 5000 // items that are remembered; some hundred bytes each

// Twins are the items that were made in this run, by account and hash of their bytes: when Google says that it has a file already, it does
// not say as which item. One goroutine owns them.
type Twins struct {
	items map[string]photos.Item
	keys  []string // oldest first
}

func twinOf(f *store.File) string {
	if f.SHA256 == "" || f.Account == "" {
		return ""
	}
	return f.Account + " " + f.SHA256
}

// Add remembers the item of a file.
func (t *Twins) Add(f *store.File, made photos.Item) {
	key := twinOf(f)
	if _, known := t.items[key]; key == "" || known {
		return
	}
	if t.items == nil {
		t.items = map[string]photos.Item{}
	}
	if len(t.keys) == maxTwins {
		delete(t.items, t.keys[0])
		t.keys = t.keys[1:]
	}
	t.items[key], t.keys = photos.Item{ID: made.ID, ProductURL: made.ProductURL}, append(t.keys, key)
}

// Find returns the item of a file with the same bytes.
func (t *Twins) Find(f *store.File) (photos.Item, bool) {
	made, ok := t.items[twinOf(f)]
	return made, ok
}
