package bench

import (
	"io"
	"net"
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

// The parts of the way of a photo, each until its moment.
const (
	toBridge  = iota // the broker has sent the bridge the last byte of the command
	toParse          // the bridge has written the first to its data folder
	toDurable        // it has stored the command and asks Google to take the bytes
	toUpload         // Google has answered that
	toCommit         // Google has answered the batchCreate
	toResult         // the result is at the subscriber
	parts
)

// loneParts measures the parts from outside: by what passes a relay between the broker and
// the bridge, by the first change below the data folder, and by Google's requests.
func loneParts(r *run) {
	clock := moments{changed: time.Now()}
	e := newEnv(r, e2etest.Config{Wrap: clock.wrap})
	e.Bridge.Stop(0)
	e.Settings = append(e.Settings, "GPHOTOS_MQTT_URL=mqtt://"+clock.relay(r, "127.0.0.1:"+e.Port()))
	e.StartBridge()
	clock.watch(r, e.Data)
	e.quiet()
	var took [parts][]float64
	for n := range loneRounds {
		data := e2etest.Photo(n, loneSize)
		e2etest.Until(e, "the end of what the photo before has left to write", clock.still)
		began := time.Now()
		clock.begin(loneSize)
		e.upload(data)
		e.done(1)
		clock.set(toResult)
		for part, at := range clock.inOrder() {
			took[part] = append(took[part], ms(at.Sub(began)))
			began = at
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
	mu      sync.Mutex // guards all below
	at      [parts]time.Time
	left    int       // bytes of the command that the bridge has not been sent
	changed time.Time // when something below the data folder last did
}

// begin waits for the moments of a command of a size.
func (m *moments) begin(size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.left = [parts]time.Time{}, size
}

// set keeps the first of a part's moments.
func (m *moments) set(part int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setLocked(part)
}

func (m *moments) setLocked(part int) {
	if m.at[part].IsZero() {
		m.at[part] = time.Now()
	}
}

// inOrder are the moments. One that a busy machine has noticed after the next one was
// before that all the same.
func (m *moments) inOrder() [parts]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.at
	for part := parts - 2; part >= 0; part-- {
		if at[part].IsZero() || at[part].After(at[part+1]) {
			at[part] = at[part+1]
		}
	}
	return at
}

// still reports whether nothing below the data folder has changed for a while.
func (m *moments) still() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.changed) > 30*time.Millisecond
}

// relay leads to the broker, and notes when it has sent the bridge a whole command.
func (m *moments) relay(r *run, broker string) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	e2etest.Must(r, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			bridge, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { m.carry(bridge, broker) })
		}
	})
	r.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// carry carries one connection until it ends.
func (m *moments) carry(bridge net.Conn, address string) {
	defer bridge.Close()
	broker, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(broker, bridge)
		_ = broker.Close()
	})
	buf := make([]byte, 1<<20)
	for {
		n, err := broker.Read(buf)
		m.mu.Lock()
		if m.left -= n; m.left <= 0 {
			m.setLocked(toBridge) // just before the last byte: after it the bridge may be faster than this
		}
		m.mu.Unlock()
		if _, lost := bridge.Write(buf[:n]); err != nil || lost != nil {
			break
		}
	}
	_ = bridge.Close()
	back.Wait()
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
			m.mu.Lock()
			m.changed = time.Now()
			if !m.at[toBridge].IsZero() {
				m.setLocked(toParse)
			}
			m.mu.Unlock()
		}
	})
	r.Cleanup(func() {
		_ = events.Close()
		reading.Wait()
	})
}
