package bridge

import (
	"encoding/json"
	"maps"
	"runtime"
	"time"

	"gphotos2mqtt/mqttapi"
)

// maxTroubled is how many connections that do not stand a report names: each renewal of a lease carries it.
const maxTroubled = 20

// A Report is what a process of several lets the others know of it.
type Report struct {
	mqttapi.Process

	Counters map[string]int64              `json:"counters"`
	Troubled map[string]mqttapi.Connection `json:"troubled"` // the connections that do not stand
}

// Report is that of this process.
func (s *Status) Report() Report {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r := Report{Troubled: map[string]mqttapi.Connection{}, Process: mqttapi.Process{
		Machine: s.cfg.Machine, Version: s.cfg.Version, Started: mqttapi.At(s.started), Memory: int64(memory.Sys), //nolint:gosec // far from the limit
		Goroutines: runtime.NumGoroutine(), Problem: problem(s.cfg.Store, s.cfg.Media),
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Counters, r.Entries = s.counters(), len(s.entries)
	for name := range s.entries {
		if c := s.conns[name]; c.Connected {
			r.Connected++
		} else if len(r.Troubled) < maxTroubled {
			r.Troubled[name] = c
		}
	}
	return r
}

// Saw takes the Report of one of several processes, as JSON, nil when that is gone. When it has other entries, health shows so soon.
func (s *Status) Saw(process string, report []byte) {
	var r Report
	_ = json.Unmarshal(report, &r) // of a process of another version it may say less
	now := [2]int{r.Entries, r.Connected}
	s.mu.Lock()
	before, known := s.others[process]
	if s.others[process] = now; report == nil {
		delete(s.others, process)
	}
	s.mu.Unlock()
	if before != now || known != (report != nil) {
		s.changed.Set()
	}
}

// counters are those of all entries. The caller holds mu.
func (s *Status) counters() map[string]int64 {
	all := map[string]int64{}
	for _, e := range s.entries {
		totals, _ := e.uploads.Totals().Now()
		queue := e.uploads.Summary()
		all["uploaded"] += totals.Totals.Uploaded
		all["failed"] += totals.Totals.Failed
		all["waiting"] += int64(queue.Waiting)
		all["active"] += int64(queue.Active)
	}
	return all
}

// addProcesses adds what is known of all processes to what this one says of itself.
func (s *Status) addProcesses(h *mqttapi.Health) {
	if s.cfg.Processes == nil {
		return
	}
	h.Processes = map[string]mqttapi.Process{}
	for id, r := range s.cfg.Processes() {
		if h.Processes[id] = r.Process; id == s.cfg.Process {
			own := s.Report().Process
			own.Leads, own.Leaving = r.Leads, r.Leaving
			h.Processes[id] = own
			continue
		}
		for name, n := range r.Counters {
			h.Counters[name] += n
		}
		maps.Copy(h.Connections, r.Troubled)
	}
}

// healthEvery is how often health is published: of several processes more often, since not every change of the others is told.
func (s *Status) healthEvery() time.Duration {
	if s.cfg.Processes != nil {
		return healthOfMany
	}
	return healthEvery
}
