package daemon

import (
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"

	"gphotos2mqtt/bridge/store"
)

// A google is the way to Google's servers that all entries share. Nothing is sent for an entry that this process does not hold.
type google struct {
	base  *http.Transport
	holds func(entry string) func() bool
}

func newGoogle(p *process) google {
	base := http.DefaultTransport.(*http.Transport).Clone()
	// As many connections as all entries have used at a time, so that none is opened anew for each file; idle ones are closed after 90 s.
	base.MaxIdleConnsPerHost, base.MaxIdleConns = math.MaxInt, 0
	if dial := base.DialContext; !p.alone() {
		base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return guardedConn{conn, p.fleet.Alive}, nil
		}
	}
	return google{base, p.holds}
}

// transport carries an entry's requests.
func (g google) transport(entry string, log *logrus.Entry) *transport {
	return &transport{base: guarded{g.base, g.holds(entry)}, log: log}
}

// A transport counts requests to Google for the day's quota and, at debug level, logs each without query, header and body, for secrets.
type transport struct {
	base  http.RoundTripper
	count func()        // may be nil
	log   *logrus.Entry // may be nil
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.count != nil {
		t.count()
	}
	began := time.Now()
	resp, err := t.base.RoundTrip(req)
	if t.log != nil && t.log.Logger.IsLevelEnabled(logrus.DebugLevel) {
		log := t.log.WithFields(logrus.Fields{
			"op": req.Method + " " + req.URL.Host, "wait": time.Since(began).Round(time.Millisecond).String(), "kind": "no answer",
		})
		if err == nil {
			log = log.WithField("kind", resp.StatusCode)
		}
		log.Debug("request to google")
	}
	return resp, err
}

// A guarded transport sends nothing for an entry that this process does not hold: it is asked before a request, and at each piece of its body,
// so that a process which was halted and goes on does not finish what it was sending.
type guarded struct {
	base  http.RoundTripper
	holds func() bool
}

func (g guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	if !g.holds() {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, store.ErrLost
	}
	if req.Body == nil || req.Body == http.NoBody {
		return g.base.RoundTrip(req)
	}
	asked := *req
	asked.Body = guardedBody{req.Body, g.holds}
	if again := req.GetBody; again != nil {
		asked.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return guardedBody{body, g.holds}, err
		}
	}
	return g.base.RoundTrip(&asked)
}

type guardedBody struct {
	io.ReadCloser

	holds func() bool
}

func (b guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.holds() { // after the read, which may have waited
		return 0, store.ErrLost
	}
	return n, err
}

// A guardedConn sends nothing once this process has no lease, whatever was on its way to it.
type guardedConn struct {
	net.Conn

	alive func() bool
}

func (c guardedConn) Write(p []byte) (int, error) {
	if !c.alive() {
		return 0, store.ErrLost
	}
	return c.Conn.Write(p)
}
