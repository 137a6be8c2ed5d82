package upload

import (
	"context"
	"sync"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
)

// progressPause is the shortest time between two progress messages of a file, and before the first one: what is faster needs none.
const progressPause = time.Second

// A progress is how far the files on their way to Google have come.
type progress struct {
	cfg     *Config
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

func newProgress(cfg *Config) *progress {
	return &progress{cfg: cfg, changed: wake.NewFlag(), files: map[file]*stage{}}
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

// run publishes E/upload/progress until ctx ends. A message that the broker does not take is not worth keeping, but the one that
// stands between uploads is retained: who comes then, as Home Assistant after its start, has a value to show.
func (p *progress) run(ctx context.Context) error {
	rest, err := mqttapi.Progress{Stage: mqttapi.StageIdle}.Encode()
	if err == nil {
		err = p.cfg.Retain(p.cfg.Topics.Progress(), rest)
	}
	for err == nil && wake.Sleep(ctx, p.changed, 0) == nil {
		news := p.news()
		for _, m := range news {
			payload, err := m.Encode()
			if err != nil {
				return err
			}
			send, cancel := context.WithTimeout(ctx, progressPause)
			_ = p.cfg.Send(send, p.cfg.Topics.Progress(), payload)
			cancel()
		}
		if len(news) > 0 && p.resting() {
			err = p.cfg.Retain(p.cfg.Topics.Progress(), rest)
		}
		_ = wake.Sleep(ctx, nil, progressPause)
	}
	return err
}
