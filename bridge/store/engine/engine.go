// Package engine is what the store and the engines below it say to each other: records, which are small values with a revision, blobs,
// which are streams of bytes, and the errors that a caller may want to tell apart.
//
// An engine promises no more than a cluster can: each change of one record is atomic, durable when it returns, and refused when the
// record is not at the revision that the caller knows; of several changes, a stop may leave only the first. The interfaces are those of
// package store.
package engine

import (
	"errors"
	"fmt"
	"math"
)

// What a caller may want to tell apart. After the first two the engine does nothing more, after the third nothing more for that entry; the
// others are answers.
var (
	ErrEngine   = errors.New("the store failed")
	ErrClosed   = errors.New("the store is closed")
	ErrLost     = fmt.Errorf("%w: the entry is another process's", ErrEngine) // or nobody's: see cluster.Engine
	ErrExists   = errors.New("already in the store")
	ErrConflict = errors.New("changed by somebody else")   // or removed
	ErrNotFound = errors.New("not in the store")           // no such record or blob
	ErrFull     = errors.New("the disk is full")           // no room for more
	ErrReadOnly = errors.New("the disk cannot be written") // or the folder
	ErrInUse    = errors.New("in use by another process")
	ErrDamaged  = errors.New("the store is damaged")     // what was written is not what is there now
	ErrBadName  = errors.New("not a name for the store") // a name that cannot be a key
)

// A Record is one value, and the revision that it is at: a number that no other change has had.
type Record struct {
	Key      string // its kind, a dot, and more
	Value    []byte
	Revision uint64
}

// A Change saves or removes one record.
type Change struct {
	Key      string
	Value    []byte // nil = remove the record
	Revision uint64 // at which the record must be, or New or Any
}

// Revisions that a change can ask for in place of one that was read.
const (
	New = 0              // there is no such record yet, and room for one
	Any = math.MaxUint64 // whatever is there
)
