package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos"
	"gphotos2mqtt/photos/photosim"
)

// hosts notes which hosts are asked for bytes.
type hosts struct {
	http.RoundTripper

	mu    sync.Mutex // guards asked
	asked []string
}

func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.asked = append(h.asked, req.URL.Scheme+"://"+req.URL.Host)
	h.mu.Unlock()
	return h.RoundTripper.RoundTrip(req)
}

// noted lets the bridge fetch bytes through it, and collects what the client says of foreign addresses.
func (h *hosts) noted(r *harness, told *[]error) {
	h.RoundTripper = r.sim.Transport()
	r.config = func(c *EntryConfig) {
		c.Google = photos.New(photos.Config{HTTP: c.Link.Client(), Bytes: &http.Client{Transport: h}, Foreign: func(err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			*told = append(*told, err)
		}})
	}
}

// An address that leads into the house is not asked, neither from an item nor by a redirect, and nothing is written.
func TestNothingOfTheHouseIsSaved(t *testing.T) {
	forged := func(address string) photosim.Fault {
		return photosim.Fault{
			Route: "mediaItems.get", Mode: photosim.Refuse, Status: http.StatusOK,
			Body: fmt.Sprintf(`{"id":"i","baseUrl":%q,"productUrl":%q,"mimeType":"image/jpeg"}`, address, address),
		}
	}
	led := func(address string) photosim.Fault {
		return photosim.Fault{Route: "bytes", Mode: photosim.Refuse, Status: http.StatusFound, Header: map[string]string{"Location": address}}
	}
	for name, fault := range map[string]photosim.Fault{
		"address of this machine": forged("http://127.0.0.1:8123/api/states"), "address of the cloud": forged("http://169.254.169.254/latest/meta-data"),
		"address elsewhere": forged("https://evil.example/lr/x"), "redirect to this machine": led("http://127.0.0.1:8123/api/states"),
		"redirect to the cloud": led("http://169.254.169.254/latest/meta-data"), "redirect elsewhere": led("https://evil.example/x"),
		"redirect to http": led("http://lh3.googleusercontent.com/lr/x"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, seen, told := newHarness(t), &hosts{}, []error{}
				seen.noted(r, &told)
				r.start()
				if got := r.upload(string(jpegOf(1))); got["status"] != "done" {
					t.Fatalf("result: %v", got)
				}
				r.broker.await(t, "the image", func() bool { return r.broker.image() != nil })
				r.must(r.sim.Faults(fault))
				path := r.media + "/saved.jpg"
				got := r.request("media/save", map[string]any{"media_item_id": r.items()[0].ID, "path": path})
				if got.code() != "google_unavailable" || strings.Contains(got.Error.Message, "/") || strings.Contains(name, "redirect") != strings.Contains(got.Error.Message, "not followed") {
					t.Errorf("answer: %+v", got)
				}
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("something was saved: %v", err)
				}
				r.stop()
				for _, host := range seen.asked {
					if host != "https://lh3.googleusercontent.com" {
						t.Errorf("%s was asked", host)
					}
				}
			})
		})
	}
}

