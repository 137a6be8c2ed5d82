package photosim

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestUplink sends six files at once over a line of 3 MB/s: together they take as long as their bytes, and none waits for the others' end.
func TestUplink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		m.control("uplink", `{"bytes_per_second":3000000}`)
		file := append(photo(1), make([]byte, 1_000_000-len(photo(1)))...)
		began := time.Now()
		var wg sync.WaitGroup
		ends := make([]time.Duration, 6)
		for n := range ends {
			wg.Go(func() {
				if r := m.call("POST", "/v1/uploads", string(file), "X-Goog-Upload-Protocol", "raw"); r.status != 200 {
					t.Errorf("status %d", r.status)
				}
				ends[n] = time.Since(began)
			})
		}
		wg.Wait()
		for n, end := range ends {
			if end < 1850*time.Millisecond || end > 2010*time.Millisecond {
				t.Errorf("file %d took %v, want 2 s: they share the line", n, end)
			}
		}
		m.control("uplink", `{}`)
		began = time.Now()
		m.call("POST", "/v1/uploads", string(file), "X-Goog-Upload-Protocol", "raw")
		if took := time.Since(began); took > 0 {
			t.Errorf("without a limit it takes %v", took)
		}
	})
}
