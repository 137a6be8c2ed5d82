package e2e_test

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMosquitto(t *testing.T) {
	needsMore(t)
	runScripts(t, mosquitto, nil, "script", "mosquitto")
}

func TestEmbedded(t *testing.T) {
	needsMore(t) // mosquitto_pub
	runScripts(t, embedded, nil, "script")
}

// TestPacketLimit runs the scripts with the limit that Mosquitto has by default from 2.1 on.
// Source: https://mosquitto.org/man/mosquitto-conf-5.html (max_packet_size)
func TestPacketLimit(t *testing.T) {
	needsMore(t)
	runScripts(t, mosquitto, map[string]string{"BROKER": "max_packet_size 2000000"}, "script")
}

func TestPlain(t *testing.T) { runScripts(t, "", nil, "plain") }

// The brokers that a script can run with; each is also a condition, such as
// [mosquitto].
const (
	mosquitto = "mosquitto"
	embedded  = "embedded"
)

// runScripts runs the scripts in an environment.
func runScripts(t *testing.T, broker string, environ map[string]string, dirs ...string) {
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
			return newEnv(env, broker)
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
	"broker":    do((*env).startBroker), // broker [CONFIG-FILE]: starts Mosquitto; chooses a port for the built-in broker
	"photosim":  do((*env).startSim),    // photosim [FLAG...]
	"bridge":    do((*env).startBridge), // bridge [SETTING=VALUE...]: starts gphotos2mqtt and waits until it is online
	"start":     do((*env).start),       // start NAME PROGRAM [SETTING=VALUE | ARGUMENT...]: waits for nothing
	"enter":     do((*env).enter),       // enter NAME LINE: types it into the program
	"signal":    do((*env).signal),      // signal NAME TERM|INT|KILL
	"exited":    do((*env).exited),      // exited NAME CODE: waits for its end
	"says":      do((*env).says),        // says NAME REGEXP: waits until it has printed that
	"said":      not((*env).said),       // [!] said NAME REGEXP: whether it has printed that
	"openfiles": do((*env).openFiles),   // openfiles NAME DIR N: how many files below DIR it has open

	// Messages.
	"pub":      do((*env).pub),      // pub TOPIC PAYLOAD [FLAG...]: mosquitto_pub -m
	"pubfile":  do((*env).pubFile),  // pubfile TOPIC FILE [FLAG...]: mosquitto_pub -f
	"expect":   do((*env).expect),   // expect TOPIC COND...: waits for a message, which is then read
	"nomore":   do((*env).nomore),   // nomore TOPIC [COND...]: there is no unread message
	"retained": do((*env).retained), // retained TOPIC COND...: waits until a new subscriber gets that
	"absent":   do((*env).absent),   // absent TOPIC: a new subscriber gets nothing
	"save":     do((*env).save),     // save FILE: the payload of that message
	"forget":   do((*env).forget),   // forget TOPIC: what is unread there is read
	"let":      do((*env).let),      // let VARIABLE PATH: from the message that expect or retained found last

	// The commands of docs/mqtt-api.md.
	"example":      do((*env).example),      // example TOPIC [OLD=>NEW...]: publishes the next one, whose answer must look as there
	"everyexample": do((*env).everyExample), // everyexample: all were published

	// Google, and the person who links.
	"sim":     do((*env).sim),     // sim CONTROL [JSON]: POST /_sim/CONTROL
	"library": do((*env).library), // library COND...: what Google holds
	"calls":   do((*env).calls),   // calls ROUTE N: how often Google was asked
	"busy":    do((*env).busy),    // busy ROUTE: waits until Google works on such a call
	"idle":    do((*env).idle),    // idle ROUTE: waits until Google has answered all of them
	"visit":   do((*env).visit),   // visit ADDRESS: opens it in the browser; the page is stdout
	"consent": do((*env).consent), // consent [EMAIL|deny] [without=SCOPE]: where Google leads is $ADDRESS
	"link":    do((*env).link),    // link ENTRY [EMAIL]: the whole way

	// Node-RED.
	"nodered": do((*env).startNodeRED), // nodered FLOW [OLD=NEW...]: imports a flow and waits until it is connected
	"inject":  do((*env).inject),       // inject NAME: presses the button of an inject node

	// Files.
	"photo":   do((*env).photo),   // photo FILE [KILOBYTES]: a JPEG like no other of the script
	"folder":  do((*env).folder),  // folder DIR [REGEXP...]: waits until it holds exactly that, by name
	"certify": do((*env).certify), // certify DIR: an authority, and certificates for a broker and a client
	"set":     do((*env).set),     // set VARIABLE FILE: its content; stdout is a file too
}

// do makes a command of a method that cannot be negated.
func do(method func(e *env, ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return not(func(e *env, ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		method(e, ts, args)
	})
}

func not(method func(e *env, ts *testscript.TestScript, neg bool, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		e := ts.Value(envKey{}).(*env)
		e.ts = ts
		method(e, ts, neg, args)
	}
}
