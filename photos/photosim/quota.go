package photosim

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // midnight Pacific time must be known on machines without a zone database
)

// dailyBytes is how many base URLs a project may fetch a day,
// https://developers.google.com/photos/overview/api-limits-quotas
const dailyBytes = 75_000

// quota counts requests. It is guarded by Server.mu.
type quota struct {
	zone   *time.Location         // Pacific time
	day    string                 // the Pacific day that spent and bytes are about
	spent  map[string]int         // requests per project
	bytes  map[string]int         // byte requests per project
	writes map[string][]time.Time // of the last minute, per account and project
}

func newQuota() *quota {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err) // cannot happen with the embedded zone database
	}
	return &quota{zone: zone, spent: make(map[string]int), bytes: make(map[string]int), writes: make(map[string][]time.Time)}
}

// spend takes one of limit from a counter of the day, which ends at midnight Pacific time.
func (q *quota) spend(counter *map[string]int, project string, limit int) bool {
	if day := time.Now().In(q.zone).Format(time.DateOnly); day != q.day {
		q.day, q.spent, q.bytes = day, make(map[string]int), make(map[string]int)
	}
	if (*counter)[project] >= limit {
		return false
	}
	(*counter)[project]++
	return true
}

func (q *quota) spendWrite(key string, limit int) bool {
	now := time.Now()
	recent := slices.DeleteFunc(q.writes[key], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	q.writes[key] = recent
	if len(recent) >= limit {
		return false
	}
	q.writes[key] = append(recent, now)
	return true
}

// bearer returns the token of the Authorization header, or without one of the query, where Google takes it too.
func (s *Server) bearer(r *http.Request) (*accessToken, error) {
	q := r.URL.Query()
	kind, name, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if kind == "" {
		kind, name = "Bearer", cmp.Or(q.Get("access_token"), q.Get("oauth_token"))
		if name == "" {
			return nil, errUnauthenticated(true)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.grants.liveAccess(strings.TrimSpace(name))
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return nil, errUnauthenticated(false)
	}
	return t, nil
}

// admit authenticates a call and lets it through the API's switches, its scopes and the quotas, in this order. nil scopes skip
// the scope check.
func (s *Server) admit(r *http.Request, scopes []string, write, metered bool) (*accessToken, error) {
	t, err := s.bearer(r)
	if err != nil {
		return nil, err
	}
	if c, _ := s.client(t.client); c.APIDisabled {
		return nil, errServiceDisabled(t.project)
	}
	if scopes != nil && !t.scopes.hasAny(scopes) {
		return nil, errScopes()
	}
	if !s.cfg.Quotas {
		return t, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if metered && !s.quota.spend(&s.quota.spent, t.project, s.cfg.DailyRequests) {
		return nil, errDailyQuota(t.project, s.cfg.DailyRequests)
	}
	if write && !s.quota.spendWrite(t.account+" "+t.project, s.cfg.WritesPerMinute) {
		return nil, errMinuteQuota(t.project, s.cfg.WritesPerMinute)
	}
	return t, nil
}

// beginWrite takes the account's one writer slot for a route, or refuses.
func (s *Server) beginWrite(t *accessToken, route string) (end func(), err error) {
	ended := s.stats.writeBegins(t.account)
	s.mu.Lock()
	defer s.mu.Unlock()
	writers := s.writers // a reset in between starts a new map
	if other := writers[t.account]; other != "" {
		s.stats.overlap(Overlap{At: time.Now(), Account: t.account, Route: route, Beside: other})
		ended()
		return nil, errConcurrentWrite()
	}
	writers[t.account] = route
	return func() {
		s.mu.Lock()
		delete(writers, t.account)
		s.mu.Unlock()
		ended()
	}, nil
}
