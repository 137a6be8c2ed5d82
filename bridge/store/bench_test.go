package store

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func benchStore(b *testing.B, dir string) *Store {
	b.Helper()
	s, err := Open(b.Context(), Config{Dir: dir, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// photoBytes are as large as a photo of a doorbell, and do not compress.
func photoBytes(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	return data
}

// BenchmarkAccept is what an upload command waits for: its photo and its job are on
// the disk.
func BenchmarkAccept(b *testing.B) {
	s := benchStore(b, b.TempDir())
	defer s.Close()
	data := photoBytes(27 << 10)
	for i := 0; b.Loop(); i++ {
		if err := accept(b, s, fmt.Sprintf("%026d", i), data); err != nil {
			b.Fatal(err)
		}
	}
}

func accept(b *testing.B, s *Store, id string, data []byte) error {
	b.Helper()
	j := photoJob(id)
	size, sum, err := s.PutPayload(b.Context(), id, bytes.NewReader(data))
	if err != nil {
		return err
	}
	j.Files[0].Size, j.Files[0].SHA256 = size, sum
	return s.AddJob(b.Context(), j)
}

func photoJob(id string) *Job {
	j := job(id, id)
	j.Files = j.Files[1:]
	return j
}

// BenchmarkLife is all that is written for one photo, alone and 16 at a time: the
// payload, the job and three changes of it, the receipt, and the removal.
func BenchmarkLife(b *testing.B) {
	data := photoBytes(27 << 10)
	for _, at := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d-at-a-time", at), func(b *testing.B) {
			s := benchStore(b, b.TempDir())
			defer s.Close()
			cpu, written := usage(b)
			n := 0
			for b.Loop() {
				var wg sync.WaitGroup
				for range at {
					id := fmt.Sprintf("%026d", n)
					n++
					wg.Go(func() {
						if err := life(b, s, id, data); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			}
			cpuAfter, writtenAfter := usage(b)
			b.ReportMetric(float64((cpuAfter-cpu).Microseconds())/float64(n), "cpu-µs/photo")
			b.ReportMetric(float64(writtenAfter-written)/float64(n)/1000, "kB-written/photo")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/photo")
		})
	}
}

func life(b *testing.B, s *Store, id string, data []byte) error {
	b.Helper()
	ctx := b.Context()
	j := photoJob(id)
	size, sum, err := s.PutPayload(ctx, id, bytes.NewReader(data))
	if err != nil {
		return err
	}
	j.Files[0].Size, j.Files[0].SHA256 = size, sum
	if err := s.AddJob(ctx, j); err != nil {
		return err
	}
	for range 2 {
		j.Attempts++
		if err := s.SaveJob(ctx, j); err != nil {
			return err
		}
	}
	receipt := Receipt{Job: id, Entry: "home", CommandID: id, Ran: s.Ran(), Result: []byte(`{"status":"done"}`)}
	return s.FinishJob(ctx, j, receipt)
}

// usage is the processor's time and the bytes that this process has made dirty.
// https://man7.org/linux/man-pages/man5/proc_pid_io.5.html
func usage(b *testing.B) (cpu time.Duration, written int64) {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	written, _ = strconv.ParseInt(string(regexp.MustCompile(`\nwrite_bytes: (\d+)`).FindSubmatch(io)[1]), 10, 64)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), written
}

func BenchmarkPayload(b *testing.B) {
	for _, size := range []int{27 << 10, 200 << 10, 32 << 20} {
		data := photoBytes(size)
		b.Run(fmt.Sprintf("put-%dKiB", size>>10), func(b *testing.B) {
			s := benchStore(b, b.TempDir())
			defer s.Close()
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				if _, _, err := s.PutPayload(b.Context(), fmt.Sprint(i%4), bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, offset := range []int64{0, int64(size) - 100} {
			b.Run(fmt.Sprintf("read-%dKiB-from-%d", size>>10, offset), func(b *testing.B) {
				s := benchStore(b, b.TempDir())
				defer s.Close()
				n, sum, err := s.PutPayload(b.Context(), "p", bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
				for b.Loop() {
					r, err := s.OpenPayload(b.Context(), File{Payload: "p", Size: n, SHA256: sum}, offset)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, r); err != nil {
						b.Fatal(err)
					}
					_ = r.Close()
				}
			})
		}
	}
}

// BenchmarkOpen opens a store and lists what is queued, as a start of the bridge does.
func BenchmarkOpen(b *testing.B) {
	for _, jobs := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d-jobs", jobs), func(b *testing.B) {
			dir := b.TempDir()
			s := benchStore(b, dir)
			var wg sync.WaitGroup
			for w := range 16 {
				wg.Go(func() {
					for i := w; i < jobs; i += 16 {
						if err := s.AddJob(b.Context(), photoJob(fmt.Sprintf("%026d", i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			var list time.Duration
			for b.Loop() {
				s := benchStore(b, dir)
				opened := time.Now()
				ids, err := s.JobIDs(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if got, err := s.Jobs(b.Context(), "home"); len(got) != jobs || len(ids) != jobs || err != nil {
					b.Fatal(len(got), err)
				}
				list += time.Since(opened)
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(list.Seconds()*1000/float64(b.N), "list-ms/op")
			status, _ := os.ReadFile("/proc/self/status")
			for line := range strings.Lines(string(status)) {
				if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssFile") {
					b.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}
