// Package upload brings files to Google and tells what became of them. It is the only place that knows the states of a job.
//
// The inbox makes each command a job in the store before it is acknowledged. From then on takers look again at files that cannot be read yet,
// senders bring the bytes of the others to Google, one writer makes items of them, and the job leaves the store only when the outbox has brought
// its result to the broker. Memory holds a picture of the store: jobs, and the queue of their files.
//
// # The states of a file
//
// Sending and creating are in memory alone: after a stop such a file is queued or sent, as the store has it. A file of a path waits while it
// is not there, not complete, or its media folder does not answer; takers look again.
//
//	from      event                        to        by        saved before the step counts
//	-         command accepted             queued    Accept    payload, then the job
//	-         the same, cannot be read yet waiting   Accept    the job
//	waiting   read after all               queued    taker     payload, then the file; of a large file what it is known by
//	waiting   a pattern finds files        waiting   taker     the files
//	made      its file is put aside        made      taker     where it goes, before each step
//	waiting   waits for something else     waiting   taker     wait and reason
//	waiting   refused; waited in vain      failed    taker     reason, result if it was the last file
//	queued    taken, nothing holds it      sending   sender    -
//	sending   session begun                sending   sender    the session
//	sending   Google has all bytes         sent      sender    upload token; session dropped
//	sending   fault, hold                  queued    sender    wait and reason
//	sending   its media folder is away     waiting   sender    wait and reason
//	sending   session lost or refused      queued    sender    session dropped
//	sending   another account is linked    queued    sender    session dropped
//	sending   stop                         queued    sender    -
//	sending   refused; cancelled           failed    sender    reason, result if it was the last file
//	sent      its batch is due             creating  writer    -
//	creating  item made or found           done      writer    item, result if it was the last file
//	creating  the same, and "after" is wanted made      writer    item
//	made      file deleted, moved or kept  done      taker     outcome, result if it was the last file
//	creating  fault, hold                  sent      writer    wait and reason
//	creating  token too old or refused     queued    writer    token dropped
//	creating  another account is linked    queued    writer    token dropped
//	creating  album of a title is gone     sent      writer    album id dropped
//	creating  stop could not wait          sent      writer    -
//	creating  refused                      failed    writer    reason, result if it was the last file
//	waiting   cancelled; too old           failed    Cancel, expire   reason, result if it was the last file
//	queued    cancelled; too old           failed    Cancel, expire   reason, result if it was the last file
//	sent      cancelled; too old           failed    Cancel, expire   reason, result if it was the last file
//	failed    its job is requeued          queued    Requeue   the job
//
// # The states of a job
//
//	from      event                        to        by        saved before the step counts
//	-         command accepted             open      Accept    the job
//	open      job/cancel                   cancelled Cancel    the job
//	open      the last file is over        finished  finish    the job with its result
//	cancelled the last file is over        finished  finish    the job with its result
//	finished  broker has the result        removed   outbox    receipt, then removal
//	finished  the same, with failed files  retained  outbox    receipt, then the job
//	retained  job/retry                    open      Requeue   the job
//	retained  a day over, room needed, job/cancel   removed   retention   removal
//
// An error of the store ends the process: after a failed write the truth is on the disk, not in memory.
package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/bridge/albums"
	"gphotos2mqtt/bridge/capacity"
	"gphotos2mqtt/bridge/dedupe"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/totals"
	"gphotos2mqtt/bridge/upload/intake"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
)

// Config says whose uploads they are and what they work with.
type Config struct {
	Topics     mqttapi.Topics
	Album      string        // title of the album for uploads that name none; empty = none
	MaxPublish func() int    // the largest payload that is published now, in bytes
	MaxAge     time.Duration // how long an upload may wait for Google before it fails
	Senders    int           // how many files are sent at a time
	Turns      wake.Turns    // for a file that is sent, shared with other entries
	Patience   media.Patience
	Machine    string // this machine's name, when the entry may move to others; empty = it does not
	// Seek is told, again and again, of a file that is not here, as it was seen on a machine. It must not wait. Needed with Machine.
	Seek func(seen store.Source, machine string)

	Store    *store.Store
	Media    *media.Folders
	Capacity *capacity.Capacity
	Google   *photos.Client
	Account  *account.Account
	Albums   *albums.Albums
	Log      *logrus.Entry
	Library  Library                                                       // told what uploads change there
	Changed  func()                                                        // called when E/state may no longer be true; it must not wait
	Send     func(ctx context.Context, topic string, payload []byte) error // once; returns when the broker has it, or with ctx's error
	Retain   func(topic string, payload []byte) error                      // at the topic from now on
}

// owner is the id of the Google account that is linked now.
func (c *Config) owner() string { return c.Account.Link().State().Account.ID }

// Library are the ties to what is known of albums and items.
type Library struct {
	Had          func(itemID string, at time.Time) bool          // whether an item was known at a time
	Uploaded     func(albumID string, items []photos.Item)       // a batch has made or found these
	AlbumCreated func(photos.Album)                              // for an upload
	AlbumGone    func(ctx context.Context, albumID string) error // Google does not know it
}

// Uploads are the uploads of one entry: the parts that bring them to Google, each with what it alone changes.
type Uploads struct {
	cfg      Config
	queue    *queue
	jobs     *jobs
	inbox    *inbox
	taker    *taker
	sender   *sender
	writer   *writer
	outcomes *outcomes
	progress *progress
	outbox   *outbox
	leave    []func() // what is shared with other entries
}

