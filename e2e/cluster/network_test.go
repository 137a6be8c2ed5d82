package cluster_test

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gphotos2mqtt/e2e/e2etest"
)

// A network joins sites. With namespaces each site has an address of its own and a link
// to a bridge, 10.77.0.1, where the test is. Without, all are on loopback.
type network struct {
	tb      testing.TB
	home    *os.File // the test's own namespace; nil without namespaces
	sites   int
	proxies map[way]*e2etest.Proxy // without namespaces
}

// A way is how one site reaches a port of another one.
type way struct {
	from, to *site
	port     string
}

func newNetwork(tb testing.TB) *network {
	tb.Helper()
	if os.Getenv(spacesVariable) == "" {
		tb.Log("there are no network namespaces here (they take root or user namespaces, ip and nft): all run on loopback")
		return newLoopback(tb)
	}
	return newSpaces(tb)
}

func newLoopback(tb testing.TB) *network {
	tb.Helper()
	return &network{tb: tb, proxies: map[way]*e2etest.Proxy{}}
}

func newSpaces(tb testing.TB) *network {
	tb.Helper()
	n := newLoopback(tb)
	var err error
	n.home, err = os.Open("/proc/thread-self/ns/net")
	e2etest.Must(tb, err)
	for _, line := range []string{"link add br0 type bridge", "addr add 10.77.0.1/24 dev br0", "link set br0 up"} {
		execute(tb, "ip", line)
	}
	tb.Cleanup(func() {
		execute(tb, "ip", "link del br0")
		_ = n.home.Close()
	})
	return n
}

// A site is where a process runs.
type site struct {
	name    string
	host    string
	network *network
	space   *os.File // nil on loopback
	ports   map[string]string
}

// site makes one more.
func (n *network) site(name string) *site {
	n.tb.Helper()
	n.sites++
	s := &site{name: name, host: "127.0.0.1", network: n, ports: map[string]string{}}
	if n.home == nil {
		return s
	}
	s.host = "10.77.0." + strconv.Itoa(10+n.sites)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e2etest.Must(n.tb, unix.Unshare(unix.CLONE_NEWNET))
	var err error
	s.space, err = os.Open("/proc/thread-self/ns/net")
	e2etest.Must(n.tb, err)
	e2etest.Must(n.tb, unix.Setns(int(n.home.Fd()), unix.CLONE_NEWNET))
	n.tb.Cleanup(func() { _ = s.space.Close() })
	link := fmt.Sprint("veth", n.sites)
	execute(n.tb, "ip", fmt.Sprintf("link add %s type veth peer name eth0 netns /proc/%d/fd/%d", link, os.Getpid(), s.space.Fd()))
	execute(n.tb, "ip", "link set "+link+" master br0 up")
	n.tb.Cleanup(func() { execute(n.tb, "ip", "link del "+link) }) // the namespace itself goes later, with its last process
	s.run("ip", "link set lo up")
	s.run("ip", "addr add "+s.host+"/24 dev eth0")
	s.run("ip", "link set eth0 up")
	s.run("nft", "add table ip cut")
	s.run("nft", "add set ip cut gone { type ipv4_addr; }")
	s.run("nft", "add chain ip cut in { type filter hook input priority 0; }")
	s.run("nft", "add rule ip cut in ip saddr @gone drop")
	return s
}

// in calls what starts a process, which is then at the site.
func (s *site) in(start func()) {
	if s.space == nil {
		start()
		return
	}
	runtime.LockOSThread()
	e2etest.Must(s.network.tb, unix.Setns(int(s.space.Fd()), unix.CLONE_NEWNET))
	defer func() { // else the thread ends with the goroutine
		if unix.Setns(int(s.network.home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	start()
}

func (s *site) run(program, line string) {
	s.network.tb.Helper()
	s.in(func() { execute(s.network.tb, program, line) })
}

func execute(tb testing.TB, program, line string) {
	tb.Helper()
	if out, err := exec.Command(program, strings.Fields(line)...).CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v: %s", program, line, err, out)
	}
}

// addr is where a program at the site listens; ports have names, on loopback any number.
func (s *site) addr(port string) string {
	s.network.tb.Helper()
	if s.ports[port] == "" {
		number := map[string]string{"client": "4222", "route": "6222", "monitor": "8222", "mqtt": "1883", "http": "8085", "pages": "8099"}[port]
		if s.space == nil {
			number = e2etest.Port(s.network.tb)
		}
		s.ports[port] = number
	}
	return net.JoinHostPort(s.host, s.ports[port])
}

// reach is the address under which one site reaches a port of another one.
func (n *network) reach(from, to *site, port string) string {
	n.tb.Helper()
	if n.home != nil {
		return to.addr(port)
	}
	w := way{from, to, port}
	if n.proxies[w] == nil {
		n.proxies[w] = e2etest.StartProxy(n.tb, to.addr(port))
	}
	return n.proxies[w].Addr()
}

// cut lets nothing through between two sites any more, and tells neither.
func (n *network) cut(a, b *site) { n.between(a, b, true) }

// heal ends cut.
func (n *network) heal(a, b *site) { n.between(a, b, false) }

func (n *network) between(a, b *site, cut bool) {
	n.tb.Helper()
	for _, pair := range [][2]*site{{a, b}, {b, a}} {
		if n.home != nil {
			verb := map[bool]string{true: "add", false: "delete"}[cut]
			pair[0].run("nft", verb+" element ip cut gone { "+pair[1].host+" }")
			continue
		}
		for w, proxy := range n.proxies {
			if w.from == pair[0] && w.to == pair[1] {
				proxy.Silence(cut)
			}
		}
	}
}

// String is for messages.
func (s *site) String() string { return cmp.Or(s.name, s.host) }
