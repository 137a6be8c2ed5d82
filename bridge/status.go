package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/homeassistant"
	"gphotos2mqtt/bridge/library"
	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

const (
	healthEvery  = time.Minute      // between two messages on gphotos/bridge/health
	healthOfMany = 15 * time.Second // the same, of several processes
	logLines     = 64               // how many lines may wait to be published; more are dropped, since the log itself has them
)

// A Status speaks for the bridge as a whole: it answers commands for unknown entries, and publishes what runs here and how it does.
type Status struct {
	cfg     StatusConfig
	topics  mqttapi.Topics // of no entry
	started time.Time
	changed wake.Flag // a connection does better or worse than health says
	removed homeassistant.Removed

	identified wake.Lock // held by a request with an id, while it is carried out

	mu      sync.Mutex // guards all below
	names   []string   // of the entries that there are, here or elsewhere, in order
	entries map[string]*Entry
	conns   map[string]mqttapi.Connection
	others  map[string][2]int // how many entries and connections each process has, as it last reported
}

// StatusConfig says what the status shows.
type StatusConfig struct {
	Root     string            // the first part of every topic, setting GPHOTOS_TOPIC
	Prefix   string            // where Home Assistant looks for devices; empty = no discovery
	Version  string            // the bridge's
	Settings map[string]string // shown on gphotos/bridge/info, by variable, without secrets
	Limits   mqttapi.Limits    // shown there too
	Store    *store.Store      // remembers which entries have run
	Media    *media.Folders    // shown on gphotos/bridge/health
	Out      Publisher
	Log      *logrus.Entry
	// Request carries out a request to the bridge as a whole; nil = there is none. Errors are *mqttapi.Error and what is to be logged.
	Request func(ctx context.Context, params any) (data any, err error)

	Process, Machine string                   // of several processes, this one; empty = it is alone
	Processes        func() map[string]Report // all of them, by id; nil = it is alone
	Changed          func()                   // its Report says something else now; nil = it is alone
}

// NewStatus returns a status without entries.
func NewStatus(cfg StatusConfig) *Status {
	return &Status{
		cfg: cfg, topics: mqttapi.Topics{Root: cfg.Root}, started: time.Now(), changed: wake.NewFlag(),
		entries: map[string]*Entry{}, conns: map[string]mqttapi.Connection{}, others: map[string][2]int{}, identified: wake.NewLock(),
		removed: homeassistant.Removed{
			Root: cfg.Root, Store: cfg.Store, Clear: cfg.Out.Clear, Log: cfg.Log,
			Listed: func(ctx context.Context, entry string) ([]string, error) {
				return library.ListedAlbums(ctx, cfg.Store, entry)
			},
		},
	}
}

// Know says which entries there are. Before one of them runs, it is noted where it keeps topics and a session at the broker: a stop in
// between notes what never was, and clearing that does no harm.
func (s *Status) Know(ctx context.Context, names []string) error {
	s.mu.Lock()
	s.names = slices.Sorted(slices.Values(names))
	s.mu.Unlock()
	s.changed.Set()
	if err := s.recordSessions(ctx); err != nil {
		return err
	}
	return s.removed.RecordTopics(ctx, s.presences())
}

// Add counts a running entry in, until it leaves.
func (s *Status) Add(e *Entry) (leave func()) {
	s.mu.Lock()
	s.entries[e.cfg.Name] = e
	s.mu.Unlock()
	s.change()
	return func() {
		s.mu.Lock()
		delete(s.entries, e.cfg.Name)
		delete(s.conns, e.cfg.Name)
		s.mu.Unlock()
		s.change()
	}
}

func (s *Status) change() {
	s.changed.Set()
	if s.cfg.Changed != nil {
		s.cfg.Changed()
	}
}

// Connected notes how a connection of an entry, or of the status ("bridge"), does.
func (s *Status) Connected(name string, c broker.State) {
	defer s.change()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.conns[name]
	reconnects := before.Reconnects
	if before.Connected && !c.Connected {
		reconnects++
	}
	s.conns[name] = mqttapi.Connection{Connected: c.Connected, Since: mqttapi.At(c.Since), Reconnects: reconnects, Problem: c.Reason}
}

// Connection is how the connection of an entry does that runs here.
func (s *Status) Connection(entry string) mqttapi.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[entry]
}

