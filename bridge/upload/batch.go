package upload

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/photos/spec"
)

// batchWait is the longest that an upload token waits for company before its batch is created although other uploads are still on their
// way; on a thin line, where sending a file takes longer, it is as long as that again, at most maxBatchWait. Google asks to fill batches up
// to 50 and to create one at a time per user, and allows 30 writes a minute, that is one in 2 s:
// https://developers.google.com/photos/library/guides/upload-media
const batchWait, maxBatchWait = 2 * time.Second, 30 * time.Second

// nextBatch waits until a batch is due and hands it out: at most spec.MaxBatch sent files of one album, no two of equal bytes. It is due
// when full, when nothing else is on its way, or when its first file has waited long enough. The one caller gives it back with leave before it asks again.
func (q *queue) nextBatch(ctx context.Context) ([]file, error) {
	return wake.Until(ctx, &q.changed, func() ([]file, bool, time.Duration) {
		if h, lasts := q.held(); h != nil {
			return nil, false, lasts
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		batch, rest, wait := pickBatch(q.sent)
		if len(batch) == 0 {
			return nil, false, wait
		}
		ready := func(f file) bool { return left(f) == 0 }
		if len(batch) < spec.MaxBatch && (q.coming+len(q.active) > 0 || slices.ContainsFunc(q.queued, ready)) {
			first := slices.MinFunc(batch, func(a, b file) int { return a.view().TokenAt.Compare(b.view().TokenAt) })
			most := min(max(first.view().Took, batchWait), maxBatchWait)
			if wait := wake.Left(first.view().TokenAt.Add(most), most); wait > 0 {
				return nil, false, wait
			}
		}
		q.sent = rest
		for _, f := range batch {
			q.active[f] = func() {}
		}
		return batch, true, 0
	})
}

// pickBatch chooses a batch of the oldest ready file's album, or a full one of another album, or says when a file will be ready.
func pickBatch(sent []file) (batch, rest []file, wait time.Duration) {
	groups := map[store.Album]int{}
	album, found := store.Album{}, false
	for _, f := range sent {
		if d := left(f); d > 0 {
			wait = min(cmp.Or(wait, d), d)
			continue
		}
		key := albumOf(f)
		if groups[key]++; !found || groups[key] == spec.MaxBatch {
			album, found = key, true
		}
		if groups[key] == spec.MaxBatch {
			break
		}
	}
	if !found {
		return nil, sent, wait
	}
	in := contents{}
	for _, f := range sent {
		if r := f.view(); len(batch) < spec.MaxBatch && albumOf(f) == album && left(f) == 0 && in.add(*r) {
			batch = append(batch, f)
		} else {
			rest = append(rest, f)
		}
	}
	return batch, rest, 0
}

func albumOf(f file) store.Album {
	a := f.job.view().Album
	if a.Title != "" {
		return store.Album{Title: a.Title}
	}
	return store.Album{ID: a.ID}
}

// contents are the hashes of the files in a batch, by size; "" for a large file that was never hashed.
type contents map[int64][]string

// add takes a file in unless it is, or may be, equal to one that is there: Google refuses the second of two equal files in one batch.
func (c contents) add(f store.File) bool {
	same := c[f.Size]
	if len(same) > 0 && (f.SHA256 == "" || slices.Contains(same, f.SHA256) || slices.Contains(same, "")) {
		return false
	}
	c[f.Size] = append(same, f.SHA256)
	return true
}
