package bridge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/bridge/account"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// A request for 120 items is three calls; Google takes each as a whole or not at
// all, and uploads go on in between.
func TestManyItemsAreSplitAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 119, Albums: 1})
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 3 })
		var ids []string
		for _, i := range r.items() {
			ids = append(ids, i.ID)
		}
		ids = append(ids[:70:70], append([]string{"AF1QipNoSuchItem"}, ids[70:]...)...)
		got := r.request("album/add", map[string]any{"album": "Album 1", "media_item_ids": ids})
		if got.Status != "ok" || got.Data.Requested != 120 || got.Data.Done != 70 || got.Data.Failed != 50 || got.Data.Error.Code != "not_found" {
			t.Errorf("answer: %+v", got)
		}
		if n := len(r.sim.Library()[0].Albums[0].Items); n != 70 {
			t.Errorf("the album has %d items", n)
		}
		topic := "gphotos/home/albums/" + r.sim.Library()[0].Albums[0].ID
		r.broker.await(t, "the album's listing", func() bool {
			doc := r.broker.listings()[topic]
			return doc.Count == 70 && len(doc.Items) == 70
		})
		got = r.request("album/remove", map[string]any{"album": "Album 1", "media_item_ids": append(ids[:50:50], ids[100:110]...)})
		if got.Status != "ok" || got.Data.Done != 60 || got.Data.Failed != 0 || got.Data.Error != nil {
			t.Errorf("answer: %+v", got)
		}
		r.broker.await(t, "the album's listing", func() bool { return len(r.broker.listings()[topic].Items) == 10 })
		if writes := r.sim.Stats().Writes; writes.Peak != 1 {
			t.Errorf("%d writes at a time", writes.Peak)
		}
		got = r.request("media/get", map[string]any{"media_item_ids": ids})
		if got.Data.Requested != 120 || got.Data.Failed != 1 || len(got.Data.Items) != 120 {
			t.Errorf("%d of %d items, %d failed", len(got.Data.Items), got.Data.Requested, got.Data.Failed)
		}
		r.stop()
	})
}

// An answer that is full asks Google no further.
func TestLargeAnswerIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.seed(photosim.Seed{Items: 1000})
		r.config = func(c *EntryConfig) { c.MaxPublish = func() int { return 64 << 10 } }
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 2 })
		var ids []string
		for _, i := range r.items() {
			ids = append(ids, i.ID)
		}
		before := r.routes()["mediaItems.batchGet"]
		got := r.request("media/get", map[string]any{"media_item_ids": ids})
		if !got.Data.Truncated || got.Data.Requested != 1000 || len(got.Data.Items) == 0 || got.size > 64<<10 {
			t.Errorf("%d bytes with %d items, truncated %v", got.size, len(got.Data.Items), got.Data.Truncated)
		}
		if n := r.routes()["mediaItems.batchGet"] - before; n > 3 {
			t.Errorf("%d requests", n)
		}
		r.stop()
	})
}

// A request that reads waits at most 30 s, whatever Google does.
func TestReadWaitsAtMostHalfAMinute(t *testing.T) {
	for name, tc := range map[string]struct {
		fault photosim.Fault
		code  string
		took  time.Duration // at least
	}{
		"no answer":     {photosim.Fault{Route: "albums.list", Mode: photosim.Stall}, "google_unavailable", 20 * time.Second},
		"a long fault":  {photosim.Fault{Route: "albums.list", Mode: photosim.Refuse, Error: "unavailable"}, "google_unavailable", 10 * time.Second},
		"a short fault": {photosim.Fault{Route: "albums.list", Calls: []int{1, 2, 3}, Mode: photosim.Refuse, Error: "internal"}, "", 6 * time.Second},
		"the quota":     {photosim.Fault{Route: "albums.list", Mode: photosim.Refuse, Error: "daily_quota"}, "quota_daily", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 2 })
				synctest.Wait()
				r.must(r.sim.Faults(tc.fault))
				began := time.Now()
				got := r.request("albums", nil)
				if took := time.Since(began); took > 30*time.Second || took < tc.took {
					t.Errorf("answered after %v", took)
				}
				if code := got.code(); code != tc.code {
					t.Errorf("answer: %+v", got)
				}
				if tc.code == "quota_daily" && !strings.Contains(got.Error.Message, account.NextQuotaDay(began).UTC().Format(time.RFC3339)) {
					t.Errorf("message: %s", got.Error.Message)
				}
				r.must(r.sim.Faults())
				r.stop()
			})
		})
	}
}

