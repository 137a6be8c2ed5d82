package disk

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"gphotos2mqtt/bridge/store/engine"
)

// recent are the newest changes of records, one a record, in the order of their keys: those that the database does not have yet.
type recent []engine.Change

// find returns where a key is, or belongs.
func (r recent) find(key string) (at int, found bool) {
	return slices.BinarySearchFunc(r, key, func(c engine.Change, key string) int { return strings.Compare(c.Key, key) })
}

// put takes a change in the place of one of the same record.
func (r *recent) put(c engine.Change) {
	at, found := r.find(c.Key)
	if !found {
		*r = slices.Insert(*r, at, c)
	}
	(*r)[at] = c
}

// below returns a copy of those whose keys begin with prefix.
func (r recent) below(prefix string) recent {
	from, _ := r.find(prefix)
	to := from
	for to < len(r) && strings.HasPrefix(r[to].Key, prefix) {
		to++
	}
	return slices.Clone(r[from:to])
}

// encode appends a change as it lies in the journal.
func encode(to []byte, c engine.Change) []byte {
	to = binary.AppendUvarint(to, c.Revision)
	to = append(binary.AppendUvarint(to, uint64(len(c.Key))), c.Key...)
	if c.Value == nil {
		return binary.AppendUvarint(to, 0)
	}
	return append(binary.AppendUvarint(to, 1+uint64(len(c.Value))), c.Value...)
}

// blobKey begins the key of a change that is the removal of a blob. No record has such a key.
const blobKey = "\x00"

// decode takes over an entry of changes: those of records only when the database does not have them.
func (j *journal) decode(body []byte, records bool) {
	decode(body, func(c engine.Change) {
		if name, ok := strings.CutPrefix(c.Key, blobKey); ok {
			j.place(name, place{})
		} else if records {
			j.fresh.put(c)
		}
	})
}

// decode gives the changes of an entry to do, and reports whether they are well formed.
func decode(body []byte, do func(engine.Change)) bool {
	number := func() (n uint64) {
		n, width := binary.Uvarint(body)
		if width <= 0 {
			body = nil
			return math.MaxUint64
		}
		body = body[width:]
		return n
	}
	for len(body) > 0 {
		c := engine.Change{Revision: number()}
		n := number()
		if n > uint64(len(body)) {
			return false
		}
		c.Key, body = string(body[:n]), body[n:]
		if n = number(); n > 0 {
			if n--; n > uint64(len(body)) {
				return false
			}
			c.Value, body = bytes.Clone(body[:n]), body[n:]
		}
		do(c)
	}
	return true
}
