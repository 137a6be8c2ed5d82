package photosim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Mode is what a fault does to a request.
type Mode string

// Modes of a fault. Lose and Late do what the request asks for, Empty and Repeat what they say, the others nothing.
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
	// Sticky refuses every request of the route from the first chosen one on, for For (default 5 minutes) and as Refuse does.
	// Without Error, Status and Body it is the refusal for writes that overlap, which Google was seen to keep up for minutes
	// although nothing overlapped, https://github.com/rclone/rclone/issues/8567
	Sticky Mode = "sticky"
	// Late does what was asked, but what it made is not known to other calls until For (default 1 minute) has passed: an album
	// of albums.create, the items of mediaItems.batchCreate. https://github.com/f2calv/CasCap.Api.GooglePhotos/issues/118
	Late Mode = "late"
	// Empty answers a listing with an empty page and a token that goes on where the page would have.
	Empty Mode = "empty"
	// Repeat lets the page after this one begin with this page's last item.
	Repeat Mode = "repeat"
)

var modes = []Mode{Refuse, Lose, Cut, Stall, Garble, Sticky, Late, Empty, Repeat}

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
	// Error names a refusal of Google's; see FaultErrors.
	Error string `json:"error,omitempty"`
	// Status is the HTTP status. Default that of Error, without an Error 503.
	Status int `json:"status,omitempty"`
	// Body is sent as it stands; only without Error.
	Body string `json:"body,omitempty"`
	// Form is how Error is written. Default as Google does.
	Form   Form              `json:"form,omitempty"`
	Header map[string]string `json:"headers,omitempty"`
	// After is how many bytes of the request's body are taken first, and never all of them. nil is none.
	After *int64 `json:"after,omitempty"`
	// For holds the answer, or the cut, back. Default 0, for Stall 5 minutes. Less when the client leaves, or at a reset. Sticky
	// and Late say what it is for them.
	For Duration `json:"for,omitempty"`

	// ItemCode is a google.rpc.Code that items of a batchCreate fail with, while the call itself goes on. No Mode is needed.
	ItemCode int `json:"item_code,omitempty"`
	// ItemMessage is the text that goes with ItemCode. Default as Google writes it for a file that it cannot take.
	ItemMessage string `json:"item_message,omitempty"`
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
	until  time.Time // of Sticky: until when all requests go wrong
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
	switch {
	case f.Route == "":
		return fmt.Errorf("needs a route")
	case checkRoute(f.Route) != nil:
		return checkRoute(f.Route)
	case f.Mode == "" && f.ItemCode == 0:
		return fmt.Errorf("needs a mode or an item code")
	case f.Mode != "" && !slices.Contains(modes, f.Mode):
		return fmt.Errorf("mode %q is none of %v", f.Mode, modes)
	case f.Error != "" && FaultErrors[f.Error] == nil:
		return fmt.Errorf("error %q is unknown", f.Error)
	case f.Error != "" && f.Body != "":
		return fmt.Errorf("has both an error and a body")
	case f.Form != "" && (f.Error == "" && f.Mode != Sticky || !slices.Contains(forms, f.Form)):
		return fmt.Errorf("form %q is none of %v, or there is no error to write", f.Form, forms)
	case f.Mode == Late && f.Route != "albums.create" && f.Route != "mediaItems.batchCreate":
		return fmt.Errorf("late goes with the routes albums.create and mediaItems.batchCreate")
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
		if hit == nil && f.chooses() {
			hit = f
		}
	}
	if hit == nil {
		return nil
	}
	s.stats.fault()
	return &hit.Fault
}

// chooses reports whether the request that was counted last goes wrong.
func (f *armedFault) chooses() bool {
	now := time.Now()
	if f.Mode == Sticky && !f.until.IsZero() {
		return now.Before(f.until)
	}
	if len(f.Calls) > 0 && !slices.Contains(f.Calls, f.count) || f.Probability > 0 && f.chance.Float64() >= f.Probability {
		return false
	}
	if f.Mode == Sticky {
		f.until = now.Add(f.long())
	}
	return true
}

// long is For, or what stands for none.
func (f *Fault) long() time.Duration {
	if f.For == 0 {
		return map[Mode]time.Duration{Stall: 5 * time.Minute, Sticky: 5 * time.Minute, Late: time.Minute}[f.Mode]
	}
	return time.Duration(f.For)
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

// itemText is what an item fails with. Item code 6 was seen with both this text and that of all other codes,
// https://github.com/dtinit/data-transfer-project/issues/1009
func (f *Fault) itemText() string {
	switch {
	case f == nil || f.ItemMessage == "" && f.ItemCode != rpcAlreadyExists:
		return failedItem
	case f.ItemMessage == "":
		return "EXISTS: There was an error while trying to create this media item."
	}
	return f.ItemMessage
}

// lateUntil is until when what a call makes is not known to others; zero: it is known at once. A nil fault delays nothing.
func (f *Fault) lateUntil() time.Time {
	if f == nil || f.Mode != Late {
		return time.Time{}
	}
	return time.Now().Add(f.long())
}
