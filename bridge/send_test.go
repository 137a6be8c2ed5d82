package bridge

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// A line that breaks every 1 MiB costs a video of 16 MiB seconds, not the hours to
// which the waits would grow if each break counted as a failure of the file; and
// bytes that Google has are not sent again.
func TestSessionComesFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		synctest.Wait()
		calls := photosim.Calls{}
		for n := range 15 {
			calls = append(calls, n+1)
		}
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.send", Calls: calls, Mode: photosim.Cut, After: new(int64(1 << 20))}))
		video := append(jpegOf(1), make([]byte, 16<<20)...)
		began := time.Now()
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: video, QoS: 1})
		time.Sleep(5 * time.Minute)
		got := r.broker.final(t, 0)
		finished, err := time.Parse(time.RFC3339, got["finished"].(string))
		if took := finished.Sub(began); err != nil || got["status"] != "done" || took > time.Minute {
			t.Errorf("%v after %v", got, took)
		}
		sent := r.sim.Stats().Routes["uploads.send"]
		if twice := sent.BytesIn - int64(len(video)); sent.Requests != 16 || twice > 15<<18 {
			t.Errorf("%d requests, %d bytes sent twice", sent.Requests, twice)
		}
		r.stop()
	})
}

// Google has all bytes and its receipt was lost: when it does not repeat the
// receipt, the file is sent again in a new session.
func TestSessionIsOverWithoutReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.config = func(c *EntryConfig) {
			api := c.Link.Client()
			api.Transport = forgetful{api.Transport}
			c.Google = photos.New(photos.Config{HTTP: api, Bytes: &http.Client{Transport: r.sim.Transport()}})
		}
		r.start()
		synctest.Wait()
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Lose}))
		r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: append(jpegOf(1), make([]byte, 6<<20)...), QoS: 1})
		time.Sleep(time.Minute)
		if got := r.broker.final(t, 0); got["status"] != "done" || len(r.items()) != 1 {
			t.Errorf("result: %v", got)
		}
		if n := r.sim.Stats().Routes["uploads.start"].Requests; n != 2 {
			t.Errorf("%d sessions", n)
		}
		r.stop()
	})
}

// A forgetful Google answers the query of a finished session without its token.
type forgetful struct{ http.RoundTripper }

func (f forgetful) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.RoundTripper.RoundTrip(req)
	if err == nil && req.Header.Get("X-Goog-Upload-Command") == "query" {
		_ = resp.Body.Close()
		resp.Body, resp.ContentLength = http.NoBody, 0
	}
	return resp, err
}

// A session that Google no longer knows is begun anew, and an upload token is used
// for 23 hours only.
func TestSessionAndTokenGrowOld(t *testing.T) {
	large := append(jpegOf(1), make([]byte, 6<<20)...)
	for name, tc := range map[string]struct {
		photo  []byte
		faults []photosim.Fault
		route  string // asked twice
	}{
		"session": {large, []photosim.Fault{
			{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Cut, After: new(int64(1 << 20))},
			{Route: "uploads.query", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 404, Body: "Upload session was not found."},
		}, "uploads.start"},
		"error in place of a token": {large, []photosim.Fault{
			{Route: "uploads.send", Calls: photosim.Calls{1}, Mode: photosim.Garble},
		}, "uploads.send"},
		"token": {jpegOf(1), []photosim.Fault{
			{Route: "mediaItems.batchCreate", Calls: hours(tokenLife), Mode: photosim.Refuse, Error: "storage_full"},
		}, "uploads.raw"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				r.must(r.sim.Faults(tc.faults...))
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: tc.photo, QoS: 1})
				time.Sleep(25 * time.Hour)
				if got := r.broker.final(t, 0); got["status"] != "done" || len(r.items()) != 1 {
					t.Errorf("result: %v", got)
				}
				if n := r.sim.Stats().Routes[tc.route].Requests; n != 2 {
					t.Errorf("%d requests of %s", n, tc.route)
				}
				r.wantEmpty()
				r.stop()
			})
		})
	}
}

// hours are the calls that are made when one is made each hour.
func hours(d time.Duration) (calls photosim.Calls) {
	for n := range int(d.Hours()) + 1 {
		calls = append(calls, n+1)
	}
	return calls
}

// One broken line under eight uploads is one failure: the entry is back within
// seconds.
func TestUploadsFailTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		synctest.Wait()
		r.must(r.sim.Faults(photosim.Fault{Route: "uploads.raw", Calls: photosim.Calls{1, 2, 3, 4, 5, 6, 7, 8}, Mode: photosim.Stall, For: photosim.Duration(10 * time.Second)}))
		for n := range 8 {
			r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(n), QoS: 1})
		}
		time.Sleep(30 * time.Second)
		if n := len(r.items()); n != 8 {
			t.Errorf("%d items half a minute later", n)
		}
		r.stop()
	})
}
