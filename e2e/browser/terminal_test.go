package browser_test

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A terminal is a running gphotos2mqtt with what it prints.
type terminal struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{}

	mu      sync.Mutex // guards all below
	printed bytes.Buffer
	more    chan struct{} // closed when there is more
}

// run starts gphotos2mqtt with the house's settings.
func (h *house) run(args ...string) *terminal {
	h.t.Helper()
	p := &terminal{t: h.t, cmd: exec.Command(program, args...), done: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Env = append([]string{"HOME=" + h.t.TempDir(), "TZ=UTC", "GORACE=atexit_sleep_ms=50"}, h.settings...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	h.must(err)
	h.must(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // ProcessState tells it too
		close(p.done)
	}()
	h.t.Cleanup(func() { // when the test has failed before its end
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// Write takes what the program prints.
func (p *terminal) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.more)
	p.more = make(chan struct{})
	return p.printed.Write(text)
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// line waits for a line that begins so, and returns it.
func (p *terminal) line(prefix string) string {
	p.t.Helper()
	over := time.After(patience)
	for {
		p.mu.Lock()
		text, more := p.printed.String(), p.more
		p.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, prefix) && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(line)
			}
		}
		select {
		case <-more:
		case <-over:
			p.t.Fatalf("nothing begins with %q in:\n%s", prefix, text)
		}
	}
}

// end stops the program, or waits for its own end without a signal.
func (p *terminal) end(signal syscall.Signal, code int) {
	p.t.Helper()
	if signal != 0 {
		_ = p.cmd.Process.Signal(signal)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d:\n%s", got, code, p.text())
	}
}