// A hold that ends soon is waited for.
func TestReadWaitsForTheEndOfAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		r.broker.await(t, "the listings", func() bool { return r.broker.listed() == 2 })
		r.entry.account.Apply(account.Decision{Action: account.HoldEntry, Hold: mqttapi.HoldOffline, At: time.Now().Add(10 * time.Second), Wait: 10 * time.Second, Sentence: "Google is away."})
		began := time.Now()
		if got := r.request("albums", nil); got.Status != "ok" || time.Since(began) < 10*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), got)
		}
		r.entry.account.Apply(account.Decision{Action: account.HoldEntry, Hold: mqttapi.HoldRateLimited, At: time.Now().Add(time.Minute), Wait: time.Minute, Sentence: "Google asks for a pause."})
		began = time.Now()
		if got := r.request("albums", nil); got.code() != "rate_limited" || time.Since(began) > time.Second {
			t.Errorf("after %v: %+v", time.Since(began), got)
		}
		r.stop()
	})
}

// Downloads have a quota of their own: when it is used up, uploads go on.
func TestDownloadsAreCountedApart(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.upload(string(jpegOf(11)))
	r.broker.await(t, "the image", func() bool { return r.broker.image() != nil })
	id := r.items()[0].ID
	r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Error: "daily_quota"}))
	if got := r.request("media/save", map[string]any{"media_item_id": id, "path": r.media + "/saved.jpg"}); got.code() != "quota_daily" {
		t.Errorf("answer: %+v", got)
	}
	if got := r.upload(string(jpegOf(12))); got["status"] != "done" {
		t.Errorf("an upload after it: %v", got)
	}
}

// An answer is the message on E/response/<verb>.
type answer struct {
	Status string
	Error  *struct{ Code, Message string }
	Data   struct {
		Requested, Done, Failed int
		Error                   *struct{ Code string }
		Items                   []json.RawMessage
		Truncated               bool
	}
	size int
}

func (a answer) code() string {
	if a.Error == nil {
		return ""
	}
	return a.Error.Code
}

// request delivers a request and returns its answer.
func (r *harness) request(verb string, keys map[string]any) answer {
	r.t.Helper()
	payload, err := json.Marshal(keys)
	r.must(err)
	if keys == nil {
		payload = nil
	}
	topic := fmt.Sprint("gphotos/home/response/", verb)
	n := len(r.broker.payloads(topic))
	if !r.command(broker.Delivery{Topic: "gphotos/home/request/" + verb, Payload: payload, QoS: 1}) {
		r.t.Fatalf("%s was not acknowledged", verb)
	}
	answers := r.broker.payloads(topic)
	if len(answers) != n+1 {
		r.t.Fatalf("%d answers to %s", len(answers)-n, verb)
	}
	a := answer{size: len(answers[n])}
	r.must(json.Unmarshal(answers[n], &a))
	return a
}

// payloads are the messages that were sent to a topic.
func (b *fakeBroker) payloads(topic string) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all [][]byte
	for _, d := range b.sent {
		if d.Topic == topic {
			all = append(all, d.Payload)
		}
	}
	return all
}

// image is the retained picture, nil if there is none.
func (b *fakeBroker) image() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retained["gphotos/home/image"]
}
