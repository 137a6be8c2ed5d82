package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"gphotos2mqtt/bridge"
	"gphotos2mqtt/bridge/homeassistant"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// sweepEvery is how often a process that leads looks for payloads without a job.
const sweepEvery = time.Hour

// A leader speaks for the bridge as a whole: a process that is alone does, and one of a fleet at a time. They have one client id, so that the
// broker ends what a former one has left open.
type leader struct {
	process  *process
	store    *store.Store
	status   *bridge.Status
	voice    *voice
	sessions *sessions
	refresh  func() // has the entries of this process send again what they have retained
}

// lead does so until ctx ends.
func (l *leader) lead(ctx context.Context) error {
	conn := l.connection()
	defer l.voice.use(conn)()
	works := []task.Task{{Name: "bridge status", Run: l.status.Run}, {Name: "removed entries", Run: l.sessions.endFormer}}
	if !l.process.alone() {
		works = append(works, task.Task{Name: "sweep payloads", Run: l.sweep})
	}
	return runOnline(ctx, []task.Task{{Name: "connection bridge", Run: conn.Run}}, works)
}

func (l *leader) connection() *broker.Conn {
	c := l.process.config
	settings := Connection(c, "bridge", 0, append(mqttapi.Misdirections(c.Topic), c.BirthTopic)...)
	for i, filter := range mqttapi.Misdirections(c.Topic) {
		settings.Subscriptions[i].Optional = true // without the right, those who err get no answer; the entries' commands are theirs
		if filter == mqttapi.BridgeRequests(c.Topic) {
			settings.Subscriptions[i].QoS = 1
		}
	}
	settings.Clean, settings.Log, settings.Holds = true, l.process.log, l.process.holds(fleet.Leading)
	settings.Handle = func(ctx context.Context, m broker.Delivery) {
		if m.Topic != c.BirthTopic {
			l.status.Handle(ctx, m)
		} else if string(m.Payload) == c.BirthPayload {
			l.process.tell(subjectBirth, nil)
			homeassistant.OnBirth(ctx, l.refresh)
			m.Ack()
		}
	}
	settings.OnState = func(s broker.State) { l.status.Connected("bridge", s) }
	return l.sessions.connection(settings)
}

// sweep removes payloads that a crash has left without a job, now and then: only the engine of a cluster tells them from those that are just
// being put.
func (l *leader) sweep(ctx context.Context) error {
	for {
		if err := upload.Sweep(ctx, l.store); err != nil && ctx.Err() == nil {
			l.process.log.WithError(err).Warn("payloads are not swept")
		}
		for next := time.Now().Add(sweepEvery); time.Now().Before(next); {
			if err := wake.Sleep(ctx, nil, time.Until(next)); err != nil {
				return err
			}
		}
	}
}

// A voice publishes for the bridge as a whole, by the connection of this process while it leads.
type voice struct {
	process *process
	changed wake.Broadcast
	mu      sync.Mutex   // guards conn
	conn    *broker.Conn // nil = it does not lead now
}

// errNotLeading is the error of what only a process that leads may do.
var errNotLeading = errors.New("this process does not lead")

func (v *voice) use(conn *broker.Conn) (leave func()) {
	set := func(conn *broker.Conn) {
		v.mu.Lock()
		v.conn = conn
		v.mu.Unlock()
		v.changed.Wake()
	}
	set(conn)
	return func() { set(nil) }
}

func (v *voice) now() *broker.Conn {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.conn
}

// Retain is nothing while another process leads.
func (v *voice) Retain(topic string, payload []byte) error {
	if conn := v.now(); conn != nil {
		return conn.Retain(topic, payload)
	}
	return nil
}

// Send leaves it to the process that leads when this one does not.
func (v *voice) Send(ctx context.Context, topic string, payload []byte) error {
	conn := v.now()
	if conn == nil && !v.process.alone() {
		v.process.tell(subjectLog, passed{topic, payload})
		return nil
	}
	conn, err := wake.Until(ctx, &v.changed, func() (*broker.Conn, bool, time.Duration) {
		conn := v.now()
		return conn, conn != nil, 0
	})
	if err != nil {
		return err
	}
	return conn.Send(ctx, topic, payload)
}

func (v *voice) Clear(ctx context.Context, topic string) error {
	if conn := v.now(); conn != nil {
		return conn.Clear(ctx, topic)
	}
	return errNotLeading
}

type passed struct {
	Topic   string `json:"topic"`
	Payload []byte `json:"payload"`
}

// hear publishes what a process passes that does not lead, if this one does. A line that is lost is in the log.
func (v *voice) hear(ctx context.Context, text []byte) []byte {
	var m passed
	if conn := v.now(); conn != nil && json.Unmarshal(text, &m) == nil {
		_ = conn.Send(ctx, m.Topic, m.Payload)
	}
	return nil
}
