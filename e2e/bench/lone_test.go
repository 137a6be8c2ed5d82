package bench

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gphotos2mqtt/e2e/bench/figures"
	"gphotos2mqtt/e2e/e2etest"
)

const (
	loneRounds = 300
	loneSize   = 200_000
)

// lonePhoto measures photos of 200 KB one after another, from publish to `done`, while
// Google answers at once; then where that time goes.
func lonePhoto(r *run) {
	e := newEnv(r, e2etest.Config{})
	e.quiet()
	var took []float64
	for n := range loneRounds {
		data := e2etest.Photo(n, loneSize)
		began := time.Now()
		e.upload(data)
		e.done(1)
		took = append(took, ms(time.Since(began)))
	}
	e.Bridge.Stop(0)
	alone := disk{e.Temp}.alone(r, loneSize)
	slices.Sort(took)
	r.atMost(5, "a photo of 200 KB from publish to done, median", "ms", took[len(took)/2])
	r.atMost(15, "99 of 100", "ms", took[len(took)*99/100])
	r.figure("of it, the disk alone: a file of 200 KB and its folder are synced", "ms", alone)
	var rows []figures.Row
	for percent := range 100 {
		rows = append(rows, figures.Row{Cells: []float64{float64(percent), took[percent*len(took)/100]}})
	}
	r.table("lone photos by how many are faster", []string{"photos (%)", "ms"}, rows...)
	loneParts(r)
}

// The parts of the way of a photo, each until its moment.
const (
	toBridge  = iota // the broker has passed the command on
	toParse          // the bridge writes the first byte to its data folder
	toDurable        // it has stored the command and asks Google to take the bytes
	toUpload         // Google has answered that
	toCommit         // Google has answered the batchCreate
	toResult         // the result is at the subscriber
	parts
)

// loneParts measures the parts from outside: by what the broker gives to another
// subscriber, by the first change below the data folder, and by Google's requests.
func loneParts(r *run) {
	var clock moments
	e := newEnv(r, e2etest.Config{Wrap: clock.wrap, Topics: []string{"gphotos/home/#"}})
	clock.watch(r, e.Data)
	e.Watch("gphotos/home/upload", func([]byte) { clock.set(toBridge) })
	e.quiet()
	var took [parts][]float64
	for n := range loneRounds {
		data := e2etest.Photo(n, loneSize)
		began := time.Now()
		clock.begin()
		e.upload(data)
		e.done(1)
		clock.set(toResult)
		for part, at := range clock.at {
			took[part] = append(took[part], max(0, ms(at.Sub(began))))
			if at.After(began) {
				began = at
			}
		}
	}
	var rows []figures.Row
	for part, name := range []string{"broker", "parse", "durable", "upload", "commit", "result"} {
		slices.Sort(took[part])
		rows = append(rows, figures.Row{Name: name, Cells: []float64{took[part][loneRounds/2], took[part][loneRounds*99/100]}})
	}
	r.table("parts of the way of a lone photo", []string{"median (ms)", "99 of 100 (ms)"}, rows...)
}

// moments are when the parts of a photo's way ended.
type moments struct {
	mu sync.Mutex // guards at
	at [parts]time.Time
}

func (m *moments) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = [parts]time.Time{}
}

// set keeps the first of a part's moments.
func (m *moments) set(part int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at[part].IsZero() {
		m.at[part] = time.Now()
	}
}

// wrap notes when Google gets and answers the requests of an upload.
func (m *moments) wrap(google http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		uploads := strings.HasSuffix(req.URL.Path, "/v1/uploads")
		if uploads {
			m.set(toDurable)
		}
		google.ServeHTTP(w, req)
		if uploads {
			m.set(toUpload)
		} else if strings.HasSuffix(req.URL.Path, ":batchCreate") {
			m.set(toCommit)
		}
	})
}

// watch notes the first change below a folder.
// Source: https://man7.org/linux/man-pages/man7/inotify.7.html
func (m *moments) watch(r *run, dir string) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	e2etest.Must(r, err)
	folders, err := filepath.Glob(filepath.Join(dir, "*/"))
	e2etest.Must(r, err)
	for _, folder := range append(folders, dir) {
		_, err := unix.InotifyAddWatch(fd, folder, unix.IN_CREATE|unix.IN_MODIFY)
		e2etest.Must(r, err)
	}
	events := os.NewFile(uintptr(fd), "inotify") // in whose Read a Close is noticed
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			if _, err := events.Read(buf); err != nil {
				return
			}
			m.set(toParse)
		}
	})
	r.Cleanup(func() {
		_ = events.Close()
		reading.Wait()
	})
}