// Handle answers a command for an entry that does not exist, or on a topic with a typing error. Those of existing entries are theirs. An
// empty upload takes a retained one away, and is none.
func (s *Status) Handle(ctx context.Context, d broker.Delivery) {
	defer d.Ack()
	if verb, ok := mqttapi.BridgeRequest(s.cfg.Root, d.Topic); ok {
		if !unanswerable(d, s.cfg.Log) {
			s.request(ctx, d, verb)
		}
		return
	}
	answer, verb, why := mqttapi.Misdirected(s.cfg.Root, d.Topic, s.Names())
	if why == nil || d.Retained || verb == mqttapi.VerbUpload && len(d.Payload) == 0 || unanswerable(d, s.cfg.Log) {
		return
	}
	s.refuse(ctx, d, answer, verb, why, s.cfg.Out.Send)
}

// refuse answers a command of nobody here, and logs what became of it.
func (s *Status) refuse(
	ctx context.Context, d broker.Delivery, answer string, verb mqttapi.Verb, why *mqttapi.Error,
	send func(context.Context, string, []byte) error,
) {
	var payload []byte
	var err error
	if verb == mqttapi.VerbUpload {
		cmd, _ := mqttapi.ParseUpload(d.Payload, "", nil)
		payload, err = mqttapi.Refused(cmd, why, time.Now()).Encode(0)
	} else {
		req, _ := mqttapi.ParseRequest(verb, d.Payload)
		payload, err = mqttapi.Response{Transaction: req.Transaction, Error: why}.Encode(0)
	}
	d.Release()
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err == nil {
		err = send(ctx, answer, payload)
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WithError(err).WithField("op", "answer").Warn("command on an unknown topic not answered")
		return
	}
	s.cfg.Log.WithFields(logrus.Fields{"kind": why.Code, "topic": d.Topic}).Info("command refused")
}

// Names are those of the entries that there are, here or elsewhere, in order.
func (s *Status) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names
}

// Run publishes what runs here, and how it does every minute and whenever a connection changes, until ctx ends.
func (s *Status) Run(ctx context.Context) error {
	if problem := s.cfg.Store.Damage(); problem != "" {
		s.cfg.Log.WithField("problem", problem).Error("database was damaged and is set aside")
	}
	defer s.cfg.Media.Watch(s.changed.Set)()
	info := mqttapi.Info{Version: s.cfg.Version, Started: mqttapi.At(s.started), Settings: s.cfg.Settings, Limits: s.cfg.Limits}
	said := ""
	for {
		if known := s.Names(); info.Entries == nil || !slices.Equal(info.Entries, known) {
			info.Entries, info.Notice = append([]string{}, known...), ""
			if len(known) == 0 {
				info.Notice = "There is no entry: add one by a request to " + s.topics.Bridge("request/entry/add") + ", or name one in GPHOTOS_ENTRIES."
			}
			if err := s.retainInfo(info); err != nil {
				return err
			}
		}
		if now := s.cfg.Media.Problem(); now != said {
			s.sayFolders(now)
			said = now
		}
		err := s.retainHealth()
		if err == nil {
			err = wake.Sleep(ctx, nil, statePause) // the connections of all entries change at the same time
		}
		if err == nil {
			err = wake.Sleep(ctx, s.changed, s.healthEvery())
		}
		if err != nil {
			return err
		}
		s.cfg.Media.LookAgain(ctx) // only for a folder that had a problem
	}
}

func (s *Status) sayFolders(problem string) {
	if problem == "" {
		s.cfg.Log.Info("media folders are available again")
	} else {
		s.cfg.Log.WithField("problem", problem).Warn("media folder is not available")
	}
}

// problem says what is wrong with the data and with the media folders; "" = nothing is known.
func problem(data *store.Store, folders *media.Folders) string {
	return strings.TrimSpace(data.Damage() + " " + folders.Problem())
}

// retainInfo leaves out first what the settings of the entries say themselves, then more, when they are too many for one message.
func (s *Status) retainInfo(info mqttapi.Info) error {
	return s.retain(s.topics.Bridge("info"), &info, func() {
		info.Settings = maps.Clone(info.Settings)
		maps.DeleteFunc(info.Settings, func(name, _ string) bool { return strings.HasPrefix(name, "GPHOTOS_ENTRY_") })
	}, func() { info.Entries = []string{} })
}

