package cluster_test

import (
	"net"
	"os"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// TestLinks holds both kinds of network to what they promise: over a link that is cut
// nothing comes, neither a byte nor an end; what was sent meanwhile comes when it is healed.
func TestLinks(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *network{"namespaces": newSpaces, "loopback": newLoopback} {
		t.Run(name, func(t *testing.T) {
			if name == "namespaces" && os.Getenv(spacesVariable) == "" {
				t.Skip("there are no network namespaces here")
			}
			n := open(t)
			a, b, c := n.site("a"), n.site("b"), n.site("c")
			l := listen(t, b)
			ab, ba := connection(t, n, a, b, l)
			cb, bc := connection(t, n, c, b, l)
			says(t, ab, ba, true)
			n.cut(a, b)
			says(t, ab, ba, false)
			says(t, ba, ab, false)
			says(t, cb, bc, true) // another link of the same site
			n.heal(a, b)
			hears(t, ba, true)
			hears(t, ab, true)
			says(t, ab, ba, true)
		})
	}
}

func listen(t *testing.T, at *site) (l net.Listener) {
	t.Helper()
	at.in(func() {
		var err error
		l, err = net.Listen("tcp", at.addr("http"))
		e2etest.Must(t, err)
	})
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// connection is one from a site to another, with both its ends.
func connection(t *testing.T, n *network, from, to *site, l net.Listener) (there, here net.Conn) {
	t.Helper()
	from.in(func() {
		var err error
		there, err = net.Dial("tcp", n.reach(from, to, "http"))
		e2etest.Must(t, err)
	})
	here, err := l.Accept()
	e2etest.Must(t, err)
	t.Cleanup(func() {
		_ = there.Close()
		_ = here.Close()
	})
	return there, here
}

// says sends a byte, and checks whether it arrives.
func says(t *testing.T, from, to net.Conn, arrives bool) {
	t.Helper()
	_, err := from.Write([]byte{1})
	e2etest.Must(t, err)
	hears(t, to, arrives)
}

// hears reads a byte, or waits for one in vain for a moment.
func hears(t *testing.T, at net.Conn, arrives bool) {
	t.Helper()
	limit := 200 * time.Millisecond
	if arrives {
		limit = e2etest.Patience
	}
	e2etest.Must(t, at.SetReadDeadline(time.Now().Add(limit)))
	if _, err := at.Read(make([]byte, 1)); arrives != (err == nil) {
		t.Fatalf("heard with %v, want %v", err, arrives)
	}
}
