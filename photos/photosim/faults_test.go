package photosim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (m *sim) set(faults ...Fault) {
	m.t.Helper()
	if err := m.Faults(faults...); err != nil {
		m.t.Fatal(err)
	}
}

func TestWhichCallsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		fault Fault
		want  string // of ten calls; x fails
	}{
		"every":        {Fault{Route: "albums.list"}, "xxxxxxxxxx"},
		"some":         {Fault{Route: "albums.list", Calls: Calls{1, 3}}, "x.x......."},
		"star":         {Fault{Route: "*", Calls: Calls{2}}, ".x........"},
		"prefix":       {Fault{Route: "albums.*", Calls: Calls{10}}, ".........x"},
		"other route":  {Fault{Route: "albums.get"}, ".........."},
		"other prefix": {Fault{Route: "mediaItems.*"}, ".........."},
	} {
		t.Run(name, func(t *testing.T) {
			m := newSim(t, Config{})
			tt.fault.Mode = Refuse
			m.set(tt.fault)
			got := ""
			for range 10 {
				if m.call("GET", "/v1/albums", "").status == 503 {
					got += "x"
				} else {
					got += "."
				}
			}
			if got != tt.want || m.Stats().Faults != strings.Count(got, "x") {
				t.Errorf("%s, want %s; stats %+v", got, tt.want, m.Stats().Faults)
			}
			m.set()
			if r := m.call("GET", "/v1/albums", ""); r.status != 200 {
				t.Errorf("after the faults are gone: %d", r.status)
			}
		})
	}
}

func TestProbabilityRepeatsWithItsSeed(t *testing.T) {
	run := func(seed uint64) string {
		m := newSim(t, Config{})
		m.set(Fault{Route: "*", Mode: Refuse, Probability: 0.3, Seed: seed})
		out := ""
		for range 100 {
			out += fmt.Sprint(m.call("GET", "/v1/albums", "").status/100) + ""
		}
		return out
	}
	a, b, c := run(1), run(1), run(2)
	if a != b || a == c || strings.Count(a, "5") < 15 || strings.Count(a, "5") > 45 {
		t.Errorf("failures %s\n%s\n%s", a, b, c)
	}
}

