package bridge

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/mqttapi"
)

// progressPause is the shortest time between two progress messages of a file,
// and before the first one: what is faster needs none.
const progressPause = time.Second

// progress counts the bytes of files that are being sent.
type progress struct {
	mu      sync.Mutex // guards all below
	files   map[work]*sending
	changed chan struct{} // cap 1: something may be worth telling
}

// A sending file, from its first byte to its item.
type sending struct {
	since time.Time
	sent  int64
	told  int64 // -1 = nothing was told
	over  bool
}

func newProgress() *progress {
	return &progress{files: map[work]*sending{}, changed: make(chan struct{}, 1)}
}

// begin says that a file is being sent from now on.
func (p *progress) begin(w work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files[w] == nil {
		p.files[w] = &sending{since: time.Now(), told: -1}
	}
}

// sent says how many bytes Google has been sent of a file.
func (p *progress) sent(w work, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.files[w]
	if s == nil {
		return
	}
	s.sent = n
	if time.Since(s.since) >= progressPause {
		wake(p.changed)
	}
}

// end says that a file is over. Its last message goes out if there was a first.
func (p *progress) end(w work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.files[w]
	if s == nil {
		return
	}
	if s.told < 0 {
		delete(p.files, w)
		return
	}
	s.over = true
	wake(p.changed)
}

// news returns what is to be told now, and forgets files that are over.
func (p *progress) news(now time.Time) map[work]sending {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := map[work]sending{}
	for w, s := range p.files {
		if s.over {
			delete(p.files, w)
		} else if s.sent == s.told || now.Sub(s.since) < progressPause {
			continue
		}
		s.told = s.sent
		news[w] = *s
	}
	return news
}

// tellProgress publishes E/upload/progress, at most once a second for a file,
// until ctx ends. A message that the broker does not take is not worth keeping.
func (e *Entry) tellProgress(ctx context.Context) error {
	for {
		if err := sleep(ctx, e.progress.changed, 0); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
		for w, s := range e.progress.news(time.Now()) {
			payload, err := progressOf(w, s).Encode()
			if err != nil {
				return err
			}
			send, cancel := context.WithTimeout(ctx, progressPause)
			_ = e.out.Send(send, e.topics.Progress(), payload)
			cancel()
		}
		if err := sleep(ctx, nil, progressPause); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

func progressOf(w work, s sending) mqttapi.Progress {
	r := w.view()
	f := r.Files[w.n]
	p := mqttapi.Progress{
		Job: r.ID, Transaction: r.Transaction, File: f.Name, Sent: s.sent, Size: f.Size,
		Stage: mqttapi.StageSending,
	}
	switch {
	case s.over:
		p.Stage = mqttapi.StageDone
	case f.Token != "":
		p.Stage = mqttapi.StageCreating
	}
	return p
}
