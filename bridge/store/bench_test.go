package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

func BenchmarkAddJob(b *testing.B) {
	s := benchStore(b, b.TempDir())
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		if err := s.AddJob(b.Context(), job(fmt.Sprintf("%026d", i))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPayload(b *testing.B) {
	for _, size := range []int{27 << 10, 200 << 10, 32 << 20} {
		data := strings.Repeat("x", size)
		b.Run(fmt.Sprintf("put-%dKiB", size>>10), func(b *testing.B) {
			s := benchStore(b, b.TempDir())
			defer s.Close()
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				if err := s.PutPayload(b.Context(), fmt.Sprint(i), strings.NewReader(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("read-%dKiB", size>>10), func(b *testing.B) {
			s := benchStore(b, b.TempDir())
			defer s.Close()
			if err := s.PutPayload(b.Context(), "p", strings.NewReader(data)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				r, err := s.OpenPayload(b.Context(), "p")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens a store and lists what is queued, as a start of the bridge
// does; after a crash the engine has to read all records again.
func BenchmarkOpen(b *testing.B) {
	for _, jobs := range []int{0, 10_000} {
		dir := b.TempDir()
		s := benchStore(b, dir)
		for i := range jobs {
			j := job(fmt.Sprintf("%026d", i), fmt.Sprint(i))
			if err := s.PutPayload(b.Context(), fmt.Sprint(i), strings.NewReader(strings.Repeat("x", 27<<10))); err != nil {
				b.Fatal(err)
			}
			if err := s.AddJob(b.Context(), j); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		for _, after := range []string{"close", "crash"} {
			b.Run(fmt.Sprintf("%d-jobs-after-%s", jobs, after), func(b *testing.B) {
				var list time.Duration
				for b.Loop() {
					b.StopTimer()
					if after == "crash" {
						stale, _ := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs", "index.db"))
						for _, path := range append(stale, filepath.Join(dir, "closed")) {
							_ = os.Remove(path)
						}
					}
					b.StartTimer()
					s := benchStore(b, dir)
					opened := time.Now()
					if got, err := s.Jobs(b.Context(), "home"); len(got) != jobs || err != nil {
						b.Fatal(len(got), err)
					}
					list += time.Since(opened)
					b.StopTimer()
					if err := s.Close(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				b.ReportMetric(list.Seconds()*1000/float64(b.N), "list-ms/op")
			})
		}
	}
}
