package fleet

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gphotos2mqtt/cluster/clustertest"
)

// roleVar makes the test's program another one: a server of NATS, or a process of a fleet.
const roleVar = "GPHOTOS_TEST_ROLE"

func TestMain(m *testing.M) {
	clustertest.Serve()
	switch role, arg, _ := strings.Cut(os.Getenv(roleVar), " "); role {
	case "":
		goleak.VerifyTestMain(m)
	case "member":
		runMember(strings.Fields(arg))
	}
}

// A child is a process of the test.
type child struct {
	*exec.Cmd

	lines chan string
}

func startChild(t *testing.T, role string, args ...string) *child {
	t.Helper()
	c := &child{exec.Command(os.Args[0]), make(chan string, 10_000)}
	c.Env = append(os.Environ(), roleVar+"="+strings.Join(append([]string{role}, args...), " "))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	go func() {
		defer close(c.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			c.lines <- scan.Text()
		}
	}()
	t.Cleanup(func() { c.kill() })
	return c
}

func (c *child) kill() {
	_ = c.Process.Kill()
	for range c.lines {
	}
	_ = c.Wait()
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	must(t, c.Process.Signal(s))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}
