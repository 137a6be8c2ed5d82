package bridge

import (
	"sync"
	"time"
)

// A streak counts requests to Google that failed in a row. Requests that were on
// their way at the same time fail together and count once: one broken line under
// eight uploads is one failure, or the entry would wait for minutes after it.
type streak struct {
	mu   sync.Mutex // guards all below
	n    int
	last time.Time // when the failure came that was counted last
}

// failed counts a failure of a request that began at a time, and returns how many
// there were in a row.
func (s *streak) failed(began time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 || began.After(s.last) {
		s.n++
		s.last = time.Now()
	}
	return s.n
}

// over says that Google has answered.
func (s *streak) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n = 0
}
