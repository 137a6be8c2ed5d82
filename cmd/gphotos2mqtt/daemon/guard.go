package daemon

import (
	"io"
	"net/http"

	"gphotos2mqtt/bridge/store"
)

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