func TestRefusals(t *testing.T) {
	m := newSim(t, Config{})
	for name, tt := range map[string]struct {
		fault                Fault
		status               int
		kind, body, wantHead string
	}{
		"default":       {Fault{}, 503, "text/plain", "", ""},
		"JSON":          {Fault{Status: 500, Body: `{"x":1}`}, 500, "application/json", `{"x":1}`, ""},
		"with headers":  {Fault{Status: 429, Body: "<p>", Header: map[string]string{"Retry-After": "2", "Content-Type": "text/html"}}, 429, "text/html", "<p>", "2"},
		"garbled":       {Fault{Mode: Garble}, 502, "text/html", "<!DOCTYPE", ""},
		"daily quota":   {Fault{Error: "daily_quota"}, 429, "application/json", "per day", ""},
		"storage":       {Fault{Error: "storage_full"}, 400, "application/json", "remaining storage", ""},
		"no photos":     {Fault{Error: "photos_disabled"}, 403, "application/json", "Google Photos is disabled for the user", ""},
		"a status lost": {Fault{Mode: Lose, Status: 500, Body: "lost"}, 500, "text/plain", "lost", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.fault.Route = "albums.create"
			if tt.fault.Mode == "" {
				tt.fault.Mode = Refuse
			}
			m.Reset()
			m.token = m.grant(GrantRequest{}).AccessToken
			m.set(tt.fault)
			r := m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`)
			if r.status != tt.status || !strings.HasPrefix(r.header.Get("Content-Type"), tt.kind) || !strings.Contains(r.body, tt.body) ||
				r.header.Get("Retry-After") != tt.wantHead {
				t.Errorf("answer %d %v %q", r.status, r.header, r.body)
			}
			if done := len(m.Library()[0].Albums) == 1; done != (tt.fault.Mode == Lose) {
				t.Errorf("done: %v", done)
			}
		})
	}
	for name, make := range FaultErrors {
		m.set(Fault{Route: "*", Mode: Refuse, Error: name})
		want := make().answer(false)
		r := m.call("GET", "/v1/albums", "")
		if r.status != want.code || !strings.Contains(r.body, want.bare.Message) && !strings.Contains(r.body, `"error_description"`) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestGarbledUpload(t *testing.T) {
	m := newSim(t, Config{})
	m.set(Fault{Route: "uploads.raw", Mode: Garble})
	r := m.call("POST", "/v1/uploads", "x", "X-Goog-Upload-Protocol", "raw")
	if r.status != 200 || !json.Valid([]byte(r.body)) {
		t.Errorf("answer %d %q, want a 200 with JSON", r.status, r.body)
	}
}

// TestDoneOrNot breaks requests in each way and looks what is there afterwards.
func TestDoneOrNot(t *testing.T) {
	body := `{"album":{"title":"a"}}`
	for name, tt := range map[string]struct {
		fault Fault
		done  bool
	}{
		"lost":                  {Fault{Mode: Lose}, true},
		"cut at once":           {Fault{Mode: Cut}, false},
		"cut in the body":       {Fault{Mode: Cut, After: new(int64(5))}, false},
		"cut behind the body":   {Fault{Mode: Cut, After: new(int64(1000))}, false},
		"stall":                 {Fault{Mode: Stall, For: Duration(time.Second)}, false},
		"stall in the body":     {Fault{Mode: Stall, After: new(int64(5)), For: Duration(time.Second)}, false},
		"refuse after the body": {Fault{Mode: Refuse, After: new(int64(1000))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newSim(t, Config{})
				tt.fault.Route, tt.fault.Calls = "albums.create", Calls{1}
				m.set(tt.fault)
				before := time.Now()
				r, err := m.try("POST", "/v1/albums", body)
				if (err == nil) != (tt.fault.Mode == Refuse) {
					t.Errorf("answer %+v, error %v", r, err)
				}
				if waited := time.Since(before); waited != time.Duration(tt.fault.For) {
					t.Errorf("waited %v", waited)
				}
				if got := len(m.Library()[0].Albums); got != map[bool]int{true: 1}[tt.done] {
					t.Errorf("%d albums", got)
				}
				s := m.Stats().Routes["albums.create"]
				if cut := s.Cut; cut != map[bool]int{true: 1}[err != nil] || s.Requests != 1 {
					t.Errorf("stats %+v", s)
				}
				if r := m.call("POST", "/v1/albums", body); r.status != 200 {
					t.Errorf("the next call: %d", r.status)
				}
			})
		})
	}
}

// TestStallEnds lets a stalled request end by the client, by a reset and by itself.
func TestStallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		m.set(Fault{Route: "albums.list", Mode: Stall})
		m.http.Timeout = time.Second
		before := time.Now()
		if _, err := m.try("GET", "/v1/albums", ""); err == nil || time.Since(before) != time.Second {
			t.Errorf("the client's timeout: %v after %v", err, time.Since(before))
		}
		m.http.Timeout = 0
		go func() {
			time.Sleep(2 * time.Second)
			m.ResetLibrary()
		}()
		before = time.Now()
		if _, err := m.try("GET", "/v1/albums", ""); err == nil || time.Since(before) != 2*time.Second {
			t.Errorf("a reset: %v after %v", err, time.Since(before))
		}
		m.set(Fault{Route: "albums.list", Mode: Stall})
		before = time.Now()
		if _, err := m.try("GET", "/v1/albums", ""); err == nil || time.Since(before) != 5*time.Minute {
			t.Errorf("by itself: %v after %v", err, time.Since(before))
		}
	})
}

func TestItemFaults(t *testing.T) {
	m := newSim(t, Config{})
	m.set(
		Fault{Route: "mediaItems.batchCreate", Calls: Calls{1}, ItemCode: 13, Items: []int{1}},
		Fault{Route: "mediaItems.batchCreate", Calls: Calls{2}, ItemCode: 8},
	)
	a, b := m.upload(photo(1)), m.upload(photo(2))
	if status, out := m.create("", a, b); status != 207 || fmt.Sprint(out.codes()) != "[0 13]" {
		t.Errorf("first: %d %v", status, out.codes())
	}
	if n := len(m.Library()[0].Items); n != 1 {
		t.Errorf("%d items: the failed one was made", n)
	}
	if status, out := m.create("", b); status != 200 || fmt.Sprint(out.codes()) != "[8]" {
		t.Errorf("second: %d %v", status, out.codes())
	}
	if status, out := m.create("", b); status != 200 || fmt.Sprint(out.codes()) != "[0]" {
		t.Errorf("third: %d %v", status, out.codes())
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	m := newSim(t, Config{})
	m.set(Fault{Route: "*", Mode: Refuse})
	for _, f := range []Fault{
		{Mode: Refuse},
		{Route: "*"},
		{Route: "*", Mode: "explode"},
		{Route: "*", Mode: Refuse, Error: "unknown"},
		{Route: "*", Mode: Refuse, Status: 99},
		{Route: "*", Mode: Refuse, Status: 600},
		{Route: "*", Mode: Refuse, Probability: 1.5},
		{Route: "*", Mode: Cut, After: new(int64(-1))},
		{Route: "*", Mode: Late},
		{Route: "*", Mode: Refuse, Error: "internal", Body: "x"},
		{Route: "*", Mode: Refuse, Error: "internal", Form: "letter"},
		{Route: "*", Mode: Refuse, Status: 500, Form: HTML},
	} {
		if m.Faults(f) == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	if r := m.call("GET", "/v1/albums", ""); r.status != 503 {
		t.Error("a refused list replaced the old one")
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		tokens := []string{m.upload(photo(1)), m.upload(photo(2))}
		m.Latency(map[string]Delay{
			"*": {Base: time.Second}, "albums.*": {Base: 2 * time.Second}, "albums.get": {Base: 3 * time.Second},
			"mediaItems.batchCreate": {Base: 500 * time.Millisecond, PerItem: 30 * time.Millisecond},
		})
		took := func(f func()) time.Duration {
			before := time.Now()
			f()
			return time.Since(before)
		}
		for name, tt := range map[string]struct {
			want time.Duration
			do   func()
		}{
			"star":     {time.Second, func() { m.call("GET", "/v1/mediaItems", "") }},
			"prefix":   {2 * time.Second, func() { m.call("GET", "/v1/albums", "") }},
			"exact":    {3 * time.Second, func() { m.call("GET", "/v1/albums/AF1Qipx", "") }},
			"per item": {560 * time.Millisecond, func() { m.create("", tokens...) }},
			"upload":   {time.Second, func() { m.upload(photo(3)) }},
			"session":  {time.Second, func() { m.startSession(10) }},
			"token":    {time.Second, func() { m.exchange("grant_type", "refresh_token") }},
			"bytes":    {time.Second, func() { m.call("GET", "https://lh3.googleusercontent.com/lr/x=d", "") }},
			"refusal":  {0, func() { m.call("GET", "/v1/albums", "", "Authorization", "") }},
		} {
			if got := took(tt.do); got != tt.want {
				t.Errorf("%s took %v, want %v", name, got, tt.want)
			}
		}
		m.http.Timeout = 100 * time.Millisecond
		if got := took(func() { _, _ = m.try("GET", "/v1/albums", "") }); got != 100*time.Millisecond {
			t.Errorf("a client that leaves waited %v", got)
		}
	})
}
