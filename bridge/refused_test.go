package bridge

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

const consoleOf = "https://console.cloud.google.com/"

// send delivers a photo as a command that is not waited for.
func (r *harness) send(seed int) {
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(seed), QoS: 1})
}

// Whatever form a refusal has, what a person sees is its meaning: the reason and the sentence of the hold while it lasts, and the upload that
// is done once its cause is gone. Nothing is lost, nothing is made twice, and no link ends.
func TestRefusalsHold(t *testing.T) {
	every := func(route, name string) photosim.Fault {
		return photosim.Fault{Route: route, Mode: photosim.Refuse, Error: name}
	}
	bare := every("uploads.raw", "upload_quota")
	html := photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Refuse, Status: 500, Body: "<html><title>Error 500 (Server Error)!!1</title>"}
	for name, tc := range map[string]struct {
		fault  photosim.Fault
		reason mqttapi.HoldReason
		says   []string
		within time.Duration // of its cause's end it goes on
	}{
		"a minute's quota as status 400": {bare, mqttapi.HoldRateLimited, []string{"fewer requests a minute"}, 11 * time.Minute},
		"a day's quota without details": {
			every("mediaItems.batchCreate", "daily_quota_plain"), mqttapi.HoldQuotaDaily, []string{"midnight Pacific"}, 25 * time.Hour,
		},
		"api off in the project": {
			every("mediaItems.batchCreate", "service_disabled"), mqttapi.HoldAccessNotConfigured,
			[]string{"switched off", consoleOf + "apis/library/photoslibrary.googleapis.com?project=" + photosim.DefaultProject, "by itself"},
			time.Hour,
		},
		"project suspended": {
			every("uploads.raw", "consumer_suspended"), mqttapi.HoldAccessNotConfigured, []string{"whole Google Cloud project", consoleOf}, time.Hour,
		},
		"project deleted": {
			every("uploads.raw", "consumer_invalid"), mqttapi.HoldAccessNotConfigured, []string{"whole Google Cloud project", consoleOf}, time.Hour,
		},
		"project deleted, told by its text alone": {
			photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Error: "consumer_invalid", Form: photosim.Text},
			mqttapi.HoldAccessNotConfigured,
			[]string{"whole Google Cloud project", consoleOf},
			time.Hour,
		},
		"no permission": {
			every("uploads.raw", "no_permission"), mqttapi.HoldAccessNotConfigured, []string{"administrator", `"The caller does not have permission".`}, time.Hour,
		},
		"a page instead of a refusal": {
			photosim.Fault{Route: "uploads.raw", Mode: photosim.Refuse, Status: 400, Body: "<html><title>Error 400 (Bad Request)!!1</title>"},
			mqttapi.HoldGoogleUnavailable,
			[]string{"a fault of its own"},
			20 * time.Minute,
		},
		"account without google photos": {
			every("mediaItems.batchCreate", "photos_disabled"), mqttapi.HoldAccessNotConfigured, []string{"administrator"}, time.Hour,
		},
		"401 with every token": {
			every("uploads.raw", "unauthenticated"), mqttapi.HoldGoogleUnavailable, []string{"401", "security notice"}, time.Hour,
		},
		"server faults for minutes": {
			every("mediaItems.batchCreate", "internal"), mqttapi.HoldGoogleUnavailable, []string{"a fault of its own", "goes on by itself"}, 20 * time.Minute,
		},
		"a page in place of an answer": {html, mqttapi.HoldGoogleUnavailable, []string{"a fault of its own"}, 20 * time.Minute},
		"overlap that is none": {
			photosim.Fault{Route: "mediaItems.batchCreate", Mode: photosim.Sticky, For: photosim.Duration(3 * time.Hour)},
			mqttapi.HoldRateLimited,
			[]string{"fewer requests a minute"},
			11 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				r.must(r.sim.Faults(tc.fault))
				r.send(1)
				time.Sleep(5 * time.Minute) // far from Google's midnight
				contains(t, r.hold(tc.reason), tc.says...)
				shown := r.broker.holds()
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if again := r.broker.holds(); again != shown {
					t.Errorf("the hold came and went %d times", again-shown)
				}
				r.restart()
				if results := r.broker.all("gphotos/home/upload/result"); len(results) != 1 {
					t.Fatalf("results: %v", results)
				}
				r.must(r.sim.Faults())
				time.Sleep(tc.within)
				if got := r.broker.final(t, 0); got["status"] != "done" || len(r.items()) != 1 {
					t.Errorf("result: %v, %d items", got, len(r.items()))
				}
				r.hold("")
				if link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any); link["status"] != "linked" {
					t.Errorf("link: %v", link)
				}
				r.stop()
			})
		})
	}
}