// Open loads the entry's jobs, which go on where they stopped.
func Open(ctx context.Context, cfg Config) (*Uploads, error) {
	var broken []string
	records, err := cfg.Store.Jobs(ctx, cfg.Topics.Entry)
	if damaged, ok := errors.AsType[*store.DamagedError](err); ok {
		cfg.Log.WithError(damaged).WithField("op", "load jobs").Error("queued uploads are damaged and cannot go on")
		broken, err = damaged.IDs, nil
	}
	index, recognising := dedupe.Open(ctx, cfg.Store, cfg.Topics.Entry, records)
	counts, counting := totals.Open(ctx, cfg.Store, cfg.Topics.Entry)
	if err = errors.Join(err, recognising, counting); err != nil {
		return nil, fmt.Errorf("load uploads of %s: %w", cfg.Topics.Entry, err)
	}
	u := build(cfg, index, counts, broken)
	for _, r := range records {
		cfg.Capacity.Exchange(capacity.Room{}, capacity.Of(r))
		if j := u.jobs.add(r); !r.Accepted || r.State == store.JobFinished {
			u.outbox.add(j)
		}
	}
	u.leave = []func(){cfg.Capacity.Share(u.jobs.oldestRetained), cfg.Media.Watch(u.queue.changed.Wake)}
	cfg.Account.Watch(u.queue.changed.Wake)
	return u, nil
}

// build makes the parts. Each knows those that it names, and all of them the settings.
func build(cfg Config, index *dedupe.Index, counts *totals.Totals, damaged []string) *Uploads {
	u := &Uploads{cfg: cfg, queue: newQueue(cfg.Account.Held, cfg.Changed)}
	in := intake.New(intake.Config{
		MaxPublish: cfg.MaxPublish, Patience: cfg.Patience, Machine: cfg.Machine, Seek: cfg.Seek,
		Store: cfg.Store, Media: cfg.Media, Capacity: cfg.Capacity,
	})
	u.jobs = newJobs(&u.cfg, index, u.queue)
	u.progress = newProgress(&u.cfg)
	u.outbox = &outbox{cfg: &u.cfg, dedupe: index, damaged: damaged}
	u.outcomes = &outcomes{cfg: &u.cfg, queue: u.queue, progress: u.progress, totals: counts, outbox: u.outbox}
	u.inbox = &inbox{cfg: &u.cfg, intake: in, dedupe: index, jobs: u.jobs, queue: u.queue, outbox: u.outbox, totals: counts}
	u.taker = &taker{cfg: &u.cfg, intake: in, queue: u.queue, outcomes: u.outcomes}
	u.sender = &sender{cfg: &u.cfg, intake: in, queue: u.queue, progress: u.progress, outcomes: u.outcomes}
	u.writer = &writer{cfg: &u.cfg, queue: u.queue, outcomes: u.outcomes}
	return u
}

// Close gives back the room of the jobs, which stay in the store, after all that Work and Publish name has ended.
func (u *Uploads) Close() {
	for _, leave := range u.leave {
		leave()
	}
	for _, j := range u.jobs.all() {
		j.close()
	}
}

// Work are the tasks that bring files to Google. A stop cuts the files that are being sent, and the batch in hand is finished.
func (u *Uploads) Work() []task.Task {
	return []task.Task{
		{Name: "take files", Run: u.taker.run},
		{Name: "send files", Run: u.sender.run},
		{Name: "create items", Run: u.writer.run},
		{Name: "expire jobs", Run: func(ctx context.Context) error { return u.jobs.expire(ctx, u.outcomes.giveUp) }},
		{Name: "publish progress", Run: u.progress.run},
	}
}

// Publish are the tasks that publish results. They outlive those of Work, so that the last results go out; see Drain.
func (u *Uploads) Publish() []task.Task {
	return []task.Task{
		{Name: "publish results", Run: u.outbox.run},
		{Name: "publish damaged jobs", Run: u.outbox.publishDamaged},
	}
}

// Drain waits until the broker has all results, but not longer than ctx.
func (u *Uploads) Drain(ctx context.Context) { u.outbox.drain(ctx) }

// Accept makes one upload command durable. An answer is of a command that leaves nothing behind, to be published before it is acknowledged;
// without one the command is durable. An error is ctx's or the store's: without acknowledgement the broker delivers it again. The payload is
// released as soon as it is not needed.
func (u *Uploads) Accept(ctx context.Context, d *broker.Delivery) (answer []byte, err error) {
	return u.inbox.accept(ctx, d)
}

// Refuse makes the answer to a command that is not carried out.
func (u *Uploads) Refuse(cmd mqttapi.Upload, cause *mqttapi.Error) ([]byte, error) {
	return u.inbox.refuse(cmd, cause)
}

// Dedupe recognises commands that come again, also requests.
func (u *Uploads) Dedupe() *dedupe.Index { return u.inbox.dedupe }

// Totals are what E/state says of uploads that are over.
func (u *Uploads) Totals() *totals.Totals { return u.outcomes.totals }

// Idle reports whether nothing is on its way to Google.
func (u *Uploads) Idle() bool { return u.queue.idle() }

// AwaitIdle waits until no upload is on its way, but not longer than most. Its error is ctx's.
func (u *Uploads) AwaitIdle(ctx context.Context, most time.Duration) error {
	end := time.Now().Add(most)
	_, err := wake.Until(ctx, &u.queue.changed, func() (none struct{}, ok bool, wait time.Duration) {
		wait = time.Until(end)
		return none, u.queue.idle() || wait <= 0, wait
	})
	return err
}

// NeedsMachine reports whether a file is to be sent next, or is being sent, that stays on this machine: the entry should not move now.
func (u *Uploads) NeedsMachine() bool { return u.queue.needsMachine() }

// Sweep removes payloads without a job in the store, left by a crash. It is called once, before commands are taken.
func Sweep(ctx context.Context, s *store.Store) error {
	named, err := s.PayloadNames(ctx)
	if err == nil {
		_, err = s.SweepPayloads(ctx, named)
	}
	return err
}
