package e2e_test

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMosquitto(t *testing.T) { runScripts(t, mosquitto, "script", "mosquitto") }
func TestEmbedded(t *testing.T)  { runScripts(t, embedded, "script") }

// TestPacketLimit runs the scripts with the limit that Mosquitto has by default from 2.1 on.
// Source: https://mosquitto.org/man/mosquitto-conf-5.html (max_packet_size)
func TestPacketLimit(t *testing.T) {
	runScriptsIn(t, mosquitto, map[string]string{"BROKER": "max_packet_size 2000000"}, "script")
}

func TestPlain(t *testing.T) { runScripts(t, "", "plain") }

// The brokers that a script can run with; each is also a condition, such as
// [mosquitto].
const (
	mosquitto = "mosquitto"
	embedded  = "embedded"
)

func runScripts(t *testing.T, broker string, dirs ...string) {
	t.Helper()
	runScriptsIn(t, broker, nil, dirs...)
}

// runScriptsIn runs the scripts in an environment.
func runScriptsIn(t *testing.T, broker string, environ map[string]string, dirs ...string) {
	t.Helper()
	t.Parallel()
	var files []string
	for _, dir := range dirs {
		scripts, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
		if err != nil || len(scripts) == 0 {
			t.Fatal("no scripts in", dir, err)
		}
		files = append(files, scripts...)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, value := range environ {
				env.Setenv(name, value)
			}
			return newWorld(env, broker)
		},
		Condition: func(cond string) (bool, error) { return cond == broker, nil },
		Cmds:      commands,
	})
}

// commands are what a script can say beside testscript's own commands. A TOPIC is
// below gphotos/, or anywhere when it begins with a slash, which is cut off. A COND
// is PATH=VALUE or PATH~REGEXP, see condition.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// Programs.
	"broker":    do((*world).startBroker), // broker [CONFIG-FILE]: starts Mosquitto; chooses a port for the built-in broker
	"photosim":  do((*world).startSim),    // photosim [FLAG...]
	"bridge":    do((*world).startBridge), // bridge [SETTING=VALUE...]: starts gphotos2mqtt and waits until it is online
	"start":     do((*world).start),       // start NAME PROGRAM [SETTING=VALUE | ARGUMENT...]: waits for nothing
	"enter":     do((*world).enter),       // enter NAME LINE: types it into the program
	"signal":    do((*world).signal),      // signal NAME TERM|INT|KILL
	"exited":    do((*world).exited),      // exited NAME CODE: waits for its end
	"says":      do((*world).says),        // says NAME REGEXP: waits until it has printed that
	"said":      not((*world).said),       // [!] said NAME REGEXP: whether it has printed that
	"openfiles": do((*world).openFiles),   // openfiles NAME DIR N: how many files below DIR it has open

	// Messages.
	"pub":      do((*world).pub),      // pub TOPIC PAYLOAD [FLAG...]: mosquitto_pub -m
	"pubfile":  do((*world).pubFile),  // pubfile TOPIC FILE [FLAG...]: mosquitto_pub -f
	"hear":     do((*world).hear),     // hear TOPIC COND...: waits for a message, which is then read
	"unheard":  do((*world).unheard),  // unheard TOPIC [COND...]: there is no unread message
	"retained": do((*world).retained), // retained TOPIC COND...: waits until a new subscriber gets that
	"absent":   do((*world).absent),   // absent TOPIC: a new subscriber gets nothing
	"keep":     do((*world).keep),     // keep FILE: the payload of that message
	"forget":   do((*world).forget),   // forget TOPIC: what is unread there is read
	"let":      do((*world).let),      // let VARIABLE PATH: from the message that hear or retained found last

	// The commands of docs/mqtt-api.md.
	"example":      do((*world).example),      // example TOPIC [OLD=>NEW...]: publishes the next one, whose answer must look as there
	"everyexample": do((*world).everyExample), // everyexample: all were published

	// Google, and the person who links.
	"sim":     do((*world).sim),     // sim CONTROL [JSON]: POST /_sim/CONTROL
	"library": do((*world).library), // library COND...: what Google holds
	"calls":   do((*world).calls),   // calls ROUTE N: how often Google was asked
	"busy":    do((*world).busy),    // busy ROUTE: waits until Google works on such a call
	"idle":    do((*world).idle),    // idle ROUTE: waits until Google has answered all of them
	"visit":   do((*world).visit),   // visit ADDRESS: opens it in the browser; the page is stdout
	"consent": do((*world).consent), // consent [EMAIL|deny] [without=SCOPE]: where Google leads is $ADDRESS
	"link":    do((*world).link),    // link ENTRY [EMAIL]: the whole way

	// Node-RED.
	"nodered": do((*world).startNodeRED), // nodered FLOW [OLD=NEW...]: imports a flow and waits until it is connected
	"inject":  do((*world).inject),       // inject NAME: presses the button of an inject node

	// Files.
	"photo":   do((*world).photo),   // photo FILE [KILOBYTES]: a JPEG like no other of the script
	"certify": do((*world).certify), // certify DIR: an authority, and certificates for a broker and a client
	"set":     do((*world).set),     // set VARIABLE FILE: its content; stdout is a file too
}

// do makes a command of a method that cannot be negated.
func do(method func(w *world, ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return not(func(w *world, ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		method(w, ts, args)
	})
}

func not(method func(w *world, ts *testscript.TestScript, neg bool, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		method(ts.Value(worldKey{}).(*world), ts, neg, args)
	}
}
