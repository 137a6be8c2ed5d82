package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"gphotos2mqtt/bridge/homeassistant"
	"gphotos2mqtt/bridge/task"
	"gphotos2mqtt/bridge/upload"
	"gphotos2mqtt/bridge/wake"
	"gphotos2mqtt/cluster/fleet"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
)

// sweepEvery is how often a process that leads looks for payloads without a job.
const sweepEvery = time.Hour

// lead speaks for the bridge as a whole until ctx ends: a process that is alone does, and one of a fleet at a time. They have one client id, so
// that the broker ends what a former one has left open.
func (d *Daemon) lead(ctx context.Context) error {
	conn := d.bridgeConn()
	defer d.voice.use(conn)()
	works := []task.Task{{Name: "bridge status", Run: d.status.Run}, {Name: "removed entries", Run: d.endFormer}}
	if d.fleet != nil {
		works = append(works, task.Task{Name: "sweep payloads", Run: d.sweep})
	}
	return runOnline(ctx, []task.Task{{Name: "connection bridge", Run: conn.Run}}, works)
}

func (d *Daemon) bridgeConn() *broker.Conn {
	c := d.config
	connection := Connection(c, "bridge", 0, append(mqttapi.Misdirections(c.Topic), c.BirthTopic)...)
	for i, filter := range mqttapi.Misdirections(c.Topic) {
		connection.Subscriptions[i].Optional = true // without the right, those who err get no answer; the entries' commands are theirs
		if filter == mqttapi.BridgeRequests(c.Topic) {
			connection.Subscriptions[i].QoS = 1
		}
	}
	connection.Clean, connection.Log, connection.Holds = true, d.log, d.holds(fleet.Leading)
	connection.Handle = func(ctx context.Context, m broker.Delivery) {
		if m.Topic != c.BirthTopic {
			d.status.Handle(ctx, m)
		} else if string(m.Payload) == c.BirthPayload {
			d.tell(subjectBirth, nil)
			homeassistant.OnBirth(ctx, d.refreshAll)
			m.Ack()
		}
	}
	connection.OnState = func(s broker.State) { d.status.Connected("bridge", s) }
	return d.newConn(connection)
}

// sweep removes payloads that a crash has left without a job, now and then: only the engine of a cluster tells them from those that are just
// being put.
func (d *Daemon) sweep(ctx context.Context) error {
	for {
		if err := upload.Sweep(ctx, d.store); err != nil && ctx.Err() == nil {
			d.log.WithError(err).Warn("payloads are not swept")
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
	pass func(topic string, payload []byte) // gives something to the process that leads; nil: this one is alone

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
	if conn == nil && v.pass != nil {
		v.pass(topic, payload)
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
