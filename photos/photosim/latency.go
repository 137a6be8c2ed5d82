package photosim

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// Delay is how long requests of a route take beyond their own work.
type Delay struct {
	Base    time.Duration // per request; uploads wait after their body has arrived
	PerItem time.Duration // per new item of a batchCreate
}

// UnmarshalJSON reads "300ms" or {"base":"500ms","per_item":"30ms"}.
func (d *Delay) UnmarshalJSON(text []byte) error {
	var base Duration
	if strings.HasPrefix(string(text), `"`) {
		err := json.Unmarshal(text, &base)
		*d = Delay{Base: time.Duration(base)}
		return err
	}
	var both struct {
		Base    Duration `json:"base"`
		PerItem Duration `json:"per_item"`
	}
	err := json.Unmarshal(text, &both)
	*d = Delay{Base: time.Duration(both.Base), PerItem: time.Duration(both.PerItem)}
	return err
}

// Latency replaces all delays. Keys are routes as in Stats, prefixes with a star, or "*"; the longest matching key counts.
// The error names a key that matches none.
func (s *Server) Latency(delays map[string]Delay) error {
	for route := range delays {
		if err := checkRoute(route); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delays = maps.Clone(delays)
	return nil
}

func (s *Server) delayLocked(route string) Delay {
	if d, ok := s.delays[route]; ok {
		return d
	}
	var best string
	var found Delay
	for pattern, d := range s.delays {
		if matches(pattern, route) && len(pattern) > len(best) {
			best, found = pattern, d
		}
	}
	return found
}
