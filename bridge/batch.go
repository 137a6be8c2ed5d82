package bridge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"gphotos2mqtt/bridge/store"
)

// batchWait is the longest that an upload token waits for company before its
// batch is created although other uploads are still on their way. Google asks
// to fill batches up to 50 and to create one at a time per user, and allows 30
// writes a minute, that is one in 2 s:
// https://developers.google.com/photos/library/guides/upload-media
const batchWait = 2 * time.Second

// batchSize is the most items that one batchCreate takes.
// Source: https://developers.google.com/photos/library/reference/rest/v1/mediaItems/batchCreate
const batchSize = 50

// takeBatch waits until a batch is due and hands it out: at most 50 files with
// upload tokens, all for one album, no two of equal bytes. The caller ends it
// with batchOver.
func (q *queue) takeBatch(ctx context.Context) ([]work, error) {
	for ctx.Err() == nil {
		q.mu.Lock()
		batch, wait := q.nextBatch(time.Now())
		changed := q.changed
		q.mu.Unlock()
		if len(batch) > 0 {
			return batch, nil
		}
		_ = sleep(ctx, changed, wait)
	}
	return nil, ctx.Err()
}

// batchOver ends a batch; again are the files to be created in a later batch,
// resend those whose bytes must be sent anew.
func (q *queue) batchOver(again, resend []work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.creating = 0
	q.sent = append(slices.Clone(again), q.sent...)
	q.unsent = append(slices.Clone(resend), q.unsent...)
	q.wake()
}

// nextBatch is called with mu held. A batch is due at once when it is full or
// nothing else is on its way, and otherwise when its first file has waited for
// batchWait. One batch at a time: creating is set until batchOver.
func (q *queue) nextBatch(now time.Time) ([]work, time.Duration) {
	if q.creating > 0 || len(q.sent) == 0 {
		return nil, 0
	}
	if h, held := q.holds.at(now); held {
		return nil, h.wait(now)
	}
	batch, rest, wait := pickBatch(q.sent, now)
	if len(batch) == 0 {
		return nil, wait
	}
	alone := q.sending == 0 && !q.sendable(now)
	if age := now.Sub(batch[0].sentAt(batch[0].n)); len(batch) < batchSize && !alone && age < batchWait {
		return nil, batchWait - age
	}
	q.sent = rest
	q.creating = len(batch)
	slices.SortFunc(batch, func(a, b work) int { // an album shows items in the order in which they come in
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.n, b.n))
	})
	return batch, 0
}

// sendable is called with mu held: whether a worker could take a file now.
func (q *queue) sendable(now time.Time) bool {
	return slices.ContainsFunc(q.unsent, func(w work) bool { return !w.notBefore(w.n).After(now) })
}

// pickBatch chooses the fullest batch that the oldest ready file's album, or a
// full one of another album, allows; the rest keeps its order.
func pickBatch(sent []work, now time.Time) (batch, rest []work, wait time.Duration) {
	groups := map[string]int{}
	album := ""
	found := false
	for _, w := range sent {
		if d := w.notBefore(w.n).Sub(now); d > 0 {
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		key := w.albumKey()
		if groups[key]++; !found || groups[key] == batchSize {
			album, found = key, true
		}
		if groups[key] == batchSize {
			break
		}
	}
	if !found {
		return nil, sent, wait
	}
	in := contents{}
	for _, w := range sent {
		if len(batch) == batchSize || w.albumKey() != album || w.notBefore(w.n).After(now) || !in.add(w.file(w.n)) {
			rest = append(rest, w)
			continue
		}
		batch = append(batch, w)
	}
	return batch, rest, 0
}

// contents are those of the files in a batch, by size: the hashes of that size, ""
// for a large file that stays where it is and was never hashed.
type contents map[int64][]string

// add takes a file in unless it is, or may be, equal to one that is there: Google
// refuses the second of two equal files in one batch.
func (c contents) add(f store.File) bool {
	same := c[f.Size]
	if len(same) > 0 && (f.SHA256 == "" || slices.Contains(same, f.SHA256) || slices.Contains(same, "")) {
		return false
	}
	c[f.Size] = append(same, f.SHA256)
	return true
}
