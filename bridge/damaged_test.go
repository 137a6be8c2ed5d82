package bridge

import (
	"testing"

	"gphotos2mqtt/bridge/store"
)

// A queued upload whose record cannot be understood any more is told of as failed,
// once, and does not keep the others from going on.
func TestDamagedJobIsTold(t *testing.T) {
	r := newRig(t)
	r.start()
	const id = "01JDC2M6TB0000000000000000"
	r.must(r.store.AddJob(t.Context(), &store.Job{ID: id, Entry: "home"})) // of no files, which cannot be
	r.restart()
	got := r.broker.final(t, 0)
	failure, _ := got["error"].(map[string]any)
	if got["job"] != id || got["status"] != "failed" || failure["code"] != "internal" {
		t.Errorf("result: %v", got)
	}
	if got := r.upload(string(jpegOf(1))); got["status"] != "done" {
		t.Errorf("another upload: %v", got)
	}
	n := r.broker.count("gphotos/home/upload/result")
	r.restart()
	if got := r.upload(string(jpegOf(2))); got["status"] != "done" || r.broker.count("gphotos/home/upload/result") != n+2 {
		t.Errorf("told again: %v", r.broker.all("gphotos/home/upload/result")[n:])
	}
}
