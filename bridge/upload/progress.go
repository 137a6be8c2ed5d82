package upload

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/bridge/report"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/totals"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// progressPause is the shortest time between two progress messages of a file, and before the first one: what is faster needs none.
const progressPause = time.Second

type progress struct {
	changed wake.Flag // something may be worth publishing

	mu    sync.Mutex // guards files
	files map[file]*stage
}

// A stage is how far a file has come, from its first byte to its item.
type stage struct {
	began           time.Time
	sent, published int64 // bytes; -1 = nothing was published
	over            bool
}

func (p *progress) begin(f file) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files[f] == nil {
		p.files[f] = &stage{began: time.Now(), published: -1}
	}
}

// note changes the stage of a file that was begun. When it is over, its last message goes out if there was a first.
func (p *progress) note(f file, change func(*stage)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.files[f]; s != nil {
		change(s)
		p.changed.Set()
	}
}

func (p *progress) news() (news []mqttapi.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, s := range p.files {
		if s.over {
			delete(p.files, f)
		}
		if s.over && s.published < 0 || !s.over && (s.sent == s.published || time.Since(s.began) < progressPause) {
			continue
		}
		s.published = s.sent
		j, r := f.job.view(), f.view()
		m := mqttapi.Progress{Job: mqttapi.Optional(j.ID), Transaction: j.Transaction, File: r.Name, Sent: s.sent, Size: r.Size, Stage: mqttapi.StageSending}
		if s.over {
			m.Stage = mqttapi.StageDone
		} else if r.Status == store.FileSent {
			m.Stage = mqttapi.StageCreating
		}
		news = append(news, m)
	}
	return news
}

// resting reports whether nothing is shown of a file that is on its way.
func (p *progress) resting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.files {
		if s.published >= 0 {
			return false
		}
	}
	return true
}

// publishProgress publishes E/upload/progress until ctx ends. A message that the broker does not take is not worth keeping, but the one that
// stands between uploads is retained: who comes then, as Home Assistant after its start, has a value to show.
func (u *Uploads) publishProgress(ctx context.Context) error {
	rest, err := mqttapi.Progress{Stage: mqttapi.StageIdle}.Encode()
	if err == nil {
		err = u.cfg.Retain(u.cfg.Topics.Progress(), rest)
	}
	for err == nil && wake.Sleep(ctx, u.progress.changed, 0) == nil {
		news := u.progress.news()
		for _, m := range news {
			payload, err := m.Encode()
			if err != nil {
				return err
			}
			send, cancel := context.WithTimeout(ctx, progressPause)
			_ = u.cfg.Send(send, u.cfg.Topics.Progress(), payload)
			cancel()
		}
		if len(news) > 0 && u.progress.resting() {
			err = u.cfg.Retain(u.cfg.Topics.Progress(), rest)
		}
		_ = wake.Sleep(ctx, nil, progressPause)
	}
	return err
}

// Totals are what E/state says of uploads that are over.
func (u *Uploads) Totals() *totals.Totals { return u.totals }

// settled says that a job's error does not matter any more: it is tried again, or nobody wants it.
func (u *Uploads) settled(job string) {
	u.totals.Settled(job)
	u.cfg.Changed()
}

// Summary is the queue as E/state shows it.
func (u *Uploads) Summary() mqttapi.Queue {
	u.queue.mu.Lock()
	q := u.queue
	s := mqttapi.Queue{Waiting: len(q.waiting) + len(q.taking) + len(q.queued) + len(q.sent), Active: len(q.active)}
	u.queue.mu.Unlock()
	var oldest time.Time
	first := "" // job with a file that waits
	for _, j := range u.queue.all() {
		r := j.view()
		for _, f := range r.Files {
			if report.OnItsWay(f.Status) {
				s.Bytes += f.Size
			}
		}
		if w := report.Waits(r); w != nil && (first == "" || r.ID < first) {
			s.Waits, first = w, r.ID
		}
		if at := since(r); !report.Over(r.Files) && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	s.Oldest = mqttapi.At(oldest)
	return s
}

// List tells what is queued and why it waits, oldest first.
func (u *Uploads) List() []mqttapi.Job {
	jobs := []mqttapi.Job{}
	for _, j := range u.queue.all() {
		jobs = append(jobs, u.jobView(j))
	}
	slices.SortFunc(jobs, func(a, b mqttapi.Job) int { return cmp.Compare(a.Job, b.Job) })
	return jobs
}

func (u *Uploads) jobView(j *job) mqttapi.Job {
	held, _ := u.cfg.Account.Held()
	return report.Job(j.view(), held)
}
