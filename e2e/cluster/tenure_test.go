package cluster_test

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// A run is one process of a bridge.
type run struct {
	*e2etest.Process

	pauses [][2]time.Time // in which it was frozen
	ended  time.Time      // when it was killed; else its log tells when it gave an entry back
}

// A tenure is a time in which a process had an entry, by what it says itself: a second
// longer at most, because its log has whole seconds.
type tenure struct {
	bridge   string
	from, to time.Time
}

// tolerance is for clocks that are read one after the other, and rounded to seconds.
const tolerance = 2 * time.Second

// tenures are those of all entries, and of the leading, in their order.
func (w *world) tenures() map[string][]tenure {
	w.Helper()
	all := map[string][]tenure{}
	for _, b := range w.bridges {
		for _, r := range b.runs {
			for entry, of := range r.tenures(w, b.name) {
				all[entry] = append(all[entry], of...)
			}
		}
	}
	for _, of := range all {
		slices.SortFunc(of, func(a, b tenure) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	}
	return all
}

func (r *run) tenures(w *world, bridge string) map[string][]tenure {
	w.Helper()
	all, open := map[string][]tenure{}, map[string]time.Time{}
	end := func(entry string, at time.Time) {
		if from, ok := open[entry]; ok {
			all[entry] = append(all[entry], r.tenure(bridge, from, at))
			delete(open, entry)
		}
	}
	for line := range strings.Lines(r.Output()) {
		var said struct {
			Entry, Msg string
			Time       time.Time
		}
		if json.Unmarshal([]byte(line), &said) != nil {
			continue // what the race detector or a panic prints is looked at elsewhere
		}
		switch said.Msg {
		case "entry is held":
			open[said.Entry] = said.Time
		case "entries are stopped": // all of them: from here on the guards let nothing through
			for entry := range open {
				end(entry, said.Time)
			}
		case "entry is not held any more":
			end(said.Entry, said.Time)
		}
	}
	last := r.ended
	if last.IsZero() {
		last = time.Now()
	}
	for entry := range open {
		end(entry, last)
	}
	return all
}

// tenure ends with the pause that it lasts into: a process that goes on finds that it has
// nothing any more.
func (r *run) tenure(bridge string, from, to time.Time) tenure {
	for _, pause := range r.pauses {
		if from.Before(pause[0]) && !to.Before(pause[1].Truncate(time.Second)) {
			to = pause[0]
		}
	}
	return tenure{bridge, from, to}
}

// connected is what Mosquitto prints of a client that a bridge has connected.
var connected = regexp.MustCompile(`(?m)^(\S+)Z: New client connected from \S+ as gphotos2mqtt-(\S+) \(.*u'(bridge-\d+)'\)`)

// checkTenures looks whether no two processes had an entry at a time, and whether each
// session at the broker was opened by the process that had the entry.
func (w *world) checkTenures() {
	w.Helper()
	sessions := connected.FindAllStringSubmatch(w.broker.printed(), -1) // first: who opens one has said before that it has the entry
	tenures := w.tenures()
	count := 0
	for entry, all := range tenures {
		for i, t := range all[1:] {
			if before := all[i]; t.from.Before(before.to.Add(-tolerance)) {
				w.Errorf("%s was held by %s from %s to %s, and by %s from %s", entry, before.bridge, before.from.Format(time.TimeOnly),
					before.to.Format(time.TimeOnly), t.bridge, t.from.Format(time.TimeOnly))
			}
		}
		count += len(all)
	}
	for _, m := range sessions {
		at, err := time.Parse("2006-01-02T15:04:05", m[1])
		e2etest.Must(w, err)
		if !slices.ContainsFunc(tenures[m[2]], func(t tenure) bool {
			return t.bridge == m[3] && !at.Before(t.from.Add(-tolerance)) && !at.After(t.to.Add(tolerance))
		}) {
			w.Errorf("%s has opened the session of %s at %s, which it did not have", m[3], m[2], m[1])
		}
	}
	w.Logf("entries were held %d times, and %d sessions were opened, each by who had the entry", count, len(sessions))
}
