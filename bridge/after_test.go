package bridge

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gphotos2mqtt/photos/photosim"
)

// changing is a harness in which files of the media folder may be deleted and moved.
func changing(t *testing.T) *harness {
	t.Helper()
	r := waitingHarness(t)
	patient := r.config
	r.config = func(c *EntryConfig) {
		patient(c)
		c.Media.Allow([]string{r.media})
	}
	return r
}

// left are the files in the media folder, below it.
func (r *harness) left() []string {
	r.t.Helper()
	left := []string{}
	r.must(filepath.WalkDir(r.media, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, err := filepath.Rel(r.media, path)
			left = append(left, rel)
			return err
		}
		return err
	}))
	return left
}

// afters are what a result says of its files.
func afters(result map[string]any) (outcomes []any) {
	for _, item := range result["items"].([]any) {
		after, _ := item.(map[string]any)["after"].(map[string]any)
		outcomes = append(outcomes, after["outcome"])
	}
	return outcomes
}

// A folder is one command, its files in order, and each is deleted once Google has it; one that Google refuses stays.
func TestFolderIsUploadedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := changing(t)
		r.start()
		for n, name := range []string{"clips/a.jpg", "clips/b.jpg", "clips/day/c.jpg", "clips/.hidden.jpg"} {
			r.write(name, jpegOf(n+1))
		}
		r.write("clips/d.txt", []byte("not a picture at all"))
		got := r.upload(fmt.Sprintf(`{"path": %q, "recursive": true, "after": "delete"}`, r.path("clips")))
		var names []any
		for _, item := range got["items"].([]any) {
			names = append(names, item.(map[string]any)["name"])
		}
		want := []any{"a.jpg", "b.jpg", "d.txt", "c.jpg"}
		if diff := cmp.Diff(want, names); diff != "" || got["status"] != "partial" {
			t.Errorf("%v\n%s", got["status"], diff)
		}
		if diff := cmp.Diff([]any{"deleted", "deleted", nil, "deleted"}, afters(got)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"clips/.hidden.jpg", "clips/d.txt"}, r.left()); diff != "" || len(r.items()) != 3 {
			t.Errorf("%d items\n%s", len(r.items()), diff)
		}
		synctest.Wait()
		r.wantEmpty()
		r.stop()
	})
}

// More files than one command takes are counted; a pattern with nothing there is waited for.
func TestPatterns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := changing(t)
		patient := r.config
		r.config = func(c *EntryConfig) {
			patient(c)
			c.MaxPublish = func() int { return 16 << 10 }
		}
		r.start()
		for n := range 20 {
			r.write(fmt.Sprintf("many/%02d.jpg", n), jpegOf(n+1))
		}
		got := r.upload(fmt.Sprintf(`{"path": %q}`, r.path("many/*.jpg")))
		if got["status"] != "done" || len(got["items"].([]any)) != 16 || got["more"] != 4.0 {
			t.Errorf("more %v, %d items, %v", got["more"], len(got["items"].([]any)), got["status"])
		}
		n := r.broker.count("gphotos/home/upload/result")
		r.publish(`{"paths": [%q, %q]}`, r.path("late/*.jpg"), r.path("many/00.jpg"))
		r.wantReason("file_missing")
		r.restart()
		r.write("early/1.jpg", jpegOf(31))
		r.write("early/2.jpg", jpegOf(32))
		r.must(os.Rename(r.path("early"), r.path("late"))) // both at once
		time.Sleep(20 * time.Second)
		if got := r.broker.final(t, n); got["status"] != "done" || len(got["items"].([]any)) != 3 {
			t.Errorf("late: %v", got)
		}
		r.stop()
	})
}

// Two patterns of a command that find their files at the same time count them both.
func TestPatternsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := changing(t)
		patient := r.config
		r.config = func(c *EntryConfig) {
			patient(c)
			c.MaxPublish = func() int { return 16 << 10 }
		}
		r.start()
		n := r.broker.count("gphotos/home/upload/result")
		r.publish(`{"paths": [%q, %q]}`, r.path("late/a/*.jpg"), r.path("late/b/*.jpg"))
		r.wantReason("file_missing")
		for n := range 20 {
			r.write(fmt.Sprintf("early/a/%02d.jpg", n), jpegOf(n+1))
			r.write(fmt.Sprintf("early/b/%02d.jpg", n), jpegOf(n+101))
		}
		r.must(os.Rename(r.path("early"), r.path("late")))
		time.Sleep(time.Minute)
		got := r.broker.final(t, n)
		if items, more := len(got["items"].([]any)), got["more"].(float64); items > 16 || items+int(more) != 40 {
			t.Errorf("%d files, and %v more, of 40", items, more)
		}
		r.stop()
	})
}

