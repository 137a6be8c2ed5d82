package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// growthEntries measures a bridge with 1 to 1,000 linked entries, each with an account of
// its own that has 20 items: its start, and half a minute in which it has nothing to do.
func growthEntries(r *run) {
	var rows []figures.Row
	for _, entries := range []int{1, 10, 100, 1000} {
		names, accounts := []string{"home"}, e2etest.Accounts(entries)
		for n := range entries - 1 {
			names = append(names, fmt.Sprintf("entry-%04d", n+2))
		}
		e := &env{e2etest.New(r, e2etest.Config{
			Bridge: r.bridge, Settings: r.settings, Entries: names, Accounts: accounts, Topics: []string{"gphotos/+/availability"},
		}), r}
		e.Bridge.Stop(0)
		for _, account := range accounts {
			e2etest.Must(r, e.Google.Seed(photosim.Seed{Account: account.Email, Items: 20}))
		}
		seen := len(e.Messages())
		began := time.Now()
		e.Bridge = e.Run()
		e.online(seen, entries)
		took := time.Since(began).Seconds()
		e.quiet()
		e.settle()
		if entries >= 100 {
			time.Sleep(time.Until(began.Add(75 * time.Second))) // what the first listings of many needed is given back after a minute
		}
		const span = 30 * time.Second
		cpu, woken := e.Bridge.CPU(), e.Bridge.Switches()
		time.Sleep(span) // what is measured is a time
		rows = append(rows, figures.Row{Cells: []float64{
			float64(entries), took, megabytes(e.Bridge.Resident()), megabytes(e.Bridge.Peak()),
			100 * (e.Bridge.CPU() - cpu).Seconds() / span.Seconds(), float64(e.Bridge.Switches()-woken) / span.Seconds(),
		}})
		e.Bridge.Stop(0)
	}
	columns := []string{"entries", "all online (s)", "idle (MB)", "at most (MB)", "idle (% of a core)", "wake-ups a second"}
	r.table("growth with linked entries", columns, rows...)
	r.grows("entries", columns, rows)
}

// grows holds all columns to growing no faster than the first one from its last row but
// one to its last, and names the one that grows the fastest. Chance may add a fifth: what
// is linear would be missed by a hair in every other run.
func (r *run) grows(what string, columns []string, rows []figures.Row) {
	few, many := rows[len(rows)-2].Cells, rows[len(rows)-1].Cells
	fastest := 1
	for n := range columns[1:] {
		if many[1+n]/few[1+n] > many[fastest]/few[fastest] {
			fastest = 1 + n
		}
	}
	times := many[0] / few[0]
	r.atMost(rounded(1.2*times), fmt.Sprintf("%.0f times as many %s: of the columns [below](#growth), *%s* grows the fastest", times, what, columns[fastest]),
		"times", many[fastest]/few[fastest])
}

// online waits until so many entries are, in the messages after the first ones.
func (e *env) online(next, entries int) {
	e.Helper()
	online := map[string]bool{}
	e.Until("all entries to be online", func() bool {
		for messages := e.Messages(); next < len(messages); next++ {
			if m := messages[next]; strings.HasSuffix(m.Topic, "/availability") && string(m.Payload) == "online" {
				online[m.Topic] = true
			}
		}
		return len(online) == entries
	})
}

// settle lets the bridge give back what only its start needed.
func (e *env) settle() { time.Sleep(10 * time.Second) }

