package cluster

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

// roleVar makes the test's program another one: a server of NATS, or a process of a fleet.
const roleVar = "GPHOTOS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role, arg, _ := strings.Cut(os.Getenv(roleVar), " "); role {
	case "":
		goleak.VerifyTestMain(m)
	case "server":
		serveNATS(strings.Fields(arg))
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

// servers are NATS servers in processes of their own, which make a cluster when there are several.
type servers struct {
	t       *testing.T
	args    [][]string
	running []*child
	url     string
}

func startServers(t *testing.T, n int) *servers {
	t.Helper()
	s := &servers{t: t}
	var clients, routes, urls []string
	for range n {
		clients, routes = append(clients, freePort(t)), append(routes, freePort(t))
	}
	for i := range n {
		urls = append(urls, "nats://127.0.0.1:"+clients[i])
		s.args = append(s.args, []string{clients[i], routes[i], t.TempDir(), strings.Join(routes, ",")})
		s.running = append(s.running, nil)
		s.start(i)
	}
	s.url = strings.Join(urls, ",")
	return s
}

func (s *servers) start(i int) { s.running[i] = startChild(s.t, "server", s.args[i]...) }

func serveNATS(args []string) {
	port, _ := strconv.Atoi(args[0])
	route, _ := strconv.Atoi(args[1])
	opts := &server.Options{
		ServerName: "n" + args[0], Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: args[2], NoSigs: true, NoLog: os.Getenv("NATS_LOG") == "",
	}
	if peers := strings.Split(args[3], ","); len(peers) > 1 {
		opts.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: route}
		for _, peer := range peers {
			opts.Routes = append(opts.Routes, server.RoutesFromStr("nats://127.0.0.1:"+peer)...)
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv("NATS_LOG") != "" {
		s.ConfigureLogger()
	}
	s.Start()
	s.WaitForShutdown()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
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
