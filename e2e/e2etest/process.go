package e2etest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Secret is what nobody may publish or print: the client's secret, and the simulated
// Google's access tokens, refresh tokens, codes and upload tokens.
var Secret = regexp.MustCompile(`photosim-secret|ya29\.|1//0|4/0A|CAIS[0-9A-Za-z_-]{20}`)

// A Process is a running program with all that it prints.
type Process struct {
	Name  string
	Cmd   *exec.Cmd
	Stdin io.Writer

	tb   testing.TB
	told bool          // to stop, by Signal
	done chan struct{} // closed when it has ended
	wait sync.WaitGroup

	mu      sync.Mutex // guards all below
	output  bytes.Buffer
	printed chan struct{} // closed when there is more
}

// A Command is what is started.
type Command struct {
	Name string // for messages. Default: the program.
	Path string // a program of this project, one in PATH, or a path
	Args []string
	Env  []string // beside PATH and what a Go program needs in a test
	Dir  string   // the working folder, also HOME. Default: the test's own.
}

// Start starts a program that ends with the test: when it still runs then, it has to
// stop cleanly. It must not have printed a secret nor have had a data race.
func Start(tb testing.TB, c Command) *Process {
	tb.Helper()
	path, err := exec.LookPath(c.Path)
	Must(tb, err)
	if c.Name == "" {
		c.Name = c.Path
	}
	if c.Dir == "" {
		c.Dir = tb.TempDir()
	}
	p := &Process{Name: c.Name, Cmd: exec.Command(path, c.Args...), tb: tb, done: make(chan struct{}), printed: make(chan struct{})}
	p.Cmd.Dir = c.Dir
	// The race detector would sleep a second at each end.
	p.Cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "TZ=UTC", "GORACE=atexit_sleep_ms=50"}, c.Env...)
	p.Cmd.Stdout, p.Cmd.Stderr = p, p
	p.Stdin, err = p.Cmd.StdinPipe()
	Must(tb, err)
	Must(tb, p.Cmd.Start())
	p.wait.Go(func() {
		_ = p.Cmd.Wait() // ProcessState tells it too
		close(p.done)
	})
	tb.Cleanup(p.end)
	return p
}

// Write takes what the program prints.
func (p *Process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.printed)
	p.printed = make(chan struct{})
	return p.output.Write(text)
}

// Output is all that was printed so far.
func (p *Process) Output() string {
	text, _ := p.read()
	return text
}

// read returns what was printed, and what closes when there is more.
func (p *Process) read() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String(), p.printed
}

// Expect waits until the program has printed what the expression matches, in which ^
// and $ are a line's, and returns that with its groups.
func (p *Process) Expect(expression string) []string {
	p.tb.Helper()
	re := regexp.MustCompile("(?m)" + expression)
	for limit, over := time.After(Patience), false; ; {
		text, more := p.read()
		if found := re.FindStringSubmatch(text); found != nil {
			return found
		}
		if over {
			p.tb.Fatalf("%s has ended (%s) without printing %s", p.Name, p.Cmd.ProcessState, re)
		}
		select {
		case <-more:
		case <-p.done:
			over = true // what was printed last is looked at too
		case <-limit:
			p.tb.Fatalf("%s does not print %s", p.Name, re)
		}
	}
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Over reports whether the program has ended.
func (p *Process) Over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// StopLimit is how long a program may take to stop once it is told to: more than a busy
// machine needs, less than systemd gives it before it kills (90 s).
const StopLimit = 30 * time.Second

// Signal sends a signal. After a kill it waits for the end.
func (p *Process) Signal(s syscall.Signal) {
	p.tb.Helper()
	Must(p.tb, p.Cmd.Process.Signal(s))
	p.told = p.told || s == syscall.SIGTERM || s == syscall.SIGINT
	if s == syscall.SIGKILL {
		<-p.done
	}
}

// Stop asks the program to end and checks its exit code.
func (p *Process) Stop(code int) {
	p.tb.Helper()
	p.Signal(syscall.SIGTERM)
	p.Exited(code)
}

// Exited waits for the program's end and checks its exit code.
func (p *Process) Exited(code int) {
	p.tb.Helper()
	if !p.ends() {
		p.tb.Fatalf("%s does not end", p.Name)
	}
	if got := p.Cmd.ProcessState.ExitCode(); got != code {
		p.tb.Fatalf("%s exited with %d, want %d", p.Name, got, code)
	}
}

// ends waits for the program's end. One that does not end is killed; if it is written
// in Go it says first what it is doing.
func (p *Process) ends() bool {
	for _, s := range []syscall.Signal{0, syscall.SIGQUIT, syscall.SIGKILL} {
		limit := Patience
		if p.told {
			limit = StopLimit
		}
		if s != 0 {
			_ = p.Cmd.Process.Signal(s)
			limit = 5 * time.Second
		}
		select {
		case <-p.done:
			return s == 0
		case <-time.After(limit):
		}
	}
	<-p.done
	return false
}

func (p *Process) end() {
	if !p.Over() {
		p.Signal(syscall.SIGTERM)
		if !p.ends() || !p.Cmd.ProcessState.Success() {
			p.tb.Errorf("%s does not stop cleanly: %s", p.Name, p.Cmd.ProcessState)
		}
	}
	p.wait.Wait()
	text := p.Output()
	if strings.Contains(text, "DATA RACE") {
		p.tb.Errorf("%s has a data race", p.Name)
	}
	if found := Secret.FindString(text); found != "" {
		p.tb.Errorf("%s has printed a secret: %s", p.Name, found)
	}
	if p.tb.Failed() {
		p.tb.Logf("%s printed:\n%s", p.Name, text)
	}
}
