package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/store"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// rejected makes Google refuse the next item for good: also when its bytes were sent again.
func (r *harness) rejected() {
	r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1, 2}, ItemCode: 3}))
}

// ask sends a request about a job and returns the job of the answer.
func (r *harness) ask(verb, job string) map[string]any {
	r.t.Helper()
	topic := "gphotos/home/response/" + verb
	n := r.broker.count(topic)
	r.command(broker.Delivery{Topic: "gphotos/home/request/" + verb, QoS: 1, Payload: fmt.Appendf(nil, `{"job": %q}`, job)})
	answer := r.broker.all(topic)[n]
	data, _ := answer["data"].(map[string]any)
	found, _ := data["job"].(map[string]any)
	return found
}

// jobs are the jobs that the entry lists, as status by id.
func (r *harness) jobs() map[string]any {
	r.t.Helper()
	r.command(broker.Delivery{Topic: "gphotos/home/request/jobs", QoS: 1})
	answers := r.broker.all("gphotos/home/response/jobs")
	data := answers[len(answers)-1]["data"].(map[string]any)
	status := map[string]any{}
	for _, j := range data["jobs"].([]any) {
		status[j.(map[string]any)["job"].(string)] = j.(map[string]any)["status"]
	}
	return status
}

func TestFailedJobIsTriedAgain(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.rejected()
	failed := r.upload(fmt.Sprintf(`{"path": %q, "transaction": 7}`, r.write("a.jpg", jpegOf(1))))
	id := failed["job"].(string)
	r.broker.await(t, "the job to be retained", func() bool { return r.stored(id, store.JobRetained) })
	r.restart()
	if got := r.jobs(); failed["status"] != "failed" || got[id] != "failed" {
		t.Errorf("after %v the jobs are %v", failed, got)
	}
	r.broker.await(t, "a queue without it", func() bool {
		queue, _ := r.broker.document("gphotos/home/state")["queue"].(map[string]any)
		return queue["waiting"] == 0.0
	})
	n := r.broker.count("gphotos/home/upload/result")
	if got := r.ask("job/retry", id); got["status"] != "accepted" {
		t.Errorf("answer: %v", got)
	}
	done := r.broker.final(t, n)
	if done["status"] != "done" || done["job"] != id || done["transaction"] != 7.0 || len(r.items()) != 1 {
		t.Errorf("tried again: %v", done)
	}
	r.broker.await(t, "an empty queue", func() bool { return !r.queued(id) })
	r.wantEmpty()
}

func TestFailedJobIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		synctest.Wait()
		r.rejected()
		id := r.upload(string(jpegOf(1)))["job"].(string)
		time.Sleep(retainFor - time.Minute)
		if got := r.jobs(); got[id] != "failed" {
			t.Errorf("within a day: %v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := r.jobs(); len(got) != 0 {
			t.Errorf("after a day: %v", got)
		}
		r.wantEmpty()
		r.stop()
	})
}

func TestFailedJobMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		first, second := jpegOf(1), jpegOf(2)
		r.limits.MaxBytes = int64(max(len(first), len(second)))
		r.start()
		synctest.Wait()
		r.rejected()
		id := r.upload(string(first))["job"].(string)
		synctest.Wait() // until the job is retained
		if !r.stored(id, store.JobRetained) {
			t.Fatal("the failed job is not retained")
		}
		if got := r.upload(string(second)); got["status"] != "done" {
			t.Errorf("with a retained job in the way: %v", got)
		}
		if got := r.jobs(); got[id] != nil {
			t.Errorf("jobs: %v", got)
		}
		r.stop()
	})
}

func TestWaitingJobIsCancelled(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "storage_full"}))
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
	var id string
	r.broker.await(t, "the hold", func() bool {
		hold, _ := r.broker.document("gphotos/home/state")["hold"].(map[string]any)
		for job := range r.jobs() {
			id = job
		}
		return hold["reason"] == "storage_full"
	})
	if got := r.ask("job/cancel", id); got["status"] != "cancelled" {
		t.Errorf("answer: %v", got)
	}
	if got := r.broker.final(t, 0); got["status"] != "cancelled" || got["job"] != id {
		t.Errorf("result: %v", got)
	}
	r.broker.await(t, "an empty queue", func() bool { return !r.queued(id) })
	r.wantEmpty()
}

// A video that is being sent when its job is cancelled is cut.
func TestSendingJobIsCancelled(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.must(r.sim.Faults(photosim.Fault{Route: "uploads.send", Mode: photosim.Stall, After: new(int64(1 << 20))}))
	video := append(jpegOf(1), make([]byte, 8<<20)...)
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: video, QoS: 1})
	r.broker.await(t, "the sending", func() bool { return r.sim.Stats().Faults > 0 && r.broker.count("gphotos/home/upload/result") > 0 })
	id, _ := r.broker.all("gphotos/home/upload/result")[0]["job"].(string)
	r.ask("job/cancel", id)
	if got := r.broker.final(t, 0); got["status"] != "cancelled" || got["job"] != id {
		t.Errorf("result: %v", got)
	}
	r.broker.await(t, "an empty queue", func() bool { return !r.queued(id) })
	r.wantEmpty()
}

// Payloads of an entry that is not configured now stay.
func TestSweepKeepsOtherEntries(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.must(r.sim.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse}))
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
	r.stop()
	r.config = func(c *EntryConfig) { c.Name = "other" }
	r.start()
	r.stop()
	r.must(r.sim.Faults())
	r.config = func(*EntryConfig) {}
	r.start()
	if got := r.broker.final(t, 0); got["status"] != "done" {
		t.Errorf("result: %v", got)
	}
}
