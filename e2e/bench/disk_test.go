package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gphotos2mqtt/e2e/e2etest"
)

// A disk is what the bridge's promise cannot be faster than: a photo is durable when it
// and its folder are synced.
type disk struct{ dir string }

// keep writes a file as the least careful program does that keeps it: written, synced,
// renamed, its folder synced.
func (d disk) keep(name string, data []byte) error {
	path := filepath.Join(d.dir, name)
	file, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = file.Write(data); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// alone is the median time in ms for one file after another.
func (d disk) alone(r *run, size int) float64 {
	r.Helper()
	const files = 100
	var took []float64
	for n := range files {
		data := e2etest.Photo(n, size)
		began := time.Now()
		e2etest.Must(r, d.keep(fmt.Sprint("alone-", n), data))
		took = append(took, ms(time.Since(began)))
	}
	slices.Sort(took)
	return took[files/2]
}

// together is how many files a second, 16 at a time.
func (d disk) together(r *run, size int) float64 {
	r.Helper()
	const files, atATime = 800, 16
	data := e2etest.Photo(0, size)
	var writing sync.WaitGroup
	began := time.Now()
	for first := range atATime {
		writing.Go(func() {
			for n := first; n < files; n += atATime {
				if err := d.keep(fmt.Sprint("together-", n), data); err != nil {
					r.Error(err)
				}
			}
		})
	}
	writing.Wait()
	return files / time.Since(began).Seconds()
}
