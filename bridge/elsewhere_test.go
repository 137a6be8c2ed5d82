package bridge

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/photos/photosim"
)

// machines are several with folders of the same name: the harness runs on one of them at a time.
type machines struct {
	*harness

	now    string
	mu     sync.Mutex // guards sought
	sought []string
}

func newMachines(t *testing.T) *machines {
	t.Helper()
	m := &machines{harness: newHarness(t), now: "booth-1"}
	m.media = filepath.Join(m.media, "clips")
	m.config = func(c *EntryConfig) {
		c.Patience = media.Patience{Quiet: 2 * time.Second, Limit: 5 * time.Minute}
		c.Media.Allow([]string{m.media})
		c.Machine, c.Seek = m.now, func(s store.Source, _ string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.sought = append(m.sought, filepath.Base(s.Path))
		}
	}
	return m
}

// move lets the entry go on on another machine.
func (m *machines) move(to string) {
	m.t.Helper()
	m.stop()
	m.must(os.Rename(m.media, m.media+"."+m.now))
	if os.Rename(m.media+"."+to, m.media) != nil {
		m.must(os.Mkdir(m.media, 0o755))
	}
	m.now = to
	m.start()
}

func (m *machines) seeks(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.sought, name)
}

// A large file stays on its machine: elsewhere it waits, whatever lies under its name there, and is uploaded when the entry is back.
func TestLargeFileOfAnotherMachine(t *testing.T) {
	large := append(jpegOf(1), make([]byte, 6<<20)...)
	for name, there := range map[string][]byte{"nothing": nil, "another file": append(jpegOf(2), make([]byte, 6<<20)...), "a copy": large} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachines(t)
				m.write("large.jpg", large)
				m.start()
				synctest.Wait()
				m.must(m.sim.Faults(photosim.Fault{Route: "uploads.start", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
				m.publish(`{"path": %q}`, m.path("large.jpg"))
				time.Sleep(300 * time.Millisecond)
				if !m.entry.NeedsMachine() {
					t.Error("the entry may move although a file of this machine is on its way")
				}
				m.must(os.Mkdir(m.media+".booth-2", 0o755))
				if there != nil {
					m.must(os.WriteFile(filepath.Join(m.media+".booth-2", "large.jpg"), there, 0o600))
				}
				m.move("booth-2")
				time.Sleep(time.Minute)
				m.wantReason(mqttapi.WaitElsewhere)
				if !m.seeks("large.jpg") || m.entry.NeedsMachine() {
					t.Errorf("sought: %v; it needs this machine: %v", m.sought, m.entry.NeedsMachine())
				}
				m.move("booth-1")
				time.Sleep(time.Minute)
				if got := m.broker.final(t, 0); got["status"] != "done" {
					t.Errorf("result: %v", got)
				}
				m.wantItem(large)
				m.stop()
			})
		})
	}
}

// Nobody has it: it waits as long as an upload may, and then says why.
func TestLargeFileOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines(t)
		config := m.config
		m.config = func(c *EntryConfig) {
			config(c)
			c.MaxAge = time.Hour
		}
		m.write("large.jpg", append(jpegOf(1), make([]byte, 6<<20)...))
		m.start()
		synctest.Wait()
		m.must(m.sim.Faults(photosim.Fault{Route: "uploads.start", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
		m.publish(`{"path": %q}`, m.path("large.jpg"))
		time.Sleep(300 * time.Millisecond)
		m.move("booth-2")
		time.Sleep(50 * time.Minute)
		m.wantReason(mqttapi.WaitElsewhere)
		time.Sleep(20 * time.Minute)
		got := m.broker.final(t, 0)
		if failure, _ := got["error"].(map[string]any); got["status"] != "failed" || failure["code"] != "not_found" {
			t.Errorf("result: %v", got)
		}
		m.stop()
	})
}

// A file that was being written when the entry moved is waited for on its machine.
func TestUnfinishedFileOfAnotherMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachines(t)
		photo := jpegOf(1)
		m.write("half.jpg", photo[:len(photo)/2])
		m.start()
		synctest.Wait()
		m.publish(`{"path": %q}`, m.path("half.jpg"))
		time.Sleep(time.Second)
		m.wantReason(mqttapi.WaitUnfinished)
		m.move("booth-2")
		time.Sleep(10 * time.Minute)
		m.wantReason(mqttapi.WaitElsewhere)
		m.restart()
		m.wantReason(mqttapi.WaitElsewhere)
		m.move("booth-1")
		m.write("half.jpg", photo)
		time.Sleep(time.Minute)
		m.wantItem(photo)
		m.stop()
	})
}

// What is to happen to a file afterwards happens on its machine, never to what has its name on another.
func TestAfterOnAnotherMachine(t *testing.T) {
	for name, back := range map[string]bool{"it comes back": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachines(t)
				m.write("clip.jpg", jpegOf(1))
				m.start()
				synctest.Wait()
				m.must(m.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
				m.publish(`{"path": %q, "after": "delete"}`, m.path("clip.jpg"))
				time.Sleep(300 * time.Millisecond)
				m.must(os.Mkdir(m.media+".booth-2", 0o755))
				m.must(os.WriteFile(filepath.Join(m.media+".booth-2", "clip.jpg"), jpegOf(2), 0o600))
				m.move("booth-2")
				time.Sleep(time.Minute)
				if !m.seeks("clip.jpg") {
					t.Errorf("sought: %v", m.sought)
				}
				if back {
					m.move("booth-1")
				}
				time.Sleep(10 * time.Minute)
				m.wantItem(jpegOf(1))
				_, err := os.Stat(m.path("clip.jpg"))
				if got := m.broker.final(t, 0); back != os.IsNotExist(err) {
					t.Errorf("the file: %v; result: %v", err, got)
				}
				m.stop()
			})
		})
	}
}
