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
	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos"
)

const (
	retainFor   = 24 * time.Hour // how long a failed job can be tried again with job/retry
	maxRetained = 1000           // how many of them there are at most; the oldest go first
)

// A job is one upload command in the store. Several goroutines go on with its files at once.
type job struct {
	of     *Uploads
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

func newJob(u *Uploads, record *store.Job) *job {
	j := &job{of: u, ID: record.ID, publishing: wake.NewLock()}
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
	j.of.queue.remove(j.ID)
	j.of.cfg.Changed()
	return nil
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

func since(r *store.Job) time.Time { return cmp.Or(r.RequeuedAt, r.Received) }

// sent: Google has all bytes.
func sent(token secret.Text, owner string, took time.Duration) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.Token, f.TokenAt, f.Took, f.Account = store.FileSent, token, wake.Wall(), took, owner
		f.Attempts, f.NotBefore = 0, time.Time{}
		f.Session, f.Received = "", 0
	}
}

// of tells whether session and token may be those of an account; versions before did not note whose they are.
func of(f *store.File, owner string) bool { return f.Account == "" || f.Account == owner }

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
			f.ErrorMessage = called(f) + " is uploaded, and its file is not deleted or moved yet."
		}
	}
}

// failed: the file is over. Without a sentence it is the code's own.
func failed(code mqttapi.Code, sentence string) func(*store.File) {
	return func(f *store.File) {
		f.Status, f.ErrorCode, f.ErrorMessage = store.FileFailed, string(code), cmp.Or(sentence, code.Sentence())
	}
}

func retriable(f store.File) bool {
	return f.Status == store.FileFailed && f.ErrorCode != string(mqttapi.CodeCancelled) && (f.Payload != "" || f.Source != nil)
}

// Cancel ends every file of a job that is still on its way, and cuts those that are being sent. What Google has made, or is just making,
// stays: nothing can be deleted there. A retained job is forgotten. Errors are *mqttapi.Error and the store's.
func (u *Uploads) Cancel(ctx context.Context, id string) (mqttapi.OneData, error) {
	return u.change(id, func(j *job) error {
		u.settled(id)
		if j.view().State == store.JobRetained {
			return j.remove(ctx, store.JobRetained)
		}
		// A stop right here sends the files again that wait, until they are cancelled in their turn.
		err := j.update(ctx, func(r *store.Job) {
			if r.State == store.JobOpen {
				r.State = store.JobCancelled
			}
		})
		if err == nil {
			err = u.failWaiting(ctx, j, failed(mqttapi.CodeCancelled, ""))
		}
		u.queue.cut(id)
		u.cfg.Changed()
		return err
	})
}

// Requeue tries a job at once: what waits waits no longer, and what failed is queued again while its bytes are there. A full account's
// hold ends; the others are Google's to end. Errors are *mqttapi.Error and the store's.
func (u *Uploads) Requeue(ctx context.Context, id string) (mqttapi.OneData, error) {
	return u.change(id, func(j *job) error {
		u.settled(id)
		again := false
		// A stop before this save leaves the job as it was; after it the next start goes on with it.
		err := j.update(ctx, func(r *store.Job) {
			if again = r.State == store.JobRetained; again {
				r.State, r.Result = store.JobOpen, nil
				r.RetainedAt, r.RequeuedAt, r.Ran = time.Time{}, wake.Wall(), u.cfg.Store.Ran()
			}
			for i := range r.Files {
				f := &r.Files[i]
				f.NotBefore = time.Time{}
				if again && retriable(*f) {
					f.Status, f.ErrorCode, f.ErrorMessage = store.FileQueued, "", ""
					f.Attempts, f.Faults, f.Received, f.Resent, f.Sought = 0, 0, 0, false, false
				}
			}
		})
		if err == nil && again {
			u.queue.add(j)
		}
		if err == nil {
			u.cfg.Account.MadeRoom()
		}
		return err
	})
}

func (u *Uploads) change(id string, do func(*job) error) (mqttapi.OneData, error) {
	err, j := errGone, u.queue.get(id)
	if j != nil {
		err = do(j)
	}
	if errors.Is(err, errGone) {
		err = mqttapi.Errorf(mqttapi.CodeNotFound, "There is no job %q in the queue, nor a failed one of the last day whose file the bridge has: send the upload again.", id)
		return mqttapi.OneData{}, err
	}
	return mqttapi.OneData{Job: new(u.jobView(j))}, err
}

func (u *Uploads) retain(ctx context.Context, j *job) error {
	var unused []string // payloads
	// A stop before this save publishes the result again; one right after it leaves payloads until the job goes.
	err := j.update(ctx, func(r *store.Job) {
		r.State, r.RetainedAt, r.Ran = store.JobRetained, wake.Wall(), u.cfg.Store.Ran()
		for i := range r.Files {
			if f := &r.Files[i]; f.Payload != "" && !retriable(*f) {
				unused = append(unused, f.Payload)
				f.Payload = ""
			}
		}
	})
	for _, payload := range unused {
		if err == nil {
			err = u.cfg.Store.RemovePayload(ctx, payload)
		}
	}
	if err != nil {
		return err
	}
	u.cfg.Changed()
	return u.cfg.Capacity.Trim(ctx, maxRetained)
}

// expire fails files after Config.MaxAge and forgets retained jobs after retainFor, until ctx ends. It sleeps until there is a job, and until one
// comes of age.
func (u *Uploads) expire(ctx context.Context) (err error) {
	some := func() (none struct{}, ok bool, wait time.Duration) { return none, len(u.queue.all()) > 0, 0 }
	for err == nil {
		if _, err = wake.Until(ctx, &u.queue.changed, some); err != nil {
			break
		}
		old, wait := u.queue.expired(u.cfg.Store.Ran(), u.cfg.MaxAge)
		for _, j := range old {
			if err = j.remove(ctx, store.JobRetained); err == nil {
				err = u.failWaiting(ctx, j, u.tooOld)
			}
			if err != nil {
				return err
			}
		}
		err = cmp.Or(u.cfg.Store.SaveRan(context.WithoutCancel(ctx)), wake.Sleep(ctx, nil, wait))
	}
	return err
}

// expired returns the jobs whose time is over, by how long the bridge has run, and how long there will be no other.
func (q *queue) expired(ran, maxAge time.Duration) (old []*job, wait time.Duration) {
	wait = min(maxAge, retainFor)
	for _, j := range q.all() {
		r := j.view()
		end := r.Ran + maxAge
		if r.State == store.JobRetained {
			end = r.Ran + retainFor
		}
		if left := end - ran; left > 0 {
			wait = min(wait, left)
		} else if r.State == store.JobRetained || !report.Over(r.Files) {
			old = append(old, j)
		}
	}
	return old, wait
}

func (u *Uploads) failWaiting(ctx context.Context, j *job, end func(*store.File)) error {
	var endings []ending
	for _, f := range u.queue.take(j) {
		endings = append(endings, ending{f, end})
	}
	return u.finish(ctx, endings...)
}

// tooOld says for what a file waited in vain: the hold, or else what went wrong with it last.
func (u *Uploads) tooOld(f *store.File) {
	code, sentence := mqttapi.CodeGoogleUnavailable, ""
	if f.Status == store.FileWaiting {
		code, sentence = mqttapi.Code(f.ErrorCode), f.ErrorMessage
	} else if h, _ := u.cfg.Account.Held(); h != nil {
		code = account.HoldCode(h)
	} else if f.ErrorCode != "" {
		code, sentence = mqttapi.Code(f.ErrorCode), f.ErrorMessage
	}
	failed(code, sentence)(f)
}