// What is published of a forged listing has no address but Google's, and the operator hears of it.
func TestForgedAddressesAreNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, seen, told := newHarness(t), &hosts{}, []error{}
		seen.noted(r, &told)
		const evil = "http://192.168.1.1/x"
		item := fmt.Sprintf(`{"id":"i","baseUrl":%q,"productUrl":%q,"mimeType":"image/jpeg","filename":"door.jpg","mediaMetadata":{"creationTime":"2026-11-22T19:00:00Z"}}`, evil, evil)
		answer := func(route, body string) photosim.Fault {
			return photosim.Fault{Route: route, Mode: photosim.Refuse, Status: http.StatusOK, Body: body}
		}
		r.must(r.sim.Faults(
			answer("mediaItems.list", `{"mediaItems":[`+item+`]}`), answer("mediaItems.search", `{"mediaItems":[`+item+`]}`),
			answer("mediaItems.get", item), answer("mediaItems.batchGet", `{"mediaItemResults":[{"mediaItem":`+item+`}]}`),
			answer("albums.list", fmt.Sprintf(`{"albums":[{"id":"a","title":"Door","productUrl":%q,"coverPhotoBaseUrl":%q,"mediaItemsCount":"1"}]}`, evil, evil)),
		))
		r.start()
		r.broker.await(t, "the listings", func() bool {
			return r.broker.document("gphotos/home/media") != nil && r.broker.document("gphotos/home/albums") != nil
		})
		for verb, params := range map[string]map[string]any{"albums": nil, "media": nil, "media/get": {"media_item_ids": []string{"i"}, "height": 100}} {
			if got := r.request(verb, params); got.Status != "ok" {
				t.Errorf("%s: %+v", verb, got)
			}
		}
		time.Sleep(time.Hour)
		r.stop()
		for topic, payload := range r.broker.retained {
			if strings.Contains(string(payload), "192.168.1.1") {
				t.Errorf("%s: %s", topic, payload)
			}
		}
		for _, sent := range r.broker.sent {
			if strings.Contains(string(sent.Payload), "192.168.1.1") {
				t.Errorf("%s: %s", sent.Topic, sent.Payload)
			}
		}
		if len(seen.asked) != 0 || len(told) == 0 || photos.KindOf(told[0]) != photos.Untrusted || !strings.Contains(told[0].Error(), "192.168.1.1") {
			t.Errorf("asked %v, told %v", seen.asked, told)
		}
	})
}

// A download on which nothing moves ends after a minute, and leaves no file.
func TestADownloadThatStallsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		r.upload(string(jpegOf(1)))
		r.broker.await(t, "the image", func() bool { return r.broker.image() != nil })
		r.must(r.sim.Faults(photosim.Fault{Route: "bytes", Mode: photosim.Stall, For: photosim.Duration(time.Hour)}))
		began, path := time.Now(), r.media+"/saved.jpg"
		got := r.request("media/save", map[string]any{"media_item_id": r.items()[0].ID, "path": path})
		if took := time.Since(began); got.code() != "google_unavailable" || took > 2*time.Minute {
			t.Errorf("after %v: %+v", took, got)
		}
		if files, err := os.ReadDir(r.media); len(files) != 0 || err != nil {
			t.Errorf("files: %v, %v", files, err)
		}
		r.must(r.sim.Faults())
		r.stop()
	})
}

// The refusals that Google was recorded to send with another status than they mean hold the photo and lose none.
func TestRecordedRefusalsLoseNoPhoto(t *testing.T) {
	const bare = `{"code": 3, "message": "Insufficient tokens for quota 'photoslibrary.googleapis.com/upload_requests' and limit 'UploadsPerMinute' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'."}`
	for name, test := range map[string]struct {
		fault photosim.Fault
		hold  mqttapi.HoldReason
		ends  time.Duration
	}{
		"bare status":         {photosim.Fault{Route: "uploads.raw", Status: 400, Body: bare}, mqttapi.HoldRateLimited, 5 * time.Minute},
		"the day by its name": {photosim.Fault{Route: "mediaItems.batchCreate", Status: 429, Body: `{"error":{"code":429,"message":"Quota exceeded for quota metric 'photoslibrary.googleapis.com/all_requests' and limit 'ApiCallsPerProjectPerDay' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.","status":"RESOURCE_EXHAUSTED"}}`}, mqttapi.HoldQuotaDaily, 26 * time.Hour},
		"storage with a 429":  {photosim.Fault{Route: "mediaItems.batchCreate", Status: 429, Body: `{"error":{"code":429,"message":"The remaining storage in the user's account is not enough to perform this operation.","status":"RESOURCE_EXHAUSTED"}`}, mqttapi.HoldStorageFull, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				test.fault.Mode, test.fault.Calls = photosim.Refuse, photosim.Calls{1}
				r.must(r.sim.Faults(test.fault))
				r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
				time.Sleep(10 * time.Second)
				if h, _ := r.entry.account.Held(); h == nil || h.Reason != test.hold {
					t.Errorf("hold: %+v, want %s", h, test.hold)
				}
				time.Sleep(test.ends)
				if got := r.broker.final(t, 0); got["status"] != "done" || len(r.items()) != 1 {
					t.Errorf("result: %v", got)
				}
				r.stop()
			})
		})
	}
}
