package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const ownerKey = "owner." // starts the keys of the owner records, in the bucket of the records

// An owner is an entry's owner record. Who takes the entry writes it by compare-and-set: its revision is the fence of that owner's writes.
type owner struct {
	Process string `json:"process"`      // "" = nobody
	To      string `json:"to,omitempty"` // with nobody: who is to take it

	revision uint64 // 0 = there is none
}

// A member is a process as this one sees it.
type member struct {
	lease    lease
	revision uint64        // of its key, or of the marker that it is gone; 0 = it was never seen
	seen     time.Duration // by now: when its key came last
	gone     bool          // its key is not there
}

// errTaken is the error of taking what somebody else has taken.
var errTaken = errors.New("another process has taken it")

// Why a run ends in order, for the log.
var (
	errMoved    = fmt.Errorf("it is given to another process: %w", context.Canceled)
	errUnwanted = fmt.Errorf("it was removed: %w", context.Canceled)
)

// take makes this process the owner of an entry, if its record is still as it was seen, and returns the fence.
func (f *Fleet) take(ctx context.Context, entry string, at owner) (uint64, error) {
	return f.write(ctx, f.shared.Records, ownerKey+entry, at.revision, owner{Process: f.cfg.Process})
}

// giveUp leaves an entry to others. When this fails, or is never reached, they take it once the lease has ended.
func (f *Fleet) giveUp(r *run, entry string) {
	f.mu.Lock()
	fence, lost, gone := r.fence, r.lost, !f.wanted(entry)
	to := r.to
	f.mu.Unlock()
	if fence == 0 || lost {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), recordLimit)
	defer cancel()
	var err error
	if gone {
		err = f.shared.Records.Delete(ctx, ownerKey+entry, jetstream.LastRevision(fence))
	} else {
		_, err = f.write(ctx, f.shared.Records, ownerKey+entry, fence, owner{To: to})
	}
	if err != nil {
		f.cfg.Log.WithField("entry", entry).WithError(err).Warn("entry is not handed over, and taken over once the lease has ended")
	}
}

// write replaces a record that is at the revision, and returns its new one.
func (f *Fleet) write(ctx context.Context, bucket jetstream.KeyValue, key string, revision uint64, v any) (uint64, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	revision, err = bucket.Update(ctx, key, value, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, errTaken
	}
	return revision, err
}

// bury makes sure that processes which have been silent for too long are gone, and returns how long until the next may be; 0 = no other is
// there. By compare-and-set: one that has renewed its lease meanwhile, unseen, lives.
func (f *Fleet) bury(ctx context.Context) time.Duration {
	f.mu.Lock()
	if !f.known || f.now() >= f.deadline { // as long as we have no lease ourselves, nothing that we see is new
		f.mu.Unlock()
		return 0
	}
	for _, o := range f.owners {
		if _, ok := f.members[o.Process]; !ok && o.Process != "" {
			f.members[o.Process] = member{seen: f.now() - f.shared.Lease - f.cfg.Renew} // it is not there, as far as we see
		}
	}
	silent, next := map[string]uint64{}, time.Duration(0)
	for id, m := range f.members {
		left := m.seen + f.shared.Lease + f.cfg.Renew/5 - f.now()
		if m.gone {
			left = m.seen + f.cfg.Stop - f.now()
		}
		switch {
		case id == f.cfg.Process || m.gone && left <= 0:
		case left <= 0:
			silent[id] = m.revision
			next = f.cfg.Renew // should that fail
		case next == 0 || left < next:
			next = left
		}
	}
	f.mu.Unlock()
	for id, revision := range silent {
		if err := f.remove(ctx, id, revision); err != nil {
			f.again.Set() // perhaps it has renewed its lease, and we have not seen it
		} else {
			f.cfg.Log.WithField("other", id).Warn("another process is silent, and its entries are taken over")
			f.see(id, func(m *member) { m.gone, m.revision = true, max(m.revision, 1) })
		}
	}
	return next
}

// remove takes a process's key away if it is at the revision, which 0 says of one that is not there.
func (f *Fleet) remove(ctx context.Context, id string, revision uint64) error {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	if revision != 0 {
		return f.shared.Processes.Delete(ctx, id, jetstream.LastRevision(revision))
	}
	m := nats.NewMsg(fmt.Sprintf("$KV.%s.%s", f.shared.Processes.Bucket(), id))
	m.Header.Set("KV-Operation", "DEL")
	_, err := f.shared.JetStream.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(0))
	return err
}