// The token endpoint refuses the OAuth client: the link stays, and its problem says what to set right.
func TestRefusedClientHolds(t *testing.T) {
	for name, says := range map[string]string{
		"wrong_secret": "client secret", "disabled_client": "is disabled at Google", "deleted_client": "was deleted at Google",
		"invalid_client": "does not know the client id", "unauthorized_client": "type Web application",
		"admin_policy_enforced": "administrator of this Google Workspace account",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(50 * time.Minute)
				r.must(r.sim.Faults(photosim.Fault{Route: "oauth.token", Mode: photosim.Refuse, Error: name}))
				time.Sleep(11 * time.Minute) // the access token ends
				r.send(1)
				contains(t, r.hold(mqttapi.HoldClientRefused), says)
				link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any)
				contains(t, fmt.Sprint(link["problem"]), says)
				if link["status"] != "linked" {
					t.Errorf("link: %v", link)
				}
				time.Sleep(3 * time.Hour)
				r.must(r.sim.Faults())
				time.Sleep(time.Hour + time.Minute)
				if got := r.broker.final(t, 0); got["status"] != "done" {
					t.Errorf("result: %v", got)
				}
				link, _ = r.broker.document("gphotos/home/state")["link"].(map[string]any)
				if r.hold(""); link["problem"] != "" {
					t.Errorf("link: %v", link)
				}
				r.stop()
			})
		})
	}
}

// A token endpoint that answers with faults of its own is no network that is away.
func TestTokenEndpointFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(50 * time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "oauth.token", Mode: photosim.Refuse, Error: "internal_failure"}))
		time.Sleep(11 * time.Minute) // the access token ends
		r.send(1)
		time.Sleep(2 * time.Minute)
		contains(t, r.hold(mqttapi.HoldGoogleUnavailable), "a fault of its own")
		r.must(r.sim.Faults())
		time.Sleep(20 * time.Minute)
		if got := r.broker.final(t, 0); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		r.hold("")
		r.stop()
	})
}

// Only the token endpoint ends a link.
func TestOnlyInvalidGrantEndsALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(
			photosim.Fault{Route: "uploads.*", Mode: photosim.Refuse, Error: "unauthenticated"},
			photosim.Fault{Route: "oauth.token", Calls: photosim.Calls{2}, Mode: photosim.Refuse, Error: "invalid_grant"},
		))
		r.send(1)
		r.hold(mqttapi.HoldGoogleUnavailable)
		time.Sleep(time.Hour)
		contains(t, r.hold(mqttapi.HoldRelink), waysToLink...)
		r.stop()
	})
}

