package bridge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/media"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// waitingHarness is a harness whose patience is that of the settings.
func waitingHarness(t *testing.T) *harness {
	t.Helper()
	r := newHarness(t)
	r.config = func(c *EntryConfig) {
		c.Patience = media.Patience{Missing: 10 * time.Second, Quiet: 2 * time.Second, Limit: 5 * time.Minute}
	}
	return r
}

// path is that of a file in the media folder which may not be there.
func (r *harness) path(name string) string { return filepath.Join(r.media, name) }

// publish delivers an upload command.
func (r *harness) publish(format string, args ...any) {
	r.t.Helper()
	if !r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: fmt.Appendf(nil, format, args...), QoS: 1}) {
		r.t.Fatal("not acknowledged")
	}
}

// reasons are why jobs wait, as the request jobs and E/state say.
func (r *harness) reasons() (jobs, state mqttapi.HoldReason) {
	r.t.Helper()
	time.Sleep(statePause)
	synctest.Wait()
	for _, j := range r.entry.uploads.List() {
		if j.Waits != nil {
			jobs = j.Waits.Reason
		}
	}
	queue, _ := r.broker.document("gphotos/home/state")["queue"].(map[string]any)
	if waits, ok := queue["waits"].(map[string]any); ok {
		state = mqttapi.HoldReason(waits["reason"].(string))
	}
	return jobs, state
}

// wantReason checks that both say so.
func (r *harness) wantReason(want mqttapi.HoldReason) {
	r.t.Helper()
	if jobs, state := r.reasons(); jobs != want || state != want {
		r.t.Errorf("waits for %q by jobs and for %q by the state, want %q", jobs, state, want)
	}
}

// wantItem checks that Google holds exactly one item, of these bytes.
func (r *harness) wantItem(content []byte) {
	r.t.Helper()
	items := r.items()
	sum := sha256.Sum256(content)
	if len(items) != 1 || items[0].SHA256 != hex.EncodeToString(sum[:]) {
		r.t.Errorf("items: %+v", items)
	}
}

// What is not there, or not complete, when its command comes is waited for; a restart does not end that.
func TestFileIsWaitedFor(t *testing.T) {
	photo := jpegOf(1)
	half, stream := photo[:len(photo)/2], bytes.Repeat(append([]byte{0x47, 0x40, 0x00, 0x10}, make([]byte, 184)...), 40)
	for name, tc := range map[string]struct {
		first, then []byte // nil = no file
		reason      mqttapi.HoldReason
	}{
		"missing":     {nil, photo, mqttapi.WaitMissing},
		"empty":       {[]byte{}, photo, mqttapi.WaitUnfinished},
		"half a JPEG": {half, photo, mqttapi.WaitUnfinished},
		"room made":   {make([]byte, len(photo)), photo, mqttapi.WaitUnfinished},
		"no end mark": {stream[:188*20], stream, mqttapi.WaitUnfinished},
	} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restarts=%v", name, restarts), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := waitingHarness(t)
					r.start()
					if tc.first != nil {
						r.write("door", tc.first)
					}
					r.publish(`{"path": %q}`, r.path("door"))
					other := r.upload(string(jpegOf(2)))
					if other["status"] != "done" || len(r.items()) != 1 {
						t.Errorf("another upload meanwhile: %v", other)
					}
					r.wantReason(tc.reason)
					if restarts {
						r.restart()
						r.wantReason(tc.reason)
					}
					r.write("door", tc.then)
					time.Sleep(10 * time.Second)
					sum := sha256.Sum256(tc.then)
					if items := r.items(); len(items) != 2 || items[1].SHA256 != hex.EncodeToString(sum[:]) {
						t.Errorf("items: %+v", items)
					}
					r.wantReason("")
					r.wantEmpty()
					r.stop()
				})
			})
		}
	}
}

// What never comes, or is never complete, fails in its time; what only has no end is taken then.
func TestFileIsWaitedForInVain(t *testing.T) {
	photo := jpegOf(1)
	for name, tc := range map[string]struct {
		command string
		first   []byte
		grows   bool
		after   time.Duration
		status  string
		code    any
	}{
		"missing":                 {`{"path": %q}`, nil, false, 10 * time.Second, "failed", "not_found"},
		"missing, by the command": {`{"path": %q, "wait": 60}`, nil, false, time.Minute, "failed", "not_found"},
		"empty":                   {`{"path": %q}`, []byte{}, false, 10 * time.Second, "failed", "empty"},
		"cut off, quiet":          {`{"path": %q}`, photo[:600], false, 5 * time.Minute, "done", nil},
		"cut off, grows":          {`{"path": %q}`, photo[:600], true, 5 * time.Minute, "failed", "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := waitingHarness(t)
				r.start()
				if tc.first != nil {
					r.write("door.jpg", tc.first)
				}
				began := time.Now()
				r.publish(tc.command, r.path("door.jpg"))
				for grown := 0; time.Since(began) < tc.after+10*time.Second; grown++ {
					time.Sleep(time.Second)
					if tc.grows {
						r.write("door.jpg", append(tc.first[:600:600], make([]byte, grown)...))
					}
				}
				got := r.broker.final(t, 0)
				finished, err := time.Parse(time.RFC3339, got["finished"].(string))
				item := got["items"].([]any)[0].(map[string]any)
				refused, _ := item["error"].(map[string]any)
				took := finished.Sub(began)
				if err != nil || got["status"] != tc.status || refused["code"] != tc.code || took < tc.after-time.Second || took > tc.after+3*time.Second {
					t.Errorf("after %v: %v", took, got)
				}
				r.wantEmpty()
				r.stop()
			})
		})
	}
}