// growthItems measures a bridge that is linked to a library of 1 to 100,000 items, in
// albums of 200, that it has never seen, and then its next start.
func growthItems(r *run) {
	var rows []figures.Row
	for _, items := range []int{1, 1000, 100_000} {
		e := newEnv(r, e2etest.Config{})
		e.Bridge.Stop(0)
		albums := max(1, items/200)
		e2etest.Must(r, e.Google.Seed(photosim.Seed{Items: items, Albums: albums, AlbumItems: min(200, items)}))
		row := figures.Row{Cells: []float64{float64(items)}}
		for _, start := range []string{"first", "next"} {
			before, seen := e.requests(), len(e.Messages())
			began := time.Now()
			e.Bridge = e.Run()
			first, all := e.listings(2+min(50, albums), seen)
			requests := float64(e.requests() - before)
			peak := megabytes(e.Bridge.Peak())
			if items == 100_000 {
				r.atMost(40, "resident memory at most, "+start+" start with a library of 100,000 items", "MB", peak)
				r.atMost(5, "first listings after the "+start+" start", "s", first.Sub(began).Seconds())
				r.figure("all 52 listings", "s", all.Sub(began).Seconds())
				r.figure("requests for them", "", requests)
			}
			row.Cells = append(row.Cells, all.Sub(began).Seconds(), peak, requests)
			if start == "next" {
				e.settle()
				row.Cells = append(row.Cells, megabytes(e.Bridge.Resident()))
				if items == 100_000 {
					r.atMost(40, "resident memory with that library, once all is listed", "MB", megabytes(e.Bridge.Resident()))
				}
			}
			e.Bridge.Stop(0)
		}
		rows = append(rows, row)
	}
	columns := []string{
		"items", "first start: all listings (s)", "at most (MB)", "requests",
		"next start: all listings (s)", "at most (MB)", "requests", "then (MB)",
	}
	r.table("growth with items", columns, rows...)
	r.grows("items", columns, rows)
}

// listings waits for the listings of a bridge that starts, in the messages after the
// first ones: when the library's and the albums' are out, and when all are.
func (e *env) listings(count, next int) (first, all time.Time) {
	e.Helper()
	seen := map[string]bool{}
	e.Until("all listings", func() bool {
		messages := e.Messages()
		for ; next < len(messages); next++ {
			topic := strings.TrimPrefix(messages[next].Topic, "gphotos/home/")
			var doc struct{ Count int }
			listing := topic == "media" || strings.HasPrefix(topic, "albums")
			if listing && json.Unmarshal(messages[next].Payload, &doc) == nil && doc.Count > 0 {
				seen[topic] = true
			}
		}
		if first.IsZero() && seen["media"] && seen["albums"] {
			first = time.Now()
		}
		return len(seen) >= count
	})
	return first, time.Now()
}

// growthQueued measures a bridge that starts with 1 to 10,000 queued uploads of 10 KB
// while Google takes none.
func growthQueued(r *run) {
	var rows []figures.Row
	for _, jobs := range []int{1, 100, 10_000} {
		e := newEnv(r, e2etest.Config{})
		e2etest.Must(e, e.Google.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "daily_quota"}))
		e.Fill(jobs, 10_000)
		e.Bridge.Stop(0)
		e.Forget("gphotos/home/state")
		began := time.Now()
		e.StartBridge()
		online := time.Since(began).Seconds()
		e.queued(jobs)
		peak := megabytes(e.Bridge.Peak())
		if jobs == 10_000 {
			r.atMost(0.8, "online with 10,000 queued uploads", "s", online)
			r.atMost(45, "resident memory at most while it starts", "MB", peak)
		}
		e.settle()
		if jobs == 10_000 {
			r.atMost(45, "resident memory with that queue", "MB", megabytes(e.Bridge.Resident()))
		}
		rows = append(rows, figures.Row{Cells: []float64{float64(jobs), online, peak, megabytes(e.Bridge.Resident())}})
		e.Bridge.Stop(0)
	}
	columns := []string{"queued", "online (s)", "at most (MB)", "then (MB)"}
	r.table("growth with queued uploads", columns, rows...)
	r.grows("queued uploads", columns, rows)
}

// longListing measures a bridge that lists 500 items, the most there is, with ids and
// addresses as long as Google's.
func longListing(r *run) {
	e := newEnv(r, e2etest.Config{Settings: []string{"GPHOTOS_LIST_ITEMS=500"}})
	e.Bridge.Stop(0)
	e2etest.Must(r, e.Google.Seed(photosim.Seed{Items: 1000, Albums: 4, AlbumItems: 500}))
	began := time.Now()
	e.Bridge = e.Run()
	size := 0
	e.Expect("gphotos/home/media", "all items", func(payload []byte) bool {
		var doc struct {
			Truncated bool
			Items     []struct{ ID string }
		}
		size = len(payload)
		return json.Unmarshal(payload, &doc) == nil && len(doc.Items) == 500 && !doc.Truncated
	})
	r.figure("a listing of 500 items after a start", "s", time.Since(began).Seconds())
	r.atMost(1000, "its size, which the default of GPHOTOS_MAX_PUBLISH allows", "KB", float64(size)/1000)
	r.figure("resident memory with four albums and the library listed so", "MB", megabytes(e.Bridge.Resident()))
}
