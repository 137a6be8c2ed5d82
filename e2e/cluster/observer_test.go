package cluster_test

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/e2e/e2etest"
)

// An observer hears what all entries publish, and when.
type observer struct {
	tb     testing.TB
	ended  func() *e2etest.Process // a process that should run and does not; nil = none
	client mqtt.Client

	mu       sync.Mutex // guards all below
	changed  chan struct{}
	results  map[string]map[string]outcome // those that end an upload, by entry and job
	accepted map[string]int                // by entry
	online   map[string]time.Time          // since when; none for an entry that is offline
	linked   map[string]bool
	answers  map[string]json.RawMessage // the last one, by topic
	errors   []string
}

// An outcome is the result of a job.
type outcome struct {
	Status string
	Job    string
	Items  []struct {
		MediaItemID string `json:"media_item_id"`
	}
	at    time.Time
	times int
}

func observe(tb testing.TB, address string, ended func() *e2etest.Process) *observer {
	tb.Helper()
	o := &observer{
		tb: tb, ended: ended, changed: make(chan struct{}), results: map[string]map[string]outcome{}, accepted: map[string]int{},
		online: map[string]time.Time{}, linked: map[string]bool{}, answers: map[string]json.RawMessage{},
	}
	filters := map[string]byte{"gphotos/+/upload/result": 1, "gphotos/+/availability": 1, "gphotos/+/response/#": 1, "gphotos/+/state": 1}
	ready := make(chan struct{}, 1)
	o.client = mqtt.NewClient(clientOptions(address, "observer").SetCleanSession(false).SetOrderMatters(true).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { o.hear(m) }).
		SetOnConnectHandler(func(c mqtt.Client) {
			if token := c.SubscribeMultiple(filters, nil); token.WaitTimeout(e2etest.Patience) && token.Error() == nil {
				select {
				case ready <- struct{}{}:
				default:
				}
			}
		}))
	o.client.Connect() // tries again until it works
	tb.Cleanup(func() { o.client.Disconnect(0) })
	select {
	case <-ready:
	case <-time.After(e2etest.Patience):
		tb.Fatal("the broker does not take the observer")
	}
	return o
}

// clientOptions are those of a client that comes back whenever it loses the broker.
func clientOptions(address, id string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().AddBroker("tcp://" + address).SetProtocolVersion(4).SetClientID(id).
		SetConnectRetry(true).SetConnectRetryInterval(20 * time.Millisecond).SetMaxReconnectInterval(50 * time.Millisecond)
}

func (o *observer) hear(m mqtt.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	_, topic, _ := strings.Cut(m.Topic(), "/")
	entry, topic, _ := strings.Cut(topic, "/")
	switch topic {
	case "availability":
		if string(m.Payload()) == "online" {
			o.online[entry] = now
		} else {
			delete(o.online, entry)
		}
	case "upload/result":
		var r outcome
		if err := json.Unmarshal(m.Payload(), &r); err != nil {
			o.errors = append(o.errors, err.Error())
			return
		}
		o.hearResult(entry, r, now)
	case "state":
		var state struct{ Link struct{ Status string } }
		if json.Unmarshal(m.Payload(), &state) == nil && state.Link.Status == "linked" {
			o.linked[entry] = true
		}
	default:
		o.answers[m.Topic()] = m.Payload()
	}
	close(o.changed)
	o.changed = make(chan struct{})
}

// hearResult keeps a result. After a crash one may come twice, as it was; the caller holds o.mu.
func (o *observer) hearResult(entry string, r outcome, now time.Time) {
	if r.Status == "accepted" {
		o.accepted[entry]++
		return
	}
	of := o.results[entry]
	if of == nil {
		of = map[string]outcome{}
		o.results[entry] = of
	}
	before, again := of[r.Job]
	if again && (before.Status != r.Status || len(before.Items) != len(r.Items) || before.Items[0] != r.Items[0]) {
		o.errors = append(o.errors, "two results of the job "+r.Job+" of "+entry+" differ")
	}
	r.at, r.times = now, before.times+1
	if again {
		r.at = before.at
	}
	of[r.Job] = r
}

// until waits for what is heard until a condition holds, which is asked with o.mu held.
func (o *observer) until(what string, holds func() bool) {
	o.tb.Helper()
	for limit := time.After(patience); ; {
		if p := o.ended(); p != nil {
			o.tb.Fatalf("%s has ended (%s) before %s", p.Name, p.Cmd.ProcessState, what)
		}
		o.mu.Lock()
		ok, changed := holds(), o.changed
		o.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Second): // a process that has ended tells nothing
		case <-limit:
			o.tb.Fatalf("waited in vain for %s", what)
		}
	}
}

// patience is how long the whole may take for one step: a fleet has its lease to wait for
// before it acts.
const patience = 2 * time.Minute

// allOnline waits until each of the entries is online, and has become so after a time.
func (o *observer) allOnline(entries []string, after time.Time) {
	o.tb.Helper()
	o.until("all entries to be online", func() bool { return o.offlineLocked(entries, after) == 0 })
}

func (o *observer) offlineLocked(entries []string, after time.Time) (n int) {
	for _, entry := range entries {
		if since, ok := o.online[entry]; !ok || since.Before(after) {
			n++
		}
	}
	return n
}

// lastOnline is when the last of the entries came online.
func (o *observer) lastOnline(entries []string) (last time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, entry := range entries {
		if since := o.online[entry]; since.After(last) {
			last = since
		}
	}
	return last
}

// ended is how many results have come, of different jobs.
func (o *observer) endedLocked() (n int) {
	for of := range maps.Values(o.results) {
		n += len(of)
	}
	return n
}

// ask makes a request of an entry and reads its answer.
func (o *observer) ask(entry, verb, payload string, into any) {
	o.tb.Helper()
	topic := "gphotos/" + entry + "/response/" + verb
	o.mu.Lock()
	delete(o.answers, topic)
	o.mu.Unlock()
	o.publish("gphotos/"+entry+"/request/"+verb, []byte(payload))
	var answer json.RawMessage
	o.until("an answer on "+topic, func() bool {
		answer = o.answers[topic]
		return answer != nil
	})
	e2etest.Must(o.tb, json.Unmarshal(answer, into))
}

// publish waits until the broker has the message, which may be away for a while.
func (o *observer) publish(topic string, payload []byte) {
	o.tb.Helper()
	token := o.client.Publish(topic, 1, false, payload)
	if !token.WaitTimeout(patience) || token.Error() != nil {
		o.tb.Errorf("the broker does not take a message on %s: %v", topic, token.Error())
	}
}
