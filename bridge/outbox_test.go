package bridge

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// An upload that ends while the broker is away, and a restart in the same time:
// its results come in their order once the broker is back, and nothing is left.
func TestResultsWaitForTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.broker.connect(false)
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
		time.Sleep(time.Minute)
		if n := len(r.items()); n != 1 {
			t.Errorf("%d items without a broker", n)
		}
		r.restart()
		time.Sleep(time.Hour)
		r.broker.connect(true)
		got := r.broker.final(t, 0)
		all := r.broker.all("gphotos/home/upload/result")
		if len(all) != 2 || all[0]["status"] != "accepted" || got["status"] != "done" || all[0]["job"] != got["job"] {
			t.Errorf("results: %v", all)
		}
		synctest.Wait()
		r.wantEmpty()
		r.stop()
	})
}

// The error of one of those that publish results ends the entry at once: nobody waits for the results that are left.
func TestPublishingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		ended := make(chan error, 1)
		r.ended = func(err error) { ended <- err }
		r.start()
		time.Sleep(time.Minute)
		r.broker.connect(false)
		for i := range 20 {
			r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(i), QoS: 1})
		}
		time.Sleep(time.Minute)
		failed := time.Now()
		r.broker.fail(broker.ErrTopic)
		if err := <-ended; !errors.Is(err, broker.ErrTopic) || time.Since(failed) != 0 {
			t.Errorf("after %v: %v", time.Since(failed), err)
		}
		r.stop()
	})
}

// A job may change between its result being sent and the broker's confirmation.
func TestJobChangesWhileItsResultIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Calls: photosim.Calls{1}, Mode: photosim.Refuse}))
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
		time.Sleep(500 * time.Millisecond)
		r.broker.connect(false)
		time.Sleep(time.Minute)
		id, _ := r.broker.all("gphotos/home/upload/result")[0]["job"].(string)
		r.acked.Go(func() {
			r.command(broker.Delivery{Topic: "gphotos/home/request/job/retry", QoS: 1, Payload: []byte(`{"job": "` + id + `"}`)})
		})
		synctest.Wait()
		r.broker.connect(true)
		if got := r.broker.final(t, 0); got["status"] != "done" || got["job"] != id {
			t.Errorf("result: %v", got)
		}
		synctest.Wait()
		r.wantEmpty()
		r.stop()
	})
}

// A file that takes long is told of at most once a second, and at its end; one
// that is quick is not.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.upload(string(jpegOf(1)))
		if n := r.broker.count("gphotos/home/upload/progress"); n != 0 {
			t.Errorf("%d messages about a quick file", n)
		}
		rest := func() {
			t.Helper()
			if at := r.broker.document("gphotos/home/upload/progress"); at["stage"] != "idle" || at["percent"] != 0.0 || at["job"] != nil {
				t.Errorf("at rest: %v", at)
			}
		}
		rest()
		r.broker.forget()
		calls := photosim.Calls{1, 2, 3, 4, 5, 6}
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.send", Calls: calls, Mode: photosim.Cut, After: new(int64(1 << 20))}))
		began := time.Now()
		r.upload(`{"path": "` + r.write("door.jpg", append(jpegOf(2), make([]byte, 8<<20)...)) + `", "transaction": 7}`)
		time.Sleep(2 * time.Second)
		all := r.broker.all("gphotos/home/upload/progress")
		if n, most := len(all), int(time.Since(began)/time.Second)+1; n < 3 || n > most {
			t.Fatalf("%d messages in %v: %v", n, time.Since(began), all)
		}
		before := 0.0
		for _, m := range all {
			sent := m["sent"].(float64)
			if sent < before || m["transaction"] != 7.0 || m["file"] != "door.jpg" || m["size"] != all[0]["size"] {
				t.Errorf("message: %v", m)
			}
			before = sent
		}
		if last := all[len(all)-1]; last["stage"] != "done" || last["percent"] != 100.0 {
			t.Errorf("last message: %v", last)
		}
		rest()
		r.stop()
	})
}