// What is wrong with a file at Google's, or with Google at the file: how long it is tried, and what is said in the end.
func TestRefusedItems(t *testing.T) {
	item := func(code int, calls ...int) photosim.Fault {
		return photosim.Fault{Route: "mediaItems.batchCreate", Calls: calls, ItemCode: code}
	}
	first := func(n int) (calls []int) {
		for i := range n {
			calls = append(calls, i+1)
		}
		return calls
	}
	for name, tc := range map[string]struct {
		fault  photosim.Fault
		within time.Duration
		status string
		code   any
		says   string
	}{
		"13 for five hours":       {item(13, first(28)...), 6 * time.Hour, "done", nil, ""},
		"13 for ever":             {item(13), 9 * time.Hour, "failed", "google_unavailable", "nothing is wrong with the file"},
		"14 for an hour":          {item(14, first(12)...), 2 * time.Hour, "done", nil, ""},
		"6 once":                  {item(6, 1), time.Minute, "done", nil, ""},
		"6 for ever":              {item(6), time.Hour, "failed", "rejected", "Nothing is wrong with the file"},
		"3 once":                  {item(3, 1), time.Minute, "done", nil, ""},
		"3 again":                 {item(3), time.Minute, "failed", "rejected", "check that the file opens"},
		"a token that is garbage": {photosim.Fault{Route: "mediaItems.batchCreate", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Error: "upload_token"}, time.Minute, "done", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newHarness(t)
				r.start()
				time.Sleep(time.Minute)
				r.must(r.sim.Faults(tc.fault))
				r.send(1)
				time.Sleep(tc.within)
				got := r.broker.final(t, 0)
				refused, _ := got["error"].(map[string]any)
				if got["status"] != tc.status || refused["code"] != tc.code {
					t.Errorf("result: %v", got)
				}
				if tc.says != "" {
					contains(t, fmt.Sprint(refused["message"]), tc.says)
				}
				r.stop()
			})
		})
	}
}

// Google has the file already and does not say as which item; the bridge has made it.
func TestTwinIsTheItemOfEqualBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		first := r.upload(string(jpegOf(1)))
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", ItemCode: 6}))
		path := r.write("again.jpg", jpegOf(1))
		second := r.upload(fmt.Sprintf(`{"path": %q, "album": "Front door"}`, path))
		made, found := first["items"].([]any)[0].(map[string]any), second["items"].([]any)[0].(map[string]any)
		if found["status"] != "done" || found["duplicate"] != true || found["media_item_id"] != made["media_item_id"] {
			t.Errorf("first %v, then %v", made, found)
		}
		if albums := r.sim.Library()[0].Albums; len(albums) != 1 || len(albums[0].Items) != 1 {
			t.Errorf("albums: %+v", albums)
		}
		r.stop()
	})
}

// A file that waits for itself says why: Google's own fault is no hold, since others go on.
func TestJobsSayWhyAFileIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "mediaItems.batchCreate", ItemCode: 13}))
		r.send(1)
		time.Sleep(time.Hour + 5*time.Second)
		r.command(broker.Delivery{Topic: "gphotos/home/request/jobs", QoS: 1})
		answers := r.broker.all("gphotos/home/response/jobs")
		data := answers[len(answers)-1]["data"].(map[string]any)
		waits, _ := data["jobs"].([]any)[0].(map[string]any)["waits"].(map[string]any)
		if waits["reason"] != "google_unavailable" || waits["until"] == nil {
			t.Errorf("waits: %v", waits)
		}
		contains(t, fmt.Sprint(waits["message"]), "nothing is wrong with the file")
		r.hold("")
		r.stop()
	})
}

// Nothing is to be uploaded, and listings are refused: the same hold stays in E/state until they are read.
func TestRefusedListingsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "not_enabled"}))
		time.Sleep(time.Hour)
		contains(t, r.hold(mqttapi.HoldAccessNotConfigured), "switched off")
		shown := r.broker.holds()
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if again := r.broker.holds(); again != shown {
			t.Errorf("the hold came and went %d times", again-shown)
		}
		r.must(r.sim.Faults())
		time.Sleep(time.Hour)
		r.hold("")
		r.stop()
	})
}

// A person who has set the project right need not wait for the next look.
func TestRefreshAsksABlockedProjectAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.start()
		time.Sleep(time.Minute)
		r.must(r.sim.Faults(photosim.Fault{Route: "*", Mode: photosim.Refuse, Error: "not_enabled"}))
		r.send(1)
		time.Sleep(5 * time.Hour) // the pauses have grown to an hour
		r.must(r.sim.Faults())
		r.command(broker.Delivery{Topic: "gphotos/home/request/refresh", QoS: 1})
		time.Sleep(time.Minute)
		if got := r.broker.final(t, 0); got["status"] != "done" {
			t.Errorf("result: %v", got)
		}
		r.hold("")
		r.stop()
	})
}
