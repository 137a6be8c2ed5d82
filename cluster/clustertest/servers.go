// Package clustertest starts real NATS servers for tests, each in a process of its own, which is the test's program once more: a package
// whose tests use it calls [Serve] first of all in its TestMain.
//
// The servers sync every write, as those of a bridge have to. What a test does to one (kill, freeze) the others and the clients notice as
// they would on other machines; the network between them is the loopback.
package clustertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const configEnv = "GPHOTOS_CLUSTERTEST_CONFIG"

// Serve makes the process a NATS server when it was started as one, and then never returns.
func Serve() {
	path := os.Getenv(configEnv)
	if path == "" {
		return
	}
	options, err := server.ProcessConfigFile(path)
	if err == nil {
		options.NoSigs = true
		var s *server.Server
		if s, err = server.NewServer(options); err == nil {
			s.ConfigureLogger()
			s.Start()
			fmt.Println("started")
			_, _ = io.Copy(io.Discard, os.Stdin) // until the test has ended, however it does
			os.Exit(0)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// Servers are one server, or a cluster of several.
type Servers struct {
	tb      testing.TB
	clients []string // addresses
	dirs    []string
	running []*exec.Cmd // nil while it does not run
}

// Start starts so many servers, and stops them when the test is over. More is added to the configuration of each, such as accounts; client
// is for the caller's own connections, such as a login.
func Start(tb testing.TB, count int, more string) *Servers {
	tb.Helper()
	s := &Servers{tb: tb, running: make([]*exec.Cmd, count)}
	ports := freePorts(tb, 2*count)
	var routes []string
	for _, port := range ports[count:] {
		routes = append(routes, "nats-route://"+port)
	}
	for i := range count {
		dir := tb.TempDir()
		s.dirs, s.clients = append(s.dirs, dir), append(s.clients, "nats://"+ports[i])
		config := fmt.Sprintf("server_name: n%d\nlisten: %q\njetstream { store_dir: %q, sync_interval: always }\nlogfile: %q\nlogtime: true\n%s\n",
			i, ports[i], dir, filepath.Join(dir, "log"), more)
		if count > 1 {
			config += fmt.Sprintf("cluster { name: test, listen: %q, routes: [%s] }\n", ports[count+i], strings.Join(routes, ", "))
		}
		must(tb, os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600))
		s.Run(i)
	}
	tb.Cleanup(func() {
		for i := range count {
			s.Kill(i)
			if log, err := os.ReadFile(filepath.Join(s.dirs[i], "log")); err == nil && tb.Failed() && testing.Verbose() {
				tb.Logf("log of server %d:\n%s", i, log)
			}
		}
	})
	return s
}

// URLs are the addresses for clients, separated by commas.
func (s *Servers) URLs() string { return strings.Join(s.clients, ",") }

// URL is that of one server.
func (s *Servers) URL(i int) string { return s.clients[i] }

// Run starts a server that does not run.
func (s *Servers) Run(i int) {
	s.tb.Helper()
	exe, err := os.Executable()
	must(s.tb, err)
	cmd := exec.CommandContext(context.Background(), exe)
	cmd.Env = append(os.Environ(), configEnv+"="+filepath.Join(s.dirs[i], "config"))
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	must(s.tb, err)
	out, err := cmd.StdoutPipe()
	must(s.tb, err)
	must(s.tb, cmd.Start())
	s.running[i] = cmd
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		s.tb.Fatalf("server %d: %s, %v", i, line, err)
	}
}

// Kill ends a server as a power cut does, but for what the kernel has not yet written.
func (s *Servers) Kill(i int) {
	if cmd := s.running[i]; cmd != nil {
		s.running[i] = nil
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// JetStream connects to the servers, until the test is over.
func (s *Servers) JetStream(options ...nats.Option) jetstream.JetStream {
	s.tb.Helper()
	n, err := nats.Connect(s.URLs(), append(options, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))...)
	must(s.tb, err)
	s.tb.Cleanup(n.Close)
	js, err := jetstream.New(n)
	must(s.tb, err)
	return js
}

// Leader waits until a stream has a leader, and says which server it is.
func (s *Servers) Leader(js jetstream.JetStream, stream string) int {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		asking, done := context.WithTimeout(ctx, time.Second)
		info, err := js.Stream(asking, stream)
		done()
		if err != nil || info.CachedInfo().Cluster.Leader == "" {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		var i int
		_, err = fmt.Sscanf(info.CachedInfo().Cluster.Leader, "n%d", &i)
		must(s.tb, err)
		return i
	}
	s.tb.Fatal("there is no leader of ", stream)
	return 0
}

// Own makes somebody the owner of an entry in the buckets of a prefix, whoever it was before, and returns the fence: what a fleet does.
func Own(ctx context.Context, servers, prefix, entry string) (fence uint64, err error) {
	n, err := nats.Connect(servers)
	if err != nil {
		return 0, err
	}
	defer n.Close()
	js, err := jetstream.New(n)
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		ack, err := js.Publish(ctx, "$KV."+prefix+"-records.owner."+entry, []byte(`{"process":"test"}`))
		if err == nil {
			return ack.Sequence, nil
		}
	}
	return 0, ctx.Err()
}

// freePorts are addresses on which nobody listens just now.
func freePorts(tb testing.TB, count int) (addresses []string) {
	tb.Helper()
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(tb, err)
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
