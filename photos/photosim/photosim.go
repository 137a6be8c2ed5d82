// Package photosim is a strict, stateful Google for tests, demos and end-to-end runs, on the standard library alone: the OAuth
// consent page, token, revoke and user info endpoints, the Photos Library API v1 with raw and resumable uploads, and the host
// that serves media bytes behind base URLs.
//
// It refuses what Google refuses (scopes per call, 50 items a batch, one writer at a time, quotas, token and base URL lives,
// proto3 JSON, page tokens bound to their parameters) and keeps state as Google does (one library per account, items visible to
// the project that made them, equal bytes are one item). Where Google's behaviour is not documented it fixes one behaviour; the
// comment at such a rule starts with "SIM:". A client must not depend on those.
//
// A Server is reached in three ways: over any listener through Handler or Serve, by an unmodified client through the proxy that
// Serve offers with a CA, and in process through Transport, which needs no socket and works under testing/synctest. Requests are
// routed by Host header for Google's host names and by path prefix (/accounts, /oauth2, /openid, /www, /library, /bytes, /videos) for any
// other host. Everything under /_sim/ controls the simulator itself; the methods of Server mirror it.
//
// All methods are safe for concurrent use. Time comes from time.Now, delays are timers that the request's context ends.
package photosim

import (
	"crypto/rand"
	"net/http"
	"sync"
)

// Server is one simulated Google. Make it with New and end it with Close.
type Server struct {
	cfg   Config
	stats *recorder
	// key signs base URLs and page tokens.
	key [32]byte
	// filling is what base URLs are filled up with.
	filling [baseLength]byte
	// inflight counts requests served by Transport, so that Close can wait for them.
	inflight sync.WaitGroup
	line     uplink
	// buffers are reused between uploads.
	buffers sync.Pool

	mu        sync.Mutex
	spool     *spool
	grants    *grants
	libraries map[string]*library // by account id
	uploads   *uploads
	quota     *quota
	writers   map[string]string // the route of the write in progress, by account
	faults    []*armedFault
	delays    map[string]Delay
	released  chan struct{} // closed by Reset and Close: ends what a fault holds
	epoch     uint64        // base URLs and page tokens of earlier epochs are dead
	closed    bool
}

// New returns a server with the accounts and clients of cfg and empty libraries. It panics when cfg.Check finds a mistake: a
// simulator with a wrong configuration is a bug of its test.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	if err := cfg.Check(); err != nil {
		panic("photosim: " + err.Error())
	}
	s := &Server{cfg: cfg, stats: newRecorder()}
	_, _ = rand.Read(s.key[:]) // never fails, by its documentation
	_, _ = rand.Read(s.filling[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearLocked(false)
	return s
}

// Close ends held requests, waits for requests of Transport, and removes all media. A closed server answers nothing but errors.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.released)
	sp := s.spool
	s.mu.Unlock()
	s.inflight.Wait()
	return sp.Close()
}

// Reset brings the server back to the state after New: no items, albums, uploads, tokens, faults, delays or statistics. Tokens
// handed out before are dead.
func (s *Server) Reset() { s.reset(false) }

// ResetLibrary is Reset, except that the grants and tokens handed out before stay alive.
func (s *Server) ResetLibrary() { s.reset(true) }

func (s *Server) reset(keepTokens bool) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	old, released := s.spool, s.released
	s.clearLocked(keepTokens)
	s.mu.Unlock()
	close(released)
	s.stats.reset()
	_ = old.Close() // left-over temporary files only; requests in flight still hold theirs
}

// release ends what faults hold back at this moment.
func (s *Server) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		close(s.released)
		s.released = make(chan struct{})
	}
}

// clearLocked installs fresh state.
func (s *Server) clearLocked(keepTokens bool) {
	if !keepTokens {
		s.grants = newGrants()
	}
	s.spool = newSpool(s.cfg.Dir, s.cfg.MemoryPerFile)
	s.libraries = make(map[string]*library, len(s.cfg.Accounts))
	for _, a := range s.cfg.Accounts {
		s.libraries[a.ID] = newLibrary(a.ID)
	}
	s.uploads = newUploads()
	s.quota = newQuota()
	s.writers = make(map[string]string)
	s.faults = nil
	s.delays = nil
	_ = s.Uplink(0)
	s.released = make(chan struct{})
	s.epoch++
}

// Handler serves Google's hosts, the path prefixes and the control API.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Endpoints are the addresses a client has to be configured with.
type Endpoints struct {
	AuthURL     string // consent page
	TokenURL    string
	RevokeURL   string
	UserInfoURL string
	Library     string // base of the Library API, without /v1
}

// EndpointsAt returns the addresses of a server that is reached at base, such as "http://127.0.0.1:8080". With an empty base they
// are Google's own, for Transport or the proxy.
func EndpointsAt(base string) Endpoints {
	p := place{byHost: base == "", base: base}
	return Endpoints{
		AuthURL:     p.url(accounts) + "/o/oauth2/v2/auth",
		TokenURL:    p.url(oauth2) + "/token",
		RevokeURL:   p.url(oauth2) + "/revoke",
		UserInfoURL: p.url(openid) + "/v1/userinfo",
		Library:     p.url(libraryAPI),
	}
}

// Endpoints is EndpointsAt.
func (s *Server) Endpoints(base string) Endpoints { return EndpointsAt(base) }