// The file goes only when Google has the item: through stops, refusals, and a folder where it is not allowed.
func TestAfterFollowsTheItem(t *testing.T) {
	for _, call := range []string{"uploads.raw", "mediaItems.batchCreate"} {
		for _, fault := range []photosim.Fault{{Mode: photosim.Refuse, Error: "unavailable"}, {Mode: photosim.Lose}} {
			t.Run(call+"/"+string(fault.Mode), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := changing(t)
					r.start()
					synctest.Wait()
					fault.Route, fault.Calls = call, photosim.Calls{1}
					r.must(r.sim.Faults(fault))
					r.publish(`{"path": %q, "after": "move:%s"}`, r.write("in/a.jpg", jpegOf(1)), r.path("done"))
					time.Sleep(100 * time.Millisecond)
					if len(r.left()) != 1 || r.left()[0] != "in/a.jpg" {
						t.Errorf("before the item: %v", r.left())
					}
					r.restart()
					time.Sleep(time.Minute)
					got := r.broker.final(t, 0)
					if got["status"] != "done" || len(r.items()) != 1 || len(r.left()) != 1 || r.left()[0] != "done/a.jpg" {
						t.Errorf("%v, files %v", got, r.left())
					}
					r.wantEmpty()
					r.stop()
				})
			})
		}
	}
}

// A duplicate is deleted only when Google shows its item, and a file that was changed meanwhile stays.
func TestFileStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := changing(t)
		r.start()
		synctest.Wait()
		r.upload(string(jpegOf(1)))
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.get", Mode: photosim.Refuse, Status: 404, Body: `{"error": {"code": 404, "status": "NOT_FOUND", "message": "Media item not found."}}`}))
		got := r.upload(fmt.Sprintf(`{"path": %q, "after": "delete"}`, r.write("a.jpg", jpegOf(1))))
		if diff := cmp.Diff([]any{"kept"}, afters(got)); diff != "" || len(r.left()) != 1 {
			t.Errorf("an item that is not shown: %v, %v", got, r.left())
		}
		r.must(r.sim.Faults())
		n := r.broker.count("gphotos/home/upload/result")
		got = r.upload(fmt.Sprintf(`{"path": %q, "after": "delete", "transaction": 2}`, r.path("a.jpg")))
		if diff := cmp.Diff([]any{"deleted"}, afters(got)); diff != "" || len(r.left()) != 0 {
			t.Errorf("%d: a duplicate that is shown: %v, %v", n, got, r.left())
		}
		r.sim.Latency(map[string]photosim.Delay{"mediaItems.batchCreate": {Base: time.Minute}})
		n = r.broker.count("gphotos/home/upload/result")
		r.publish(`{"path": %q, "after": "delete"}`, r.write("b.jpg", jpegOf(2)))
		time.Sleep(10 * time.Second)
		r.write("b.jpg", jpegOf(3))
		time.Sleep(2 * time.Minute)
		if got := r.broker.final(t, n); afters(got)[0] != "kept" || len(r.left()) != 1 {
			t.Errorf("a file that was changed: %v, %v", got, r.left())
		}
		r.stop()
	})
}

// Without the setting nothing is uploaded, so that nobody waits for a file to go.
func TestAfterIsNotAllowed(t *testing.T) {
	r := waitingHarness(t)
	r.start()
	for _, after := range []string{"delete", "move:" + r.path("done")} {
		got := r.upload(fmt.Sprintf(`{"path": %q, "after": %q}`, r.write("a.jpg", jpegOf(1)), after))
		if refused, _ := got["error"].(map[string]any); got["status"] != "failed" || refused["code"] != "not_allowed" || len(r.items()) != 0 {
			t.Errorf("%s: %v", after, got)
		}
	}
}