// retainHealth leaves out first the connections that do well, then more, when they are too many for one message.
func (s *Status) retainHealth() error {
	h := s.health()
	return s.retain(s.topics.Bridge("health"), &h, func() {
		maps.DeleteFunc(h.Connections, func(_ string, c mqttapi.Connection) bool { return c.Connected && c.Problem == "" })
	}, func() {
		left := maxTroubled
		maps.DeleteFunc(h.Connections, func(string, mqttapi.Connection) bool { left--; return left < 0 })
	})
}

// retain publishes a document, or, as long as it is too large, what one more step makes of it.
func (s *Status) retain(topic string, document any, shorter ...func()) error {
	for {
		payload, err := mqttapi.Encode(document)
		if err == nil {
			err = s.cfg.Out.Retain(topic, payload)
		}
		if !errors.Is(err, broker.ErrTooLarge) || len(shorter) == 0 {
			if err != nil {
				err = fmt.Errorf("publish %s: %w", topic, err)
			}
			return err
		}
		shorter[0]()
		shorter = shorter[1:]
	}
}

func (s *Status) health() mqttapi.Health {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h := mqttapi.Health{
		Time: mqttapi.At(time.Now()), Uptime: int64(time.Since(s.started).Seconds()), Memory: int64(memory.Sys), //nolint:gosec // far from the limit
		Goroutines: runtime.NumGoroutine(), Folders: map[string]mqttapi.Folder{}, Problem: problem(s.cfg.Store, s.cfg.Media),
	}
	for path, state := range s.cfg.Media.States() {
		h.Folders[path] = mqttapi.Folder{Available: state.Problem == "", Since: mqttapi.At(state.Since), Problem: state.Problem}
	}
	s.mu.Lock()
	h.Connections, h.Counters = maps.Clone(s.conns), s.counters()
	s.mu.Unlock()
	s.addProcesses(&h)
	return h
}

// ClearRemoved clears what the broker retains of entries that are gone or publish elsewhere now, and returns when it has confirmed.
func (s *Status) ClearRemoved(ctx context.Context) error {
	return s.removed.ClearTopics(ctx, s.presences())
}

// ClearEntry clears what the broker retains of one entry, which runs nowhere, by way of clear.
func (s *Status) ClearEntry(ctx context.Context, entry string, clear func(ctx context.Context, topic string) error) error {
	return s.removed.ClearEntry(ctx, s.presence(entry), clear)
}

func (s *Status) presences() (now []homeassistant.Presence) {
	for _, name := range s.Names() {
		now = append(now, s.presence(name))
	}
	return now
}

func (s *Status) presence(entry string) homeassistant.Presence {
	return homeassistant.Presence{Entry: entry, Root: s.cfg.Root, Prefix: s.cfg.Prefix}
}

// A LogHook publishes warnings and errors on gphotos/bridge/log. It is added to the logger, and run beside the bridge.
type LogHook struct {
	status *Status
	lines  chan mqttapi.LogLine
}

// NewLogHook returns a hook that publishes through the status.
func NewLogHook(s *Status) *LogHook { return &LogHook{s, make(chan mqttapi.LogLine, logLines)} }

// Levels are those that a person should see.
func (h *LogHook) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel} }

// Fire takes one line and never waits. Only message, entry and job go out: the cause may hold what is nobody's business.
func (h *LogHook) Fire(l *logrus.Entry) error {
	line := mqttapi.LogLine{Level: l.Level.String(), Message: l.Message, Time: mqttapi.At(l.Time)}
	line.Entry, _ = l.Data["entry"].(string)
	line.Job, _ = l.Data["job"].(string)
	line.Process, _ = l.Data["process"].(string)
	select {
	case h.lines <- line:
	default:
	}
	return nil
}

// Run publishes lines until ctx ends.
func (h *LogHook) Run(ctx context.Context) error {
	for {
		select {
		case line := <-h.lines:
			payload, err := mqttapi.Encode(line)
			if err != nil {
				return err
			}
			_ = h.status.cfg.Out.Send(ctx, h.status.topics.Bridge("log"), payload) // a line that is lost here is in the log
		case <-ctx.Done():
			return nil
		}
	}
}
