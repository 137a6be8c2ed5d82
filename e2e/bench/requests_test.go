package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// requests counts what Google is asked for until five seconds after the last photo, and
// how long it takes until the listings show that.
func requests(r *run) {
	var rows []figures.Row
	for _, model := range []string{"none", modelA} {
		e := newEnv(r, e2etest.Config{})
		if model == modelA {
			e2etest.Must(r, e.Google.Latency(delays(modelA)))
		}
		e.burst(0, 1, small, "Known")
		e.quiet()
		from := 1
		for _, photos := range []int{1, 20, 200, 1000} {
			name := fmt.Sprintf("%d photos into a known album, latency %s", photos, model)
			if photos == 1 {
				name = strings.Replace(name, "photos", "photo", 1)
			}
			before := e.Google.Stats().Routes
			e.send(from, photos, small, "Known")
			last, began := e.done(photos), time.Now()
			listed := e.listed(last, began)
			time.Sleep(time.Until(began.Add(5 * time.Second))) // what is counted is what comes within this time
			after := e.Google.Stats().Routes
			uploads, commits, rest := since(before, after)
			from += photos
			r.atMost(float64(photos+(photos+49)/50+2), "requests for "+name+", until 5 s later", "", uploads+commits+rest)
			r.atMost(5, "until both listings show them", "s", listed.Seconds())
			row := figures.Row{Name: "latency " + model, Cells: []float64{float64(photos), uploads, commits}}
			for _, route := range listingRoutes {
				row.Cells = append(row.Cells, float64(after[route].Requests-before[route].Requests))
				rest -= row.Cells[len(row.Cells)-1]
			}
			rows = append(rows, figures.Row{Name: row.Name, Cells: append(row.Cells, rest)})
			e.quiet()
		}
		e.Bridge.Stop(0)
	}
	columns := slices.Concat([]string{"photos", "uploads", "batchCreate"}, listingRoutes, []string{"others"})
	r.table("requests into a known album, until 5 s after the last", columns, rows...)
}

var listingRoutes = []string{"mediaItems.batchGet", "mediaItems.list", "mediaItems.search", "albums.list", "albums.get"}

// listed waits until the library's listing and an album's show the item of a result, and
// says how long after a moment that is.
func (e *env) listed(result []byte, from time.Time) time.Duration {
	e.Helper()
	var done e2etest.Result
	if err := json.Unmarshal(result, &done); err != nil || len(done.Items) != 1 {
		e.Fatalf("%s: %v", result, err)
	}
	id := []byte(`"` + done.Items[0].MediaItemID + `"`)
	var library, album bool
	next := 0
	e.Until("listings with the photo", func() bool {
		for messages := e.Messages(); next < len(messages); next++ {
			m := messages[next]
			library = library || m.Topic == "gphotos/home/media" && bytes.Contains(m.Payload, id)
			album = album || strings.HasPrefix(m.Topic, "gphotos/home/albums/") && bytes.Contains(m.Payload, id)
		}
		return library && album
	})
	return time.Since(from)
}

// since sorts the requests of the day between two counts.
func since(before, after map[string]photosim.RouteStats) (uploads, commits, rest float64) {
	for route, of := range after {
		n := float64(of.Requests - before[route].Requests)
		switch {
		case slices.Contains([]string{"uploads.raw", "uploads.start", "uploads.send"}, route):
			uploads += n
		case route == "mediaItems.batchCreate":
			commits += n
		case route != "bytes" && !isOAuth(route):
			rest += n
		}
	}
	return uploads, commits, rest
}
