package e2etest

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// Ports below 32768 are not given to outgoing connections, see ip_local_port_range in
// https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html. Each test process
// has a block of them, because a port is free until its program listens; it holds the
// block by listening on the block's own port until it ends.
const firstBlock, blocks, blockSize = 20000, 24, 500

var (
	lastPort  atomic.Int32
	takeBlock = sync.OnceValues(func() (held net.Listener, err error) {
		for n := range blocks {
			if held, err = listen("127.0.0.1", firstBlock+n*blockSize); err == nil {
				break
			}
		}
		return held, err
	})
)

// Port returns a port that nobody listens on, on any address of this machine.
func Port(tb testing.TB) string {
	tb.Helper()
	held, err := takeBlock()
	Must(tb, err)
	block := held.Addr().(*net.TCPAddr).Port
	for range blockSize {
		port := block + 1 + int(lastPort.Add(1))%(blockSize-1)
		if l, err := listen("", port); err == nil {
			Must(tb, l.Close())
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("no free port")
	return ""
}

func listen(host string, port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}
