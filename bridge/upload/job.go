package upload

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/upload/intake"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

// A job is one upload command in the store. Several goroutines go on with its files at once.
type job struct {
	of     *jobs
	ID     string                    // never changes
	record atomic.Pointer[store.Job] // stored by who holds saving; neither a record nor its Files change in place

	publishing wake.Lock  // held by who publishes what became of the job, across the publish
	saving     sync.Mutex // held by who changes the record, across the save
	gone       bool       // in the store no more, or no longer changed from here; guarded by saving
}

type file struct {
	*job
	n int
}

var errGone = errors.New("the job is gone")

func newJob(of *jobs, record *store.Job) *job {
	j := &job{of: of, ID: record.ID, publishing: wake.NewLock()}
	j.record.Store(record)
	return j
}

// update changes the record and saves it: only when the change survives a stop, others see it. The room that the job takes follows.
func (j *job) update(ctx context.Context, change func(*store.Job)) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if j.gone {
		return errGone
	}
	r := j.changed(change)
	err := j.of.cfg.Store.SaveJob(ctx, r)
	if err == nil {
		j.of.cfg.Capacity.Exchange(capacity.Of(j.view()), capacity.Of(r))
		j.record.Store(r)
	}
	return err
}

// note changes the record in memory alone: what may be forgotten in a stop. It goes to the store with the next update.
func (j *job) note(change func(*store.Job)) {
	j.saving.Lock()
	defer j.saving.Unlock()
	j.record.Store(j.changed(change))
}

func (j *job) changed(change func(*store.Job)) *store.Job {
	r := *j.view()
	r.Files = slices.Clone(r.Files)
	change(&r)
	return &r
}

// remove removes the job and its payloads, unless it is no longer in the state.
func (j *job) remove(ctx context.Context, state store.JobState) error {
	return j.removeBy(state, func(r *store.Job) error { return j.of.cfg.Store.RemoveJob(ctx, r) })
}

func (j *job) finish(ctx context.Context, receipt store.Receipt) error {
	return j.removeBy(store.JobFinished, func(r *store.Job) error { return j.of.dedupe.Finish(ctx, r, receipt) })
}

func (j *job) removeBy(state store.JobState, remove func(*store.Job) error) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if j.gone || j.view().State != state {
		return nil
	}
	r := *j.view()
	if err := remove(&r); err != nil {
		return err
	}
	j.gone = true
	j.of.cfg.Capacity.Exchange(capacity.Of(&r), capacity.Room{})
	j.of.remove(j.ID)
	j.of.cfg.Changed()
	return nil
}

// retain keeps a job whose result is published, with the payloads that can be tried again.
func (j *job) retain(ctx context.Context) error {
	var unused []string // payloads
	// A stop before this save publishes the result again; one right after it leaves payloads until the job goes.
	err := j.update(ctx, func(r *store.Job) {
		r.State, r.RetainedAt, r.Ran = store.JobRetained, wake.Wall(), j.of.cfg.Store.Ran()
		for i := range r.Files {
			if f := &r.Files[i]; f.Payload != "" && !retriable(*f) {
				unused = append(unused, f.Payload)
				f.Payload = ""
			}
		}
	})
	for _, payload := range unused {
		if err == nil {
			err = j.of.cfg.Store.RemovePayload(ctx, payload)
		}
	}
	if err != nil {
		return err
	}
	j.of.cfg.Changed()
	return j.of.cfg.Capacity.Trim(ctx, maxRetained)
}

// close leaves the job in the store, for who opens it next.
func (j *job) close() {
	j.saving.Lock()
	defer j.saving.Unlock()
	if !j.gone {
		j.gone = true
		j.of.cfg.Capacity.Exchange(capacity.Of(j.view()), capacity.Room{})
	}
}

// view returns the record as it is now, to be read only.
func (j *job) view() *store.Job { return j.record.Load() }

func (f file) view() *store.File { return &f.record.Load().Files[f.n] }

func (f file) update(ctx context.Context, change func(*store.File)) error {
	return f.job.update(ctx, func(r *store.Job) { change(&r.Files[f.n]) })
}

// sent: Google has all bytes.
func sent(token secret.Text, owner string, took time.Duration) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.Token, f.TokenAt, f.Took, f.Account = store.FileSent, token, wake.Wall(), took, owner
		f.Attempts, f.NotBefore = 0, time.Time{}
		f.Session, f.Received = "", 0
	}
}

// ownedBy tells whether session and token may be those of an account; versions before did not note whose they are.
func ownedBy(f *store.File, owner string) bool { return f.Account == "" || f.Account == owner }

// disown begins a file anew whose session or token is another account's, as is the album that a title has found.
func (f file) disown(ctx context.Context) error {
	return f.job.update(ctx, func(r *store.Job) {
		f := &r.Files[f.n]
		sendAgain(f)
		f.Account, f.Resent, f.Sought, f.Attempts, f.Faults, f.NotBefore = "", false, false, 0, 0, time.Time{}
		if r.Album.Title != "" {
			r.Album.ID, r.Album.Created = "", false
		}
	})
}

func sendAgain(f *store.File) {
	f.Status, f.Token, f.TokenAt = store.FileQueued, "", time.Time{}
	f.Session, f.Received = "", 0
}

// putOff: the policy lets the file wait, or another way is tried. It stays queued or sent unless its bytes have to be sent again.
func putOff(r *store.Job, n int, d account.Decision) {
	f := &r.Files[n]
	f.Attempts++
	r.Attempts++
	f.ErrorCode, f.ErrorMessage = string(d.Code), d.Sentence
	if d.Fault {
		f.Faults++
	}
	switch d.Action {
	case account.Retry:
		f.NotBefore, f.Pause = d.At, d.Wait
	case account.Resend:
		f.NotBefore, f.Pause = d.At, d.Wait
		f.Resent = f.Resent || f.Status == store.FileSent
		sendAgain(f)
	case account.FindAlbum:
		r.Album.ID, f.Sought = "", true
	case account.HoldEntry, account.HoldProject, account.Relink, account.Fail:
	}
}

func done(item photos.Item, duplicate bool) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.ItemID, f.ProductURL, f.Duplicate = store.FileDone, item.ID, item.ProductURL, duplicate
		f.ErrorCode, f.ErrorMessage = "", ""
		if f.After != nil {
			f.Status, f.Wait = store.FileMade, &store.Wait{Reason: string(mqttapi.WaitAfter), Since: wake.Wall()}
			f.ErrorMessage = intake.Called(f) + " is uploaded, and its file is not deleted or moved yet."
		}
	}
}

// failed: the file is over. Without a sentence it is the code's own.
func failed(code mqttapi.Code, sentence string) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.ErrorCode, f.ErrorMessage = store.FileFailed, string(code), cmp.Or(sentence, code.Sentence())
	}
}

func cancelled(f *store.File) { failed(mqttapi.CodeCancelled, "")(f) }

func retriable(f store.File) bool {
	return f.Status == store.FileFailed && f.ErrorCode != string(mqttapi.CodeCancelled) && (f.Payload != "" || f.Source != nil)
}
