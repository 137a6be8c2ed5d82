package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// A process is a program that a script has started, with all that it prints.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{} // closed when it has ended
	wait  sync.WaitGroup

	mu      sync.Mutex // guards all below
	output  bytes.Buffer
	printed chan struct{} // closed when there is more
}

// launch starts a program with the script's environment and the settings.
func (w *world) launch(ts *testscript.TestScript, name string, settings []string, program string, args ...string) *process {
	path, err := exec.LookPath(program)
	ts.Check(err)
	p := &process{name: name, cmd: exec.Command(path, args...), done: make(chan struct{}), printed: make(chan struct{})}
	p.cmd.Dir = ts.Getenv("WORK")
	p.cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("WORK"), "TMPDIR=" + ts.Getenv("TMPDIR"), "TZ=UTC", "GORACE=atexit_sleep_ms=50"}
	p.cmd.Env = append(p.cmd.Env, settings...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.stdin, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	p.wait.Go(func() {
		_ = p.cmd.Wait() // ProcessState tells it too
		close(p.done)
	})
	w.processes = append(w.processes, p)
	return p
}

// Write takes what the program prints.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.printed)
	p.printed = make(chan struct{})
	return p.output.Write(text)
}

// text returns everything that was printed, and what closes when there is more.
func (p *process) text() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String(), p.printed
}

// await waits until the program has printed what the expression matches, and
// returns that with its groups.
func (p *process) await(ctx context.Context, re *regexp.Regexp) ([]string, error) {
	for over := false; ; {
		text, more := p.text()
		if found := re.FindStringSubmatch(text); found != nil {
			return found, nil
		}
		if over {
			return nil, fmt.Errorf("%s has ended (%s) without printing %s", p.name, p.cmd.ProcessState, re)
		}
		select {
		case <-more:
		case <-p.done:
			over = true // what was printed last is looked at too
		case <-ctx.Done():
			return nil, fmt.Errorf("%s does not print %s", p.name, re)
		}
	}
}

// kill ends a process that does not stop. Programs written in Go say first what
// they are doing.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// end stops the process if the script has left it running, and reports what is
// wrong with it. When the test failed anyway, it shows the output.
func (p *process) end(tb testing.TB) {
	tb.Helper()
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(patience):
			p.kill()
		}
		if !p.cmd.ProcessState.Success() {
			tb.Errorf("%s does not stop cleanly: %s", p.name, p.cmd.ProcessState)
		}
	}
	p.wait.Wait()
	text, _ := p.text()
	if strings.Contains(text, "DATA RACE") {
		tb.Errorf("%s has a data race", p.name)
	}
	if found := secret.FindString(text); found != "" {
		tb.Errorf("%s has printed a secret: %s", p.name, found)
	}
	if tb.Failed() {
		tb.Logf("%s printed:\n%s", p.name, text)
	}
}

func (w *world) signal(ts *testscript.TestScript, args []string) {
	name, signal := two(ts, args, "NAME", "SIGNAL")
	p := w.find(ts, name)
	ts.Check(p.cmd.Process.Signal(unix.SignalNum("SIG" + signal)))
	if signal == "KILL" {
		<-p.done
	}
}

func (w *world) exited(ts *testscript.TestScript, args []string) {
	name, code := two(ts, args, "NAME", "CODE")
	p := w.find(ts, name)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		ts.Fatalf("%s does not end", name)
	}
	if got := strconv.Itoa(p.cmd.ProcessState.ExitCode()); got != code {
		ts.Fatalf("%s exited with %s, want %s", name, got, code)
	}
}

func (w *world) says(ts *testscript.TestScript, args []string) {
	name, expression := two(ts, args, "NAME", "REGEXP")
	re, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	ctx, cancel := w.deadline(ts)
	defer cancel()
	_, err = w.find(ts, name).await(ctx, re)
	ts.Check(err)
}

func (w *world) said(ts *testscript.TestScript, neg bool, args []string) {
	name, expression := two(ts, args, "NAME", "REGEXP")
	re, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	text, _ := w.find(ts, name).text()
	if found := re.FindString(text); (found != "") == neg {
		ts.Fatalf("%s has printed %q", name, found)
	}
}

// openFiles looks below /proc, which says the same as lsof.
func (w *world) openFiles(ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: openfiles NAME DIR N")
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", w.find(ts, args[0]).cmd.Process.Pid))
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
