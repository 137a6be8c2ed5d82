package photosim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Mode is what a fault does to a request.
type Mode string

// Modes of a fault. None of them but Lose does what the request asks for.
const (
	// Refuse answers with Error, or Status and Body, instead of doing anything.
	Refuse Mode = "refuse"
	// Lose does what was asked, then cuts the connection; with a Status it sends that in place of the real answer.
	Lose Mode = "lose"
	// Cut takes After bytes of the body and cuts the connection. A resumable session keeps the whole granules among them.
	Cut Mode = "cut"
	// Stall takes After bytes of the body (all of it when After is nil, doing nothing with it), then neither reads nor answers for
	// For, and cuts the connection. Over HTTP/1 a client that leaves in the middle of its body is noticed only then.
	Stall Mode = "stall"
	// Garble answers with something else than was promised: 200 with a JSON error from uploads, an HTML 502 elsewhere.
	Garble Mode = "garble"
	// Empty answers a listing with an empty page and a token that goes on where the page would have.
	Empty Mode = "empty"
	// Repeat lets the page after this one begin with this page's last item.
	Repeat Mode = "repeat"
)

// Fault makes chosen requests of a route go wrong. Every fault counts the requests of its route from the time it is set; the
// first fault in the list that chooses a request is the one that happens.
type Fault struct {
	// Route is a name as in Stats, a prefix with a star ("uploads.*"), or "*".
	Route string `json:"route"`
	// Calls are the numbers of the requests that go wrong, from 1. Empty means every request ("every" in JSON). A fault that has
	// had its last call is spent and does nothing more.
	Calls Calls `json:"calls,omitempty"`
	// Probability, when above zero, lets each chosen request go wrong with this chance, drawn from Seed.
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`

	Mode Mode `json:"mode,omitempty"`
	// Error names a refusal of Google's instead of Status and Body; see FaultErrors.
	Error  string            `json:"error,omitempty"`
	Status int               `json:"status,omitempty"` // default 503
	Body   string            `json:"body,omitempty"`
	Header map[string]string `json:"headers,omitempty"`
	// After is how many bytes of the request's body are taken first, and never all of them. nil is none.
	After *int64 `json:"after,omitempty"`
	// For holds the answer, or the cut, back. Default 0, for Stall 5 minutes. Less when the client leaves, or at a reset.
	For Duration `json:"for,omitempty"`

	// ItemCode is a google.rpc.Code that items of a batchCreate fail with, while the call itself goes on. No Mode is needed.
	ItemCode int `json:"item_code,omitempty"`
	// Items are the positions in the batch that fail, from 0. Empty means all.
	Items []int `json:"items,omitempty"`
}

// Calls are request numbers from 1; in JSON also "every".
type Calls []int

// UnmarshalJSON reads [1,3] or "every".
func (c *Calls) UnmarshalJSON(text []byte) error {
	if string(text) == `"every"` {
		*c = nil
		return nil
	}
	return json.Unmarshal(text, (*[]int)(c))
}

// Duration is a time.Duration written as "300ms".
type Duration time.Duration

// UnmarshalJSON reads a Go duration in quotes.
func (d *Duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	if err == nil && v < 0 {
		err = fmt.Errorf("duration %s is negative", s)
	}
	*d = Duration(v)
	return err
}

// MarshalJSON writes a Go duration in quotes.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// armedFault is a fault with its own counter and chance.
type armedFault struct {
	Fault
	count  int
	chance *rand.Rand
}

// Faults replaces the list of faults; none clears it. The error names the first fault that makes no sense.
func (s *Server) Faults(faults ...Fault) error {
	armed := make([]*armedFault, 0, len(faults))
	for i, f := range faults {
		if err := f.check(); err != nil {
			return fmt.Errorf("fault %d: %w", i, err)
		}
		armed = append(armed, &armedFault{Fault: f, chance: rand.New(rand.NewPCG(f.Seed, 1))}) //nolint:gosec // chances repeat with their seed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = armed
	return nil
}

func (f Fault) check() error {
	modes := []Mode{Refuse, Lose, Cut, Stall, Garble, Empty, Repeat}
	switch {
	case f.Route == "":
		return fmt.Errorf("needs a route")
	case f.Mode == "" && f.ItemCode == 0:
		return fmt.Errorf("needs a mode or an item code")
	case f.Mode != "" && !slices.Contains(modes, f.Mode):
		return fmt.Errorf("mode %q is none of %v", f.Mode, modes)
	case f.Error != "" && FaultErrors[f.Error] == nil:
		return fmt.Errorf("error %q is unknown", f.Error)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is no final HTTP status", f.Status)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability %v is not between 0 and 1", f.Probability)
	case f.After != nil && *f.After < 0:
		return fmt.Errorf("after is negative")
	}
	return nil
}

// takeFault counts a request and returns the fault it meets, if any.
func (s *Server) takeFault(route string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *armedFault
	for _, f := range s.faults {
		if !matches(f.Route, route) {
			continue
		}
		f.count++
		if hit == nil && (len(f.Calls) == 0 || slices.Contains(f.Calls, f.count)) &&
			(f.Probability == 0 || f.chance.Float64() < f.Probability) {
			hit = f
		}
	}
	if hit == nil {
		return nil
	}
	s.stats.fault()
	return &hit.Fault
}

// matches reports whether a route is named by a pattern with at most one star at its end.
func matches(pattern, route string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(route, prefix)
	}
	return pattern == route
}

// itemCode is what the item at a position of a batch fails with; 0 is nothing. A nil fault fails nothing.
func (f *Fault) itemCode(n int) int {
	if f == nil || len(f.Items) > 0 && !slices.Contains(f.Items, n) {
		return 0
	}
	return f.ItemCode
}

// FaultErrors are the refusals a fault can name: the ones that clients have to tell apart by their texts.
var FaultErrors = map[string]func() *apiError{
	"daily_quota":         func() *apiError { return errDailyQuota(DefaultProject, 10_000) },
	"minute_quota":        func() *apiError { return errMinuteQuota(DefaultProject, 30) },
	"concurrent_write":    func() *apiError { return errConcurrentWrite(DefaultProject) },
	"storage_full":        errStorageFull,
	"unauthenticated":     func() *apiError { return errUnauthenticated(false) },
	"scopes":              errScopes,
	"not_enabled":         func() *apiError { return errNotEnabled(DefaultProject) },
	"photos_disabled":     errPhotosDisabled,
	"item_id":             errItemID,
	"no_permission":       errNoPermission,
	"album_unknown":       errAlbumUnknown,
	"album_not_writeable": errAlbumNotWriteable,
	"not_found":           func() *apiError { return notFound("Requested entity was not found.") },
	"internal": func() *apiError {
		return serverError(http.StatusInternalServerError, "INTERNAL", "Internal error encountered.")
	},
	"unavailable": func() *apiError {
		return serverError(http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.")
	},
	"deadline": func() *apiError {
		return serverError(http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
	},
}

func serverError(code int, status, message string) *apiError {
	return &apiError{code: code, status: status, message: message}
}
