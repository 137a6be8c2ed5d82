package bridge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// Google refuses a batch as a whole for one of its files, and does not say which: the others are made, and nothing of them is sent again.
func TestOneFileDoesNotFailItsBatch(t *testing.T) {
	const refusal = `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`
	for name, tc := range map[string]struct {
		refuse photosim.Fault
		calls  photosim.Calls // that hold the third of four files: all four, the second two, itself
		sends  int            // of all four
		status string
		failed int
	}{
		"for a reason unknown": {photosim.Fault{Status: 400, Body: refusal}, photosim.Calls{1, 3, 4}, 4, "partial", 1},
		"for its upload token": {photosim.Fault{Error: "upload_token"}, photosim.Calls{1, 3, 4}, 5, "done", 0},
		"once":                 {photosim.Fault{Error: "upload_token"}, photosim.Calls{1}, 4, "done", 0},
		"all of them":          {photosim.Fault{Status: 400, Body: refusal}, nil, 4, "failed", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				tc.refuse.Route, tc.refuse.Mode, tc.refuse.Calls = "mediaItems.batchCreate", photosim.Refuse, tc.calls
				r.must(r.sim.Faults(tc.refuse))
				var paths []string
				for i := range 4 {
					paths = append(paths, r.write(fmt.Sprintf("%d.jpg", i), jpegOf(i)))
				}
				command, err := json.Marshal(map[string]any{"paths": paths})
				r.must(err)
				got := r.upload(string(command))
				failed := 0
				for _, one := range got["items"].([]any) {
					if one.(map[string]any)["status"] == "failed" {
						failed++
					}
				}
				if sends := r.sim.Stats().Routes["uploads.raw"].Requests; got["status"] != tc.status || failed != tc.failed || sends != tc.sends {
					t.Errorf("%d sends, %d failed, result %v", sends, failed, got)
				}
				if len(r.items()) != 4-tc.failed {
					t.Errorf("%d items", len(r.items()))
				}
				r.hold("")
				r.stop()
			})
		})
	}
}

// A new upload token that Google does not take is no reason to send a long video a thousand times.
func TestUploadTokenIsRefusedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Error: "upload_token"}))
		r.send(1)
		time.Sleep(time.Hour)
		got := r.broker.final(t, 0)
		refused, _ := got["error"].(map[string]any)
		contains(t, fmt.Sprint(refused["code"], refused["message"]), string(mqttapi.CodeGoogleUnavailable), "job/retry")
		if sends := r.sim.Stats().Routes["uploads.raw"].Requests; sends != 6 {
			t.Errorf("sent %d times", sends)
		}
		r.stop()
	})
}

// slow keeps the answer to a batch for three minutes.
type slow struct{ http.RoundTripper }

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(req)
	if strings.HasSuffix(req.URL.Path, ":batchCreate") {
		time.Sleep(3 * time.Minute)
	}
	return resp, err
}

// What the bridge has just made is no duplicate, also when a listing shows it before Google's answer to the batch is there.
func TestListingDuringABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) {
			api := c.Link.Client()
			api.Transport = slow{api.Transport}
			c.Google = photos.New(photos.Config{HTTP: api, Bytes: &http.Client{Transport: r.sim.Transport()}})
		}
		r.start()
		time.Sleep(time.Minute)
		for _, duplicate := range []bool{false, true} {
			n := r.broker.count("gphotos/home/upload/result")
			r.send(1)
			time.Sleep(time.Minute)
			r.command(broker.Delivery{Topic: "gphotos/home/request/refresh", QoS: 1})
			time.Sleep(5 * time.Minute)
			got := r.broker.final(t, n)
			if one := got["items"].([]any)[0].(map[string]any); one["status"] != "done" || one["duplicate"] != duplicate {
				t.Errorf("result: %v, want duplicate %v", got, duplicate)
			}
		}
		r.stop()
	})
}
