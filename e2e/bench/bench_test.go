package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// photo is a JPEG of a size in bytes that differs for each seed: a valid picture
// with its rest in a comment segment at the end, which no reader looks at.
func photo(seed uint64, size int) []byte {
	head := []byte{
		0xFF, 0xD8, 0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
		0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0,
	}
	data := make([]byte, size)
	copy(data, head)
	noise := rand.New(rand.NewPCG(seed, 7))
	for i := len(head); i < size-2; i++ {
		data[i] = byte(noise.Uint32() & 0x7F) // never 0xFF, which would begin a marker
	}
	copy(data[size-2:], []byte{0xFF, 0xD9})
	return data
}

func final(payload []byte) (string, bool) {
	var r struct{ Status, Job string }
	return r.Status, json.Unmarshal(payload, &r) == nil && r.Status != "accepted"
}

// BenchmarkLonePhoto: a photo of 200 KB, from publish to `done`.
func BenchmarkLonePhoto(b *testing.B) {
	h := newHouse(b)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		data := photo(uint64(i), 200_000)
		b.StartTimer()
		began := time.Now()
		h.publish("gphotos/home/upload", data)
		h.await("gphotos/home/upload/result", func(p []byte) bool {
			status, over := final(p)
			if over && status != "done" {
				b.Fatalf("%s", p)
			}
			return over
		})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
}

// BenchmarkNewAlbum: 200 photos of 27 KB into one new album, while an upload
// takes 200 ms and a batchCreate 800 ms, 16 uploads at a time.
func BenchmarkNewAlbum(b *testing.B) {
	const photos = 200
	h := newHouse(b, "GPHOTOS_UPLOADS=16")
	h.control("POST", "latency", `{"uploads": "200ms", "mediaItems.batchCreate": "800ms"}`, nil)
	dir := h.dir + "/media"
	h.must(os.Mkdir(dir, 0o755))
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		before := h.calls()
		b.StartTimer()
		began := time.Now()
		for i := range photos {
			command, err := json.Marshal(map[string]any{"data": photo(uint64(round*photos+i), 27_000), "album": fmt.Sprint("Album ", round)})
			h.must(err)
			h.publish("gphotos/home/upload", command)
		}
		done := 0
		h.await("gphotos/home/upload/result", func(p []byte) bool {
			if status, over := final(p); over {
				if status != "done" {
					b.Fatalf("%s", p)
				}
				done++
			}
			return done == photos
		})
		b.ReportMetric(time.Since(began).Seconds(), "s")
		after := h.calls()
		b.ReportMetric(float64(after("uploads.raw")-before("uploads.raw")), "uploads")
		b.ReportMetric(float64(after("mediaItems.batchCreate")-before("mediaItems.batchCreate")), "batches")
		b.ReportMetric(float64(after("albums.list")+after("albums.create")-before("albums.list")-before("albums.create")), "album-calls")
	}
}

// BenchmarkIdle: memory and processor time of a bridge that has nothing to do,
// over ten seconds.
func BenchmarkIdle(b *testing.B) {
	h := newHouse(b)
	const span = 10 * time.Second
	for b.Loop() {
		before := h.cpu()
		time.Sleep(span) // what is measured is a time
		b.ReportMetric(100*(h.cpu()-before).Seconds()/span.Seconds(), "%cpu")
		b.ReportMetric(float64(h.resident())/1e6, "MB-resident")
	}
}

// calls returns how often each route was called so far.
func (h *house) calls() func(route string) int {
	var stats struct {
		Routes map[string]struct{ Requests int }
	}
	h.control("GET", "stats", "", &stats)
	return func(route string) int { return stats.Routes[route].Requests }
}

// cpu is the processor time of the bridge so far.
// Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (h *house) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.bridge.Process.Pid))
	h.must(err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		h.must(err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resident is the bridge's memory in bytes.
func (h *house) resident() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", h.bridge.Process.Pid))
	h.must(err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	h.must(err)
	return pages * int64(os.Getpagesize())
}
