package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

const burst = 200 // photos of most scenarios

// model measures 200 photos of 27 KB, as JSON with base64, each time into a new album,
// with default settings: on a machine that does nothing else, and with all cores busy.
func model(r *run, model string, goal float64) {
	e := newEnv(r, e2etest.Config{})
	e2etest.Must(r, e.Google.Latency(delays(model)))
	e.quiet()
	e.Bridge.ForgetPeak()
	from, cpu := 0, e.Bridge.CPU()
	measure := func(rounds int) (took []float64) {
		for range rounds {
			took = append(took, e.burst(from, burst, small, fmt.Sprint("Album ", from)).Seconds())
			from += burst
		}
		return took
	}
	r.atMost(goal, "200 photos of 27 KB into a new album", "s", measure(3)...)
	r.figure("processor for a photo of them", "ms", ms(e.Bridge.CPU()-cpu)/float64(from))
	if model == modelA {
		r.atMost(33, "resident memory at most meanwhile", "MB", megabytes(e.Bridge.Peak()))
	}
	end := r.busy()
	busy := measure(3)
	end()
	r.atMost(rounded(goal*1.3), "the same with both cores busy", "s", busy...)
}

// concurrentUploads measures by the number of uploads at the same time: its default is
// chosen by this table.
func concurrentUploads(r *run) {
	var rows []figures.Row
	for _, uploads := range []int{4, 8, 12, 16, 20, 25, 32} {
		e := newEnv(r, e2etest.Config{Settings: []string{fmt.Sprint("GPHOTOS_UPLOADS=", uploads)}})
		row, from := figures.Row{Cells: []float64{float64(uploads)}}, 0
		for _, busy := range []bool{false, true} {
			for _, model := range []string{modelA, modelB} {
				e2etest.Must(r, e.Google.Latency(delays(model)))
				end := func() {}
				if busy {
					end = r.busy()
				}
				row.Cells = append(row.Cells, e.burst(from, burst, small, fmt.Sprint("Album ", from)).Seconds())
				end()
				from += burst
			}
		}
		rows = append(rows, row)
		e.Bridge.Stop(0)
	}
	r.table("200 photos by uploads at the same time",
		[]string{"uploads", "A, quiet (s)", "B, quiet (s)", "A, busy (s)", "B, busy (s)"}, rows...)
}

// uplink measures 24 photos of 1 to 8 MB, by their paths, over a line of 3 MB/s.
func uplink(r *run) {
	const rate = 3_000_000
	e := newEnv(r, e2etest.Config{})
	latency := delays(modelA)
	delete(latency, "uploads.*") // the line is what takes time
	e2etest.Must(r, e.Google.Latency(latency))
	e2etest.Must(r, e.Google.Uplink(rate))
	files, total := cameraFiles(r, e.Media)
	began := time.Now()
	e.Send(len(files), func(n int) []byte { return []byte(`{"path": "` + files[n] + `", "album": "Trip"}`) })
	e.done(len(files))
	floor := float64(total)/rate + latency["mediaItems.batchCreate"].Base.Seconds()
	took := time.Since(began).Seconds()
	r.figure("24 photos of 1 to 8 MB over a line of 3 MB/s", "s", took)
	r.figure("their bytes / 3 MB/s and one batchCreate", "s", floor)
	r.atMost(3, "above that", "%", 100*(took-floor)/floor)
	r.figure("batchCreate calls", "", float64(e.calls("mediaItems.batchCreate")))
}

// cameraFiles writes 24 photos of 1 to 8 MB, as a camera names them.
func cameraFiles(r *run, dir string) (paths []string, total int) {
	for n := range 24 {
		size := 1_000_000 + n*7_000_000/23
		path := filepath.Join(dir, fmt.Sprintf("IMG_%04d.jpg", n))
		e2etest.Must(r, os.WriteFile(path, e2etest.Photo(n, size), 0o600))
		paths, total = append(paths, path), total+size
	}
	return paths, total
}

// requests counts what Google is asked for until five seconds after the last photo.
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
			before := e.Google.Stats().Routes
			e.burst(from, photos, small, "Known")
			from += photos
			time.Sleep(5 * time.Second) // what is counted is what comes within this time
			uploads, commits, rest := since(before, e.Google.Stats().Routes)
			rows = append(rows, figures.Row{Name: "latency " + model, Cells: []float64{float64(photos), uploads, commits, rest}})
			r.atMost(float64(photos+(photos+49)/50+2), fmt.Sprintf("requests for %d photos into a known album, latency %s, until 5 s later", photos, model),
				"", uploads+commits+rest)
			e.quiet()
		}
		e.Bridge.Stop(0)
	}
	r.table("requests into a known album", []string{"photos", "uploads", "batchCreate", "listings until 5 s later"}, rows...)
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
