package store

import (
	"context"
	"io"
	"time"

	"gphotos2mqtt/bridge/store/engine"
)

// An Engine is what a Store is built upon: records, and blobs, which are the bytes of payloads. Its methods may be called from several
// goroutines. What a method has acknowledged is durable; one that fails with [ErrEngine] leaves open whether it has had an effect.
// [engine/disk.Disk] is the one for one process, cluster.Engine the one for several.
type Engine interface {
	Records
	Blobs
	Keeper
}

// Records are small values by key; see [engine.Record] and [engine.Change].
type Records interface {
	// Get reads one record; [ErrNotFound], or [ErrDamaged] with what is there.
	Get(ctx context.Context, key string) (engine.Record, error)
	// Each calls do for the records of a kind whose keys begin with prefix, in their order, until it returns false. A value is valid
	// during the call only, in which nothing else may be asked of the engine. The error that do gets is nil or ErrDamaged.
	Each(ctx context.Context, prefix string, do func(engine.Record, error) bool) error
	// Change makes changes durable, in their order, and returns the new revision of the last. [ErrExists] and [ErrConflict]: a record is
	// not at the revision that its change asks for, and stays as it is; so do those after it. It is no error to remove what is not there.
	Change(ctx context.Context, changes ...engine.Change) (revision uint64, err error)
}

// Blobs are streams of bytes by name.
type Blobs interface {
	// PutBlob keeps the bytes of r, in place of what was there, and returns how many there are and their SHA-256 in hex. They are durable
	// no later than any change that is made after it. [ErrFull] means that there is no room; an error of r comes back as it is. After an error there is what was there.
	PutBlob(ctx context.Context, name string, r io.Reader) (size int64, sum string, err error)
	// OpenBlob returns the bytes of a blob, and how many there are; [ErrNotFound].
	OpenBlob(ctx context.Context, name string) (io.ReadCloser, int64, error)
	// RemoveBlob removes a blob, if there is one. It may come back, until SweepBlobs.
	RemoveBlob(ctx context.Context, name string) error
}

// A Keeper keeps an engine well.
type Keeper interface {
	// SweepBlobs removes the blobs that keep does not want, and returns how many. Of those that are just being put, what [disk.Disk] says
	// and what cluster.Engine says differs.
	SweepBlobs(ctx context.Context, keep func(name string) bool) (n int, err error)
	// Failed delivers one error when nothing can be written any more; all fails until the engine is opened again.
	Failed() <-chan error
	// Close ends the engine, once.
	Close() error
}

// A Founded engine, of several processes, knows how long ago it was founded. Each process that uses it then measures ages alike.
type Founded interface {
	Age() time.Duration
}

// A Watched engine, of several processes, tells of what others change.
type Watched interface {
	// Watch calls changed for each record whose key is prefix and one more name, and for each change of them, until ctx ends.
	Watch(ctx context.Context, prefix string, changed func(key string, revision uint64)) error
}