// With "wait": 0 a missing file is answered at once, and one of several is waited for alone.
func TestWaitOfTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := waitingHarness(t)
		r.start()
		began := time.Now()
		got := r.upload(fmt.Sprintf(`{"path": %q, "wait": 0}`, r.path("none.jpg")))
		if got["status"] != "failed" || got["job"] != nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), got)
		}
		there := r.write("there.jpg", jpegOf(1))
		n := r.broker.count("gphotos/home/upload/result")
		r.publish(`{"paths": [%q, %q], "wait": 3600}`, r.path("none.jpg"), there)
		time.Sleep(4 * time.Second)
		if len(r.items()) != 1 {
			t.Error("the file that is there was not uploaded")
		}
		time.Sleep(time.Hour)
		if got := r.broker.final(t, n); got["status"] != "partial" {
			t.Errorf("result: %v", got)
		}
		r.stop()
	})
}

// The media folder is what is there when it is used: another one moved to its place, a link that leads elsewhere, or none at all.
func TestFolderIsReplaced(t *testing.T) {
	for name, replace := range map[string]func(r *harness, dir string) error{
		"moved and made": func(r *harness, dir string) error {
			return os.Rename(dir, dir+".old")
		},
		"link": func(r *harness, dir string) error {
			return os.Rename(dir, dir+".old")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := waitingHarness(t)
				r.media = filepath.Join(r.media, "nas")
				r.must(os.Mkdir(r.media, 0o755))
				r.start()
				if got := r.upload(fmt.Sprintf(`{"path": %q}`, r.write("a.jpg", jpegOf(1)))); got["status"] != "done" {
					t.Fatalf("before: %v", got)
				}
				r.must(replace(r, r.media))
				n := r.broker.count("gphotos/home/upload/result")
				r.publish(`{"path": %q}`, r.path("b.jpg"))
				r.wantReason(mqttapi.WaitAway)
				if name == "link" {
					r.must(os.Mkdir(r.media+".new", 0o755))
					r.must(os.Symlink(r.media+".new", r.media))
				}
				r.write("b.jpg", jpegOf(2))
				time.Sleep(30 * time.Second)
				if got := r.broker.final(t, n); got["status"] != "done" {
					t.Errorf("after: %v", got)
				}
				r.wantReason("")
				if problem := r.entry.cfg.Media.Problem(); problem != "" {
					t.Errorf("problem: %s", problem)
				}
				r.stop()
			})
		})
	}
}

// A large file whose folder is away at its turn waits, over a restart too; it has changed only when it is there and another one.
func TestLargeFileOfAFolderThatWasAway(t *testing.T) {
	large := append(jpegOf(1), make([]byte, 6<<20)...)
	for name, tc := range map[string]struct {
		change bool
		want   any
	}{"the same": {false, "done"}, "another": {true, "failed"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := waitingHarness(t)
				r.media = filepath.Join(r.media, "nas")
				r.write("large.jpg", large)
				r.start()
				synctest.Wait()
				r.must(r.sim.Faults(photosim.Fault{Route: "uploads.start", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
				r.publish(`{"path": %q}`, r.path("large.jpg"))
				time.Sleep(300 * time.Millisecond)
				r.must(os.Rename(r.media, r.media+".away"))
				time.Sleep(time.Minute)
				r.wantReason(mqttapi.WaitAway)
				r.must(os.Mkdir(r.media, 0o755)) // an empty mount point
				time.Sleep(time.Minute)
				r.wantReason(mqttapi.WaitMissing)
				r.restart()
				r.wantReason(mqttapi.WaitMissing)
				time.Sleep(time.Hour)
				if tc.change {
					r.must(os.WriteFile(filepath.Join(r.media+".away", "large.jpg"), large[:6<<20], 0o600))
				}
				r.must(os.Remove(r.media))
				r.must(os.Rename(r.media+".away", r.media))
				time.Sleep(time.Minute)
				if got := r.broker.final(t, 0); got["status"] != tc.want {
					t.Errorf("result: %v", got)
				}
				if !tc.change {
					r.wantItem(large)
				}
				r.stop()
			})
		})
	}
}

// Twelve commands for one path that is overwritten in between are twelve items.
func TestOneSnapshotPathTwelveTimes(t *testing.T) {
	r := waitingHarness(t)
	r.start()
	began := time.Now()
	for n := range 12 {
		r.publish(`{"path": %q}`, r.write("snapshot.jpg", jpegOf(n)))
	}
	took := time.Since(began)
	r.broker.await(t, "twelve results", func() bool { return len(r.items()) == 12 })
	t.Log("acknowledged after", took)
}

// A waiting file can be cancelled, and grows too old with its job.
func TestWaitingFileEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(r *harness, job string)
		code string
	}{
		"cancelled": {func(r *harness, job string) { r.request("job/cancel", map[string]any{"job": job}) }, "cancelled"},
		"too old":   {func(*harness, string) { time.Sleep(8 * 24 * time.Hour) }, "unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := waitingHarness(t)
				r.start()
				r.must(os.RemoveAll(r.media))
				r.publish(`{"path": %q}`, r.path("door.jpg"))
				r.wantReason(mqttapi.WaitAway)
				tc.end(r, r.entry.uploads.List()[0].Job)
				item := r.broker.final(t, 0)["items"].([]any)[0].(map[string]any)
				if got := item["error"].(map[string]any)["code"]; got != tc.code {
					t.Errorf("item: %v", item)
				}
				r.stop()
			})
		})
	}
}
