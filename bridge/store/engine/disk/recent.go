package disk

import (
	"bytes"
	"encoding/binary"
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

// decode takes over an entry of changes, whose sum was right: those of records only when the database does not have them.
func (j *journal) decode(body []byte, records bool) {
	number := func() uint64 {
		n, width := binary.Uvarint(body)
		body = body[max(width, 0):]
		return n
	}
	take := func(n uint64) []byte {
		part := body[:n]
		body = body[n:]
		return part
	}
	for len(body) > 0 {
		revision, key, value := number(), take(number()), []byte(nil)
		if n := number(); n > 0 {
			value = take(n - 1)
		}
		if name, ok := bytes.CutPrefix(key, []byte(blobKey)); ok {
			j.place(string(name), place{})
		} else if records {
			j.fresh.put(engine.Change{Key: string(key), Value: bytes.Clone(value), Revision: revision})
		}
	}
}
