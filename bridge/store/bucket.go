package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/nats-io/nats.go/jetstream"
)

// The buckets. Keys begin with the entry; "bridge" stands in its place for what
// belongs to no entry.
const (
	bucketJobs     = "jobs"     // <entry>.<job id>
	bucketLinks    = "links"    // <entry>
	bucketState    = "state"    // <entry>.<name>
	bucketLeases   = "leases"   // <entry>
	bucketReceipts = "receipts" // <entry>.<job id>
	bucketPayloads = "payloads" // an object store
)

// validToken is what one part of a key may look like. A dot would make two
// parts of it, and the engine takes * and > for wildcards.
// https://docs.nats.io/nats-concepts/jetstream/key-value-store#keys
var validToken = regexp.MustCompile(`^[-/_=a-zA-Z0-9]{1,128}$`)

// A bucket is one of the engine's key-value buckets and the stream below it.
type bucket struct {
	kv     jetstream.KeyValue
	stream jetstream.Stream
	prefix string // of the subject of a key
}

// openBuckets makes the buckets that are not there yet.
func (s *Store) openBuckets(ctx context.Context) error {
	for _, b := range []struct {
		to     **bucket
		config jetstream.KeyValueConfig
	}{
		{&s.jobs, jetstream.KeyValueConfig{Bucket: bucketJobs, History: jetstream.KeyValueMaxHistory}},
		{&s.links, jetstream.KeyValueConfig{Bucket: bucketLinks, History: 1}},
		{&s.state, jetstream.KeyValueConfig{Bucket: bucketState, History: 1}},
		{&s.receipts, jetstream.KeyValueConfig{Bucket: bucketReceipts, History: 1, TTL: receiptTTL}},
		// A lease is renewed every few seconds, which would wear out a memory card;
		// and when the engine itself has stopped, nobody holds one.
		{&s.leases, jetstream.KeyValueConfig{Bucket: bucketLeases, History: 1, TTL: leaseTTL, Storage: jetstream.MemoryStorage}},
	} {
		var err error
		if *b.to, err = s.openBucket(ctx, b.config); err != nil {
			return fmt.Errorf("bucket %s: %w", b.config.Bucket, err)
		}
	}
	var err error
	if s.payloads, err = s.openPayloads(ctx); err != nil {
		return fmt.Errorf("bucket %s: %w", bucketPayloads, err)
	}
	return nil
}

func (s *Store) openBucket(ctx context.Context, config jetstream.KeyValueConfig) (*bucket, error) {
	stream := "KV_" + config.Bucket
	kv, err := s.js.KeyValue(ctx, config.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if err := s.dir.without(stream); err != nil {
			return nil, err
		}
		kv, err = s.js.CreateKeyValue(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	b := &bucket{kv: kv, prefix: "$KV." + config.Bucket + "."}
	b.stream, err = s.js.Stream(ctx, stream)
	return b, err
}

// without makes sure that a stream which the engine does not know has no files:
// it leaves out those that it cannot read.
func (d *directory) without(stream string) error {
	path := filepath.Join(d.engine(), storeAccount, "streams", stream)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%w: the engine cannot read %s; restore GPHOTOS_DATA_DIR from a backup, or move that directory away to go on without it", ErrDamaged, path)
}

// census counts the records of the streams that only the store removes from.
func (s *Store) census(ctx context.Context) (census, error) {
	c := make(census)
	for _, stream := range []jetstream.Stream{s.jobs.stream, s.links.stream, s.state.stream, s.payloads.stream} {
		info, err := stream.Info(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEngine, err)
		}
		c[info.Config.Name] = count{info.State.Msgs, info.State.LastSeq}
	}
	return c, nil
}

// each calls do for every record below a prefix, in no order.
func (b *bucket) each(ctx context.Context, prefix string, do func(jetstream.KeyValueEntry)) error {
	w, err := b.kv.Watch(ctx, prefix+".*", jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer w.Stop() //nolint:errcheck // everything has been read, or ctx has ended
	for {
		select {
		case record := <-w.Updates():
			if record == nil { // all that was there has come
				return nil
			}
			do(record)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// remove removes all revisions of a record up to the one that the caller knows,
// and leaves nothing behind, not even a mark that something was removed. A newer
// revision is ErrConflict. It is no error when there is no record.
func (b *bucket) remove(ctx context.Context, key string, revision uint64) error {
	err := b.stream.Purge(ctx, jetstream.WithPurgeSubject(b.prefix+key), jetstream.WithPurgeSequence(revision+1))
	if err != nil {
		return err
	}
	_, err = b.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err == nil {
		err = ErrConflict
	}
	return err
}

// trim removes all revisions of a record but the newest.
func (b *bucket) trim(ctx context.Context, key string) error {
	return b.stream.Purge(ctx, jetstream.WithPurgeSubject(b.prefix+key), jetstream.WithPurgeKeep(1))
}

// key joins the parts of a key.
func key(parts ...string) (string, error) {
	var k string
	for _, part := range parts {
		if !validToken.MatchString(part) {
			return "", fmt.Errorf("%w: %q", ErrBadName, part)
		}
		if k != "" {
			k += "."
		}
		k += part
	}
	return k, nil
}

// put saves v as JSON whatever was there before.
func (b *bucket) put(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = b.kv.Put(ctx, key, data)
	return err
}
