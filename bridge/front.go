package bridge

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
)

// healthEvery is the pause between two messages on gphotos/bridge/health.
const healthEvery = time.Minute

// A Front speaks for the bridge as a whole: it answers commands for entries that
// do not exist, and tells what runs here and how it does.
type Front struct {
	cfg     FrontConfig
	topics  mqttapi.Topics // of no entry
	started time.Time
	log     *logrus.Entry
	changed chan struct{} // cap 1: a connection does better or worse than health says

	mu      sync.Mutex // guards all below
	entries map[string]*Entry
	conns   map[string]mqttapi.Connection
}

// FrontConfig says what the front tells.
type FrontConfig struct {
	// Root is the first part of every topic. Setting GPHOTOS_TOPIC.
	Root string
	// Version is the bridge's.
	Version string
	// Settings are shown on gphotos/bridge/info, by variable, without secrets.
	Settings map[string]string
	// Limits are shown there too.
	Limits mqttapi.Limits
	// Store remembers which entries have run.
	Store *store.Store
	Out   Publisher
	Log   *logrus.Entry
}

// NewFront returns a front without entries.
func NewFront(cfg FrontConfig) *Front {
	return &Front{
		cfg: cfg, topics: mqttapi.Topics{Root: cfg.Root}, started: time.Now(), log: cfg.Log,
		entries: map[string]*Entry{}, conns: map[string]mqttapi.Connection{}, changed: make(chan struct{}, 1),
	}
}

// Add makes an entry known; all are added before Run.
func (f *Front) Add(e *Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries[e.cfg.Name] = e
}

// Connected notes how a connection of an entry, or of the front ("bridge"), does.
func (f *Front) Connected(name string, s mqttapi.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.conns[name]
	reconnects := before.Reconnects
	if before.Connected && !s.Connected {
		reconnects++
	}
	f.conns[name] = mqttapi.Connection{Connected: s.Connected, Since: mqttapi.At(s.Since), Reconnects: reconnects, Problem: s.Reason}
	wake(f.changed)
}

// Handle answers a command for an entry that does not exist. Those of existing
// entries are theirs.
func (f *Front) Handle(ctx context.Context, d mqttapi.Delivery) {
	defer d.Ack()
	entry, verb, ok := mqttapi.ParseTopic(f.cfg.Root, d.Topic)
	if !ok || f.known(entry) || d.Retained {
		return
	}
	topics := mqttapi.Topics{Root: f.cfg.Root, Entry: entry}
	topic := topics.Response(verb)
	var payload []byte
	var err error
	if verb == mqttapi.VerbUpload {
		topic = topics.UploadResult()
		cmd, _ := mqttapi.ParseUpload(d.Payload, entry, nil)
		payload, err = refusal(cmd, mqttapi.NewError(mqttapi.CodeUnknownEntry), nil, 0)
	} else {
		req, _ := mqttapi.ParseRequest(verb, d.Payload)
		payload, err = mqttapi.Response{Transaction: req.Transaction, Error: mqttapi.NewError(mqttapi.CodeUnknownEntry)}.Encode(0)
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err == nil {
		err = f.cfg.Out.Send(ctx, topic, payload)
	}
	if err != nil && ctx.Err() == nil {
		f.log.WithError(err).WithField("op", "answer").Warn("unknown entry not answered")
		return
	}
	f.log.WithField("kind", mqttapi.CodeUnknownEntry).Info("command refused")
}

// Run tells what runs here, and how it does every minute and whenever a
// connection changes, until ctx ends.
func (f *Front) Run(ctx context.Context) error {
	if err := f.tellInfo(); err != nil {
		return err
	}
	for {
		if err := f.tellHealth(); err != nil {
			return err
		}
		if err := sleep(ctx, f.changed, healthEvery); err != nil {
			return nil //nolint:nilerr // a stop is no failure
		}
	}
}

func (f *Front) known(entry string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[entry] != nil
}

func (f *Front) tellInfo() error {
	info := mqttapi.Info{
		Version: f.cfg.Version, Started: mqttapi.At(f.started), Entries: []string{}, Settings: f.cfg.Settings, Limits: f.cfg.Limits,
	}
	f.mu.Lock()
	for name := range f.entries {
		info.Entries = append(info.Entries, name)
	}
	f.mu.Unlock()
	payload, err := info.Encode()
	if err == nil {
		err = f.cfg.Out.Retain(f.topics.BridgeInfo(), payload)
	}
	if err != nil {
		return fmt.Errorf("tell what runs here: %w", err)
	}
	return nil
}

func (f *Front) tellHealth() error {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	health := mqttapi.Health{
		Time: mqttapi.At(time.Now()), Uptime: int64(time.Since(f.started).Seconds()), Memory: int64(memory.Sys), //nolint:gosec // far from the limit
		Goroutines: runtime.NumGoroutine(), Connections: map[string]mqttapi.Connection{}, Counters: map[string]int64{},
	}
	f.mu.Lock()
	maps.Copy(health.Connections, f.conns)
	for _, e := range f.entries {
		counted, _ := e.status.now()
		queue := e.queue.summary()
		health.Counters["uploaded"] += counted.Totals.Uploaded
		health.Counters["failed"] += counted.Totals.Failed
		health.Counters["waiting"] += int64(queue.Waiting)
		health.Counters["active"] += int64(queue.Active)
	}
	f.mu.Unlock()
	payload, err := health.Encode()
	if err == nil {
		err = f.cfg.Out.Retain(f.topics.BridgeHealth(), payload)
	}
	if err != nil {
		return fmt.Errorf("tell health: %w", err)
	}
	return nil
}
