package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/auth/secret"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// twoAccounts is a harness whose Google knows one account more.
func twoAccounts(t *testing.T) *harness {
	t.Helper()
	r := newHarness(t)
	r.must(r.sim.Close())
	r.sim = photosim.New(photosim.Config{Accounts: []photosim.Account{
		{ID: photosim.DefaultAccountID, Email: "one@example.com"}, {ID: "another", Email: "another@example.com"},
	}})
	return r
}

// itemsOf counts the items of an account.
func (r *harness) itemsOf(account string) (n int) {
	for _, a := range r.sim.Library() {
		if a.Account == account {
			n = len(a.Items)
		}
	}
	return n
}

// What was sent for one account is sent again for another: a photo whose upload token waits because the first one is full, also for an
// album that only the first one has, and a video that is half sent. The first one's hold holds nothing of the second.
func TestAnotherAccountGetsTheQueue(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarts=%v", restarts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := twoAccounts(t)
				r.start()
				time.Sleep(time.Minute)
				r.upload(fmt.Sprintf(`{"path": %q, "album": "Garden"}`, r.write("0.jpg", jpegOf(0))))
				n := r.broker.count("gphotos/home/upload/result")
				r.must(r.sim.Faults(
					photosim.Fault{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Cut, After: new(int64(3 << 20))},
					photosim.Fault{Route: "uploads.query", Mode: photosim.Refuse, Error: "unavailable"},
					photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "storage_full"},
				))
				video := r.write("1.mp4", append(jpegOf(1), make([]byte, 6<<20)...))
				photo := r.write("2.jpg", jpegOf(2))
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: []byte(video), QoS: 1})
				time.Sleep(time.Second)
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: fmt.Appendf(nil, `{"path": %q, "album": "Garden"}`, photo), QoS: 1})
				r.hold(mqttapi.HoldStorageFull)
				synctest.Wait()
				r.must(r.entry.cfg.Link.Unlink(t.Context(), false))
				if restarts {
					r.autoLink = false
					r.restart()
				}
				r.hold(mqttapi.HoldRelink)
				r.must(r.sim.Faults())
				r.linkAs(r.entry.cfg.Link, "another")
				r.hold("")
				time.Sleep(20 * time.Minute)
				done := 0
				for _, got := range r.broker.all("gphotos/home/upload/result")[n:] {
					if got["status"] == "done" {
						done++
					}
				}
				if done != 2 {
					t.Errorf("%d of 2 are done: %v", done, r.broker.all("gphotos/home/upload/result")[n:])
				}
				if one, other := r.itemsOf(photosim.DefaultAccountID), r.itemsOf("another"); one != 1 || other != 2 {
					t.Errorf("%d items of the first account, %d of the second", one, other)
				}
				synctest.Wait()
				r.wantEmpty()
				r.stop()
			})
		})
	}
}

// A full account stays full when it is linked again, and its hold stays.
func TestHoldOutlivesANewLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "storage_full"}))
		r.send(1)
		r.hold(mqttapi.HoldStorageFull)
		r.linkAccount(r.entry.cfg.Link)
		time.Sleep(time.Minute)
		r.hold(mqttapi.HoldStorageFull)
		r.stop()
	})
}

// Without the right to upload what is queued and what comes waits, and the sentence says which box to tick; listings go on.
func TestLinkedWithoutTheRightToUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "unavailable"}))
		r.send(1)
		synctest.Wait()
		r.consent(auth.ScopeAppend)
		r.hold(mqttapi.HoldScopeMissing)
		r.send(2)
		time.Sleep(24 * time.Hour)
		contains(t, r.hold(mqttapi.HoldScopeMissing), append(waysToLink, `tick the box "Add to your Google Photos library"`)...)
		jobs := map[any]bool{} // the first may be told once more: that it was is saved with its next step
		for _, result := range r.broker.all("gphotos/home/upload/result") {
			if jobs[result["job"]] = true; result["status"] != "accepted" {
				t.Errorf("result: %v", result)
			}
		}
		if len(jobs) != 2 {
			t.Errorf("jobs: %v", jobs)
		}
		if got := r.request("albums", nil); got.Status != "ok" {
			t.Errorf("albums: %+v", got)
		}
		r.linkAccount(r.entry.cfg.Link)
		r.hold("")
		time.Sleep(time.Minute)
		if n := len(r.items()); n != 2 {
			t.Errorf("%d items", n)
		}
		synctest.Wait()
		r.wantEmpty()
		r.stop()
	})
}

// Google takes the right away later: the same, and it is asked again by itself.
func TestRightToUploadIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "scopes"}))
		r.send(1)
		contains(t, r.hold(mqttapi.HoldScopeMissing), `tick the box "Add to your Google Photos library"`)
		time.Sleep(3 * time.Hour)
		r.must(r.sim.Faults())
		time.Sleep(time.Hour)
		if got := r.broker.final(t, 0); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		r.stop()
	})
}

// The secret key is lost: the entry says so and waits, its queue stays, and it goes on with whichever account is linked.
func TestSecretKeyIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := twoAccounts(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "storage_full"}))
		r.send(1)
		r.hold(mqttapi.HoldStorageFull)
		synctest.Wait() // until it is saved that "accepted" is out
		r.stop()
		r.key = secret.Key{2}
		r.start()
		contains(t, r.hold(mqttapi.HoldRelink), append(waysToLink, "another secret key", "GPHOTOS_SECRET_KEY")...)
		link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any)
		if link["status"] != "relink" || link["account"] != nil {
			t.Errorf("link: %v", link)
		}
		r.send(2)
		time.Sleep(time.Hour)
		jobs := map[any]bool{} // the first may be told once more: that it was is saved with its next step
		for _, result := range r.broker.all("gphotos/home/upload/result") {
			if jobs[result["job"]] = true; result["status"] != "accepted" {
				t.Errorf("result: %v", result)
			}
		}
		if len(jobs) != 2 {
			t.Errorf("jobs: %v", jobs)
		}
		r.linkAs(r.entry.cfg.Link, "another")
		r.hold("")
		time.Sleep(time.Minute)
		if n := r.itemsOf("another"); n != 2 {
			t.Errorf("%d items", n)
		}
		synctest.Wait()
		r.wantEmpty()
		r.stop()
	})
}

// The old key is back: all is as it was.
func TestSecretKeyIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		for n, key := range []secret.Key{{1}, {2}, {1}} {
			r.key = key
			r.start()
			time.Sleep(time.Minute)
			r.send(n)
			time.Sleep(time.Minute)
			want := map[bool]auth.Status{true: auth.Linked, false: auth.Relink}[key == secret.Key{1}]
			if got := r.entry.cfg.Link.State().Status; got != want {
				t.Errorf("start %d: %s", n, got)
			}
			r.stop()
		}
		if n := len(r.items()); n != 3 {
			t.Errorf("%d items", n)
		}
	})
}
