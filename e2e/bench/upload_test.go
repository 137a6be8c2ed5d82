package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

const small = 27_000 // bytes of a camera's photo

// BenchmarkLonePhoto: a photo of 200 KB, from publish to `done`.
func BenchmarkLonePhoto(b *testing.B) {
	each(b, e2etest.Config{}, func(e *env) {
		var took []time.Duration
		for i := 0; e.b.Loop(); i++ {
			e.b.StopTimer()
			data := e2etest.Photo(i, 200_000)
			e.b.StartTimer()
			began := time.Now()
			e.upload(data)
			e.done(1)
			took = append(took, time.Since(began))
		}
		e.reportTimes(took)
	})
}

// BenchmarkAccept: a photo of 27 KB, from publish to `accepted`, which says that it is
// on disk; 100 of them, each when the one before is done. Their processor time is
// over the whole way.
func BenchmarkAccept(b *testing.B) {
	const photos = 100
	each(b, e2etest.Config{}, func(e *env) {
		var took []time.Duration
		report := e.used()
		for e.b.Loop() {
			for range photos {
				data := e2etest.Photo(len(took), small)
				began := time.Now()
				e.upload(data)
				e.Expect(e2etest.ResultTopic, "accepted", accepted)
				took = append(took, time.Since(began))
				e.done(1)
			}
		}
		report(len(took))
		e.reportTimes(took)
	})
}

// BenchmarkBurst: 200 photos of 27 KB at once, over the whole way.
func BenchmarkBurst(b *testing.B) {
	const photos = 200
	each(b, e2etest.Config{}, func(e *env) {
		sent := 0
		report := e.used()
		for ; e.b.Loop(); sent += photos {
			e.Send(photos, func(n int) []byte { return e2etest.Photo(sent+n, small) })
			e.done(photos)
		}
		report(sent)
	})
}

// BenchmarkNewAlbum: 200 photos of 27 KB into one new album, while an upload
// takes 200 ms and a batchCreate 800 ms, 16 uploads at a time.
func BenchmarkNewAlbum(b *testing.B) {
	const photos = 200
	each(b, e2etest.Config{Settings: []string{"GPHOTOS_UPLOADS=16"}}, func(e *env) {
		e.Google.Latency(map[string]photosim.Delay{"uploads": {Base: 200 * time.Millisecond}, "mediaItems.batchCreate": {Base: 800 * time.Millisecond}})
		for round := 0; e.b.Loop(); round++ {
			before := e.Google.Stats().Routes
			e.Send(photos, func(n int) []byte {
				command, err := json.Marshal(map[string]any{"data": e2etest.Photo(round*photos+n, small), "album": fmt.Sprint("Album ", round)})
				e2etest.Must(e, err)
				return command
			})
			e.done(photos)
			after := e.Google.Stats().Routes
			calls := func(route string) float64 { return float64(after[route].Requests - before[route].Requests) }
			e.b.ReportMetric(calls("uploads.raw"), "uploads")
			e.b.ReportMetric(calls("mediaItems.batchCreate"), "batches")
			e.b.ReportMetric(calls("albums.list")+calls("albums.create"), "album-calls")
		}
	})
}

// BenchmarkVideo: the memory that a video of 1 GiB takes.
func BenchmarkVideo(b *testing.B) {
	each(b, e2etest.Config{}, func(e *env) {
		path := filepath.Join(e.Media, "door.mp4")
		for round := 0; e.b.Loop(); round++ {
			e2etest.Must(e, os.WriteFile(path, fmt.Append(e2etest.FilmHead(1<<30), round), 0o600))
			e2etest.Must(e, os.Truncate(path, 1<<30)) // the rest is a hole in the file
			e2etest.Must(e, e2etest.EndFilm(path))
			e.upload([]byte(path))
			e.done(1)
			e.b.ReportMetric(megabytes(e.Bridge.Peak()), "MB-peak")
		}
	})
}
