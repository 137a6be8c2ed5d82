package survival

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A program runs until it is stopped, at the latest when its test ends.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	wait sync.WaitGroup

	mu      sync.Mutex // guards all below
	output  bytes.Buffer
	printed chan struct{} // closed when there is more
}

func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	return startWith(t, os.Environ(), name, args...)
}

func startWith(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	path := filepath.Join(programs, name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	p := &program{t: t, cmd: exec.Command(path, args...), done: make(chan struct{}), printed: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.wait.Go(func() {
		_ = p.cmd.Wait() // ProcessState tells it too
		close(p.done)
	})
	t.Cleanup(p.end)
	return p
}

// Write takes what the program prints.
func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.printed)
	p.printed = make(chan struct{})
	return p.output.Write(text)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// find waits until the program has printed what the pattern matches, and returns
// its group.
func (p *program) find(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for limit, over := time.After(patience), false; ; {
		p.mu.Lock()
		found, printed := re.FindStringSubmatch(p.output.String()), p.printed
		p.mu.Unlock()
		if found != nil {
			return found[1]
		}
		if over {
			p.t.Fatalf("%s has ended without printing %s:\n%s", p.cmd.Path, pattern, p.text())
		}
		select {
		case <-printed:
		case <-p.done:
			over = true // what was printed last is looked at too
		case <-limit:
			p.t.Fatalf("%s does not print %s:\n%s", p.cmd.Path, pattern, p.text())
		}
	}
}

// over reports whether the program has ended.
func (p *program) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the program to end and checks its exit code.
func (p *program) stop(code int) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.exited(code)
}

// exited waits for the program's end and checks its exit code.
func (p *program) exited(code int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end:\n%s", p.cmd.Path, p.text())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("%s exited with %d, want %d:\n%s", p.cmd.Path, got, code, p.text())
	}
}

func (p *program) end() {
	if !p.over() {
		_ = p.cmd.Process.Kill()
	}
	p.wait.Wait()
}

func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
