package photosim

import (
	"bufio"
	"net"
	"net/http"
)

// proxy answers CONNECT for Google's hosts by leading the tunnel into the simulator, so that a client with HTTPS_PROXY and the CA
// file needs no change. Nothing ever leaves the machine.
type proxy struct {
	next   http.Handler
	tunnel *handover
	hosts  map[string]bool
}

// tunnelHosts are the addresses that CONNECT may name.
func tunnelHosts() map[string]bool {
	allowed := make(map[string]bool)
	for _, h := range Hosts() {
		allowed[h+":443"] = true
	}
	return allowed
}

// ServeHTTP passes everything but CONNECT on.
func (p proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.next.ServeHTTP(w, r)
		return
	}
	if !p.hosts[r.Host] {
		http.Error(w, "photosim leads to the hosts of Google's that it simulates, and nowhere else", http.StatusForbidden)
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	if _, err := buf.WriteString("HTTP/1.1 200 Connection established\r\n\r\n"); err != nil || buf.Flush() != nil {
		_ = conn.Close()
		return
	}
	p.tunnel.give(tunnelled(conn, buf.Reader))
}

// tunnelled keeps what the client sent behind its CONNECT.
func tunnelled(conn net.Conn, r *bufio.Reader) net.Conn {
	if r.Buffered() == 0 {
		return conn
	}
	return peeked{conn, r}
}
