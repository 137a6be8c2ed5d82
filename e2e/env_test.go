package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/rogpeppe/go-internal/testscript"

	"gphotos2mqtt/e2e/e2etest"
)

// An env is everything that belongs to one script.
type env struct {
	scriptTB
	broker    string // mosquitto, embedded, or none
	processes []*e2etest.Process
	messages  *e2etest.Subscriber
	last      e2etest.Message // found by expect or retained
	page      page            // in the browser
	photos    int             // drawn so far
	guide     *guide          // nil until an example of it is used
}

type envKey struct{}

// A scriptTB fails at the script's line, and cleans up when the script ends.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript // set by the first command
}

func (s scriptTB) Fatal(args ...any)                 { s.ts.Fatalf("%s", fmt.Sprint(args...)) }
func (s scriptTB) Fatalf(format string, args ...any) { s.ts.Fatalf(format, args...) }
func (s scriptTB) Cleanup(f func())                  { s.ts.Defer(f) }

// newEnv prepares the environment of a script.
func newEnv(script *testscript.Env, broker string) error {
	tb := script.T().(testing.TB)
	script.Values[envKey{}] = &env{broker: broker, scriptTB: scriptTB{TB: tb}}
	script.Setenv("MQTT_PORT", e2etest.Port(tb))
	script.Setenv("OTHER_PORT", e2etest.Port(tb)) // of the broker, for a script that wants a second one
	script.Setenv("HTTP_PORT", e2etest.Port(tb))  // of the linking pages
	script.Setenv("MEDIA", filepath.Join(script.WorkDir, "media"))
	script.Setenv("GORACE", "atexit_sleep_ms=50") // else the race detector sleeps a second at each end
	script.Setenv("DATA", filepath.Join(script.WorkDir, "data"))
	return os.MkdirAll(script.Getenv("MEDIA"), 0o755)
}

// clientOptions are those of every MQTT client of the script.
func (e *env) clientOptions() *mqtt.ClientOptions {
	return e2etest.ClientOptions(e.ts.Getenv("MQTT_PORT")).SetUsername(e.ts.Getenv("MQTT_USER")).SetPassword(e.ts.Getenv("MQTT_PASSWORD"))
}

// subscribe keeps all that is published while the script runs. What the script did not
// say itself must have no secret in it.
func (e *env) subscribe() {
	e.Cleanup(func() {
		for _, m := range e.messages.Messages() {
			if e2etest.Secret.Match(m.Payload) && !strings.Contains(m.Topic, "/request/") {
				e.Errorf("a secret was published: %s", m)
			}
		}
	})
	e.messages = e2etest.Subscribe(e, e.clientOptions(), "#")
}

// expect waits for a message and reads it: the next expect does not find it again.
func (e *env) expect(ts *testscript.TestScript, args []string) {
	topic, conds := expected(ts, args)
	e.last = e.messages.Expect(topic, conds.String(), conds.hold)
}

// nomore is for the end of a script, when all that was expected has come.
func (e *env) nomore(ts *testscript.TestScript, args []string) {
	topic, conds := expected(ts, args)
	if list := e.messages.Unread(topic, conds.hold); list != "" {
		ts.Fatalf("nobody has waited for:\n%s", list)
	}
}

// forget is for documents that are published whenever something changes.
func (e *env) forget(ts *testscript.TestScript, args []string) {
	topic, _ := expected(ts, args)
	e.messages.Forget(topic)
}

// expected reads TOPIC COND...
func expected(ts *testscript.TestScript, args []string) (string, conditions) {
	if len(args) == 0 {
		ts.Fatalf("the arguments are TOPIC COND...")
	}
	conds, err := parseConditions(args[1:])
	ts.Check(err)
	return fullTopic(args[0]), conds
}

// fullTopic lets a script leave out the root topic.
func fullTopic(topic string) string {
	if strings.HasPrefix(topic, "/") {
		return topic[1:]
	}
	return "gphotos/" + topic
}
