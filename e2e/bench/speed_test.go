package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
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
	r.atMost(goal, "200 photos of 27 KB into a new album, "+model, "s", measure(3)...)
	e.quiet() // their listings are a part of what they cost
	r.atMost(2, "processor for a photo of them", "ms", ms(e.Bridge.CPU()-cpu)/float64(from))
	if model == modelA {
		r.atMost(33, "resident memory at most meanwhile", "MB", megabytes(e.Bridge.Peak()))
	}
	end := r.busy()
	busy := measure(3)
	idle := end()
	r.atMost(rounded(goal*1.3), "the same with both cores busy", "s", busy...)
	r.figure("what both cores were idle then", "%", idle)
}

// concurrentUploads measures by the number of uploads at the same time: its default is
// chosen by this table. In A on a quiet machine the steps are small, so that is a median.
func concurrentUploads(r *run) {
	var rows []figures.Row
	for _, uploads := range []int{8, 16, 20, 25, 32, 50} {
		e := newEnv(r, e2etest.Config{Settings: []string{fmt.Sprint("GPHOTOS_UPLOADS=", uploads)}})
		from := 0
		measure := func(model string, rounds int) float64 {
			e2etest.Must(r, e.Google.Latency(delays(model)))
			var took []float64
			for range rounds {
				took = append(took, e.burst(from, burst, small, fmt.Sprint("Album ", from)).Seconds())
				from += burst
			}
			slices.Sort(took)
			return took[rounds/2]
		}
		e.quiet()
		e.Bridge.ForgetPeak()
		quietA := measure(modelA, 3)
		peak := megabytes(e.Bridge.Peak())
		quietB := measure(modelB, 1)
		end := r.busy()
		rows = append(rows, figures.Row{Cells: []float64{float64(uploads), quietA, quietB, measure(modelA, 1), measure(modelB, 1), peak}})
		end()
		e.Bridge.Stop(0)
	}
	r.table("200 photos by uploads at the same time",
		[]string{"uploads", "A, quiet (s)", "B, quiet (s)", "A, busy (s)", "B, busy (s)", "at most in A, quiet (MB)"}, rows...)
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