// lives reports whether a process still may run what it owns: it is not gone, or was heard of too short a time ago, whatever the clocks of
// the cluster's servers say. The caller holds mu.
func (f *Fleet) lives(id string) bool {
	m, ok := f.members[id]
	return id != "" && (!ok || !m.gone || f.now() < m.seen+f.cfg.Stop)
}

// see changes what is known of a process.
func (f *Fleet) see(id string, change func(*member)) {
	f.mu.Lock()
	m := f.members[id]
	change(&m)
	f.members[id] = m
	f.mu.Unlock()
	f.changed.Set()
}

// watch follows the processes and the owners until ctx ends.
func (f *Fleet) watch(ctx context.Context) error {
	f.shared.Watch(ctx, "fleet", f.watchOnce)
	return nil
}

// watchOnce reads all that there is and follows it, until it is to be read anew. Owners come first: of each, the process is there by then.
func (f *Fleet) watchOnce(ctx context.Context, begun func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(f.shared.Lease, cancel)
	owners, err := f.shared.Records.Watch(ctx, ownerKey+"*")
	if err != nil {
		return fmt.Errorf("watch owners: %w", err)
	}
	defer owners.Stop() //nolint:errcheck // it ends with the connection, too
	var first []jetstream.KeyValueEntry
	if first, err = initial(ctx, owners); err != nil {
		return fmt.Errorf("read owners: %w", err)
	}
	processes, err := f.shared.Processes.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch processes: %w", err)
	}
	defer processes.Stop() //nolint:errcheck // the same
	there, err := initial(ctx, processes)
	if err != nil {
		return fmt.Errorf("read processes: %w", err)
	}
	late.Stop()
	f.begun(first, there)
	begun()
	for {
		select {
		case e, ok := <-owners.Updates():
			if !ok {
				return errors.New("the owners are not watched any more")
			}
			f.sawOwner(e)
		case e, ok := <-processes.Updates():
			if !ok {
				return errors.New("the processes are not watched any more")
			}
			f.sawProcess(e)
		case <-f.again:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// initial reads what is there when a watch begins.
func initial(ctx context.Context, w jetstream.KeyWatcher) (entries []jetstream.KeyValueEntry, err error) {
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return nil, errors.New("the watch has ended")
			}
			if e == nil {
				return entries, nil
			}
			entries = append(entries, e)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begun replaces what was known by what is there. Of a process that has not changed since, the time counts at which it was seen then.
func (f *Fleet) begun(owners, processes []jetstream.KeyValueEntry) {
	f.mu.Lock()
	before := f.members
	f.owners, f.members, f.known = map[string]owner{}, map[string]member{}, true
	f.mu.Unlock()
	for _, e := range owners {
		f.sawOwner(e)
	}
	for _, e := range processes {
		f.sawProcess(e)
		if was, ok := before[e.Key()]; ok && was.revision == e.Revision() {
			f.see(e.Key(), func(m *member) { m.seen = was.seen })
		} else if gone(e) {
			f.see(e.Key(), func(m *member) { m.seen = was.seen })
		}
	}
}

func gone(e jetstream.KeyValueEntry) bool { return e.Operation() != jetstream.KeyValuePut }

func (f *Fleet) sawOwner(e jetstream.KeyValueEntry) {
	if e == nil {
		return
	}
	entry, o := strings.TrimPrefix(e.Key(), ownerKey), owner{}
	if !gone(e) {
		_ = json.Unmarshal(e.Value(), &o) // what nobody understands is nobody's
	}
	o.revision = e.Revision()
	f.mu.Lock()
	f.owners[entry] = o
	if r := f.runs[entry]; r != nil && r.fence != 0 && o.revision > r.fence && !r.lost {
		r.lose(taken)
	}
	f.mu.Unlock()
	f.changed.Set()
}

func (f *Fleet) sawProcess(e jetstream.KeyValueEntry) {
	if e == nil {
		return
	}
	if e.Key() == f.cfg.Process && gone(e) && e.Revision() > f.revision() {
		f.mu.Lock()
		f.deadline = min(f.deadline, f.now())
		f.mu.Unlock()
		f.extended.Set()
		f.urgent.Set()
	}
	var report []byte
	f.see(e.Key(), func(m *member) {
		if m.revision = e.Revision(); gone(e) {
			m.gone = true
			return
		}
		*m = member{revision: e.Revision(), seen: f.now()}
		_ = json.Unmarshal(e.Value(), &m.lease) // of another version: it is there all the same
		report = m.lease.Report
	})
	if f.cfg.Seen != nil {
		f.cfg.Seen(e.Key(), report)
	}
}
