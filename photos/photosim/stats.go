package photosim

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Stats is what the server has seen since New or the last reset. Requests refused by a fault count like any other.
type Stats struct {
	Routes map[string]RouteStats `json:"routes"`
	// Current and Peak are requests under way at the same time, over all routes.
	Current int `json:"current"`
	Peak    int `json:"peak"`
	// Writes are those of all accounts; users write beside each other, so its peak is no fault of anybody.
	Writes Writes `json:"writes"`
	// AccountWrites are those of each account that has written, by the account's id.
	AccountWrites map[string]Writes `json:"account_writes"`
	// Overlaps are the last overlapping writes, at most 100, oldest first. Writes.Overlapping counts all.
	Overlaps []Overlap `json:"overlaps"`
	// BatchSizes are the numbers of new items of each batchCreate call that was carried out, in order.
	BatchSizes []int `json:"batch_sizes"`
	// Faults is how many requests met a fault.
	Faults int `json:"faults"`
}

// Writes are calls that Google allows one at a time per user: every method that changes items or albums, but no upload of bytes. A
// write begins when it is let in with its whole body, and ends when its answer is ready, also when the client has left by then.
type Writes struct {
	Total   int `json:"total"`
	Current int `json:"current"`
	// Peak is the most at the same time, overlapping ones among them: 1 for an account whose writes never overlap.
	Peak int `json:"peak"`
	// Overlapping are those that began while another one of the same account was under way; each of them was refused.
	Overlapping int `json:"overlapping"`
}

// Overlap is one overlapping write.
type Overlap struct {
	At      time.Time `json:"at"`
	Account string    `json:"account"`
	Route   string    `json:"route"`
	Beside  string    `json:"beside"` // the route of the write that was under way
}

const maxOverlaps = 100

// RouteStats are the requests of one route.
type RouteStats struct {
	Requests int            `json:"requests"`
	BytesIn  int64          `json:"bytes_in"`
	BytesOut int64          `json:"bytes_out"`
	Statuses map[string]int `json:"statuses,omitempty"`
	// Cut are requests that got no answer.
	Cut     int `json:"cut,omitempty"`
	Current int `json:"current"`
	Peak    int `json:"peak"`
}

// Stats returns a copy of the counters.
func (s *Server) Stats() Stats { return s.stats.snapshot() }

// recorder counts under a lock of its own, so that counting never waits for a handler.
type recorder struct {
	mu    sync.Mutex
	stats Stats
}

func newRecorder() *recorder {
	r := &recorder{}
	r.reset()
	return r
}

// callStats counts one request.
type callStats struct {
	rec      *recorder
	route    string
	answered bool
}

func (r *recorder) begin(route string) *callStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	rs := r.stats.Routes[route]
	rs.Requests++
	rs.Current++
	rs.Peak = max(rs.Peak, rs.Current)
	r.stats.Routes[route] = rs
	r.stats.Current++
	r.stats.Peak = max(r.stats.Peak, r.stats.Current)
	return &callStats{rec: r, route: route}
}

// end also runs when the handler cuts the connection by a panic.
func (c *callStats) end() {
	c.update(func(rs *RouteStats) {
		rs.Current = max(0, rs.Current-1) // a reset in between has set it to zero
		if !c.answered {
			rs.Cut++
		}
	})
	c.rec.mu.Lock()
	c.rec.stats.Current = max(0, c.rec.stats.Current-1)
	c.rec.mu.Unlock()
}

func (c *callStats) update(f func(*RouteStats)) {
	c.rec.mu.Lock()
	defer c.rec.mu.Unlock()
	rs := c.rec.stats.Routes[c.route]
	f(&rs)
	c.rec.stats.Routes[c.route] = rs
}

func (c *callStats) status(code int) {
	c.answered = true
	c.update(func(rs *RouteStats) {
		if rs.Statuses == nil {
			rs.Statuses = make(map[string]int)
		}
		rs.Statuses[strconv.Itoa(code)]++
	})
}

// writeBegins counts a write under way; the returned function ends it.
func (r *recorder) writeBegins(account string) (end func()) {
	r.countWrite(account, func(w *Writes) {
		w.Total++
		w.Current++
		w.Peak = max(w.Peak, w.Current)
	})
	return func() {
		r.countWrite(account, func(w *Writes) { w.Current = max(0, w.Current-1) }) // a reset in between has set it to zero
	}
}

// overlap counts a write that is refused for another one.
func (r *recorder) overlap(o Overlap) {
	r.countWrite(o.Account, func(w *Writes) { w.Overlapping++ })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Overlaps = append(r.stats.Overlaps[max(0, len(r.stats.Overlaps)-maxOverlaps+1):], o)
}

func (r *recorder) countWrite(account string, count func(*Writes)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count(&r.stats.Writes)
	w := r.stats.AccountWrites[account]
	count(&w)
	r.stats.AccountWrites[account] = w
}

func (r *recorder) batch(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.BatchSizes = append(r.stats.BatchSizes, size)
}

func (r *recorder) fault() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Faults++
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats = Stats{
		Routes: make(map[string]RouteStats), BatchSizes: []int{}, AccountWrites: make(map[string]Writes), Overlaps: []Overlap{},
	}
}

func (r *recorder) snapshot() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.stats
	out.BatchSizes, out.Overlaps = slices.Clone(out.BatchSizes), slices.Clone(out.Overlaps)
	out.AccountWrites = maps.Clone(out.AccountWrites)
	out.Routes = maps.Clone(out.Routes)
	for name, rs := range out.Routes {
		rs.Statuses = maps.Clone(rs.Statuses)
		out.Routes[name] = rs
	}
	return out
}

// countingWriter counts the status when it is sent, so that a client that has its answer finds it counted.
type countingWriter struct {
	http.ResponseWriter
	call  *callStats
	wrote bool
}

func (w *countingWriter) WriteHeader(code int) {
	if !w.wrote && code >= 200 {
		w.wrote = true
		w.call.status(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.call.update(func(rs *RouteStats) { rs.BytesOut += int64(n) })
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type countingBody struct {
	io.ReadCloser
	call *callStats
	line *uplink
	ctx  context.Context //nolint:containedctx // of the request whose body it is
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(b.line.part(p))
	if n > 0 {
		b.line.carry(b.ctx, n)
		b.call.update(func(rs *RouteStats) { rs.BytesIn += int64(n) })
	}
	return n, err
}
