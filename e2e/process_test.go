package e2e_test

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"gphotos2mqtt/e2e/e2etest"
)

// start starts a program of this project with settings for this script: its broker,
// its simulated Google, its folders. SETTING=VALUE changes one, SETTING= leaves it
// out; the rest are the program's arguments.
func (e *env) start(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("the arguments are NAME PROGRAM [SETTING=VALUE | ARGUMENT...]")
	}
	settings := append(
		e.brokerSettings(),
		"GPHOTOS_DATA_DIR="+ts.Getenv("DATA"), "GPHOTOS_MEDIA_DIRS="+ts.Getenv("MEDIA"), "GPHOTOS_HTTP_LISTEN=127.0.0.1:"+ts.Getenv("HTTP_PORT"),
	)
	settings = append(settings, e2etest.ClientSettings()...)
	if sim := ts.Getenv("SIM"); sim != "" {
		settings = append(settings, e2etest.GoogleSettings(sim)...)
	}
	var rest []string
	for _, arg := range args[2:] {
		if setting.MatchString(arg) {
			settings = append(settings, "GPHOTOS_"+arg) // of two of a name the last one counts
		} else {
			rest = append(rest, arg)
		}
	}
	e.launch(args[0], settings, args[1], rest...)
}

var setting = regexp.MustCompile(`^[A-Z_]+=`)

// launch starts any program in the script's folder.
func (e *env) launch(name string, settings []string, program string, args ...string) *e2etest.Process {
	settings = append(settings, "TMPDIR="+e.ts.Getenv("TMPDIR"))
	p := e2etest.Start(e, e2etest.Command{Name: name, Path: program, Args: args, Env: settings, Dir: e.ts.Getenv("WORK")})
	e.processes = append(e.processes, p)
	return p
}

// find returns the process of that name that was started last.
func (e *env) find(name string) *e2etest.Process {
	for _, p := range slices.Backward(e.processes) {
		if p.Name == name {
			return p
		}
	}
	e.Fatalf("%s was not started", name)
	return nil
}

// enter types a line into a program, as a person does in its terminal.
func (e *env) enter(ts *testscript.TestScript, args []string) {
	name, line := two(ts, args, "NAME", "LINE")
	_, err := io.WriteString(e.find(name).Stdin, line+"\n")
	ts.Check(err)
}

func (e *env) signal(ts *testscript.TestScript, args []string) {
	name, signal := two(ts, args, "NAME", "SIGNAL")
	e.find(name).Signal(unix.SignalNum("SIG" + signal))
}

func (e *env) exited(ts *testscript.TestScript, args []string) {
	name, text := two(ts, args, "NAME", "CODE")
	code, err := strconv.Atoi(text)
	ts.Check(err)
	e.find(name).Exited(code)
}

func (e *env) says(ts *testscript.TestScript, args []string) {
	name, expression := two(ts, args, "NAME", "REGEXP")
	e.find(name).Expect(expression)
}

func (e *env) said(ts *testscript.TestScript, neg bool, args []string) {
	name, expression := two(ts, args, "NAME", "REGEXP")
	re, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	if found := re.FindString(e.find(name).Output()); (found != "") == neg {
		ts.Fatalf("%s has printed %q", name, found)
	}
}

// openFiles looks below /proc, which says the same as lsof.
func (e *env) openFiles(ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: openfiles NAME DIR N")
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", e.find(args[0]).Cmd.Process.Pid))
	ts.Check(err)
	var open []string
	for _, fd := range fds {
		path, err := filepath.EvalSymlinks(fd)
		if err == nil && strings.HasPrefix(path, ts.MkAbs(args[1])+"/") {
			open = append(open, path)
		}
	}
	if strconv.Itoa(len(open)) != args[2] {
		ts.Fatalf("%d files are open: %s", len(open), open)
	}
}

// two returns the only two arguments of a command.
func two(ts *testscript.TestScript, args []string, first, second string) (a, b string) {
	if len(args) != 2 {
		ts.Fatalf("the arguments are %s %s", first, second)
	}
	return args[0], args[1]
}
