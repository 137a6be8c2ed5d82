package bridge

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gphotos2mqtt/auth"
	"gphotos2mqtt/mqttapi"
	"gphotos2mqtt/mqttapi/broker"
	"gphotos2mqtt/photos/photosim"
)

// hold waits until E/state shows a hold, or none, and returns its message.
func (r *harness) hold(reason mqttapi.HoldReason) string {
	r.t.Helper()
	message := ""
	r.broker.await(r.t, fmt.Sprintf("the hold %q", reason), func() bool {
		state := r.broker.document("gphotos/home/state")
		if state == nil {
			return false
		}
		hold, _ := state["hold"].(map[string]any)
		message, _ = hold["message"].(string)
		return hold == nil && reason == "" || hold["reason"] == string(reason)
	})
	return message
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// waysToLink are in every message that asks a person to link.
var waysToLink = []string{"Link account", "gphotos/home/request/link", "gphotos2mqtt link home"}

// An upload that meets a revoked grant waits; after linking again it is done,
// also when the bridge was started anew in between.
func TestRevokedGrantHoldsUploads(t *testing.T) {
	r := newHarness(t)
	r.start()
	if !r.sim.Revoke(photosim.DefaultAccountID) {
		t.Fatal("nothing was revoked")
	}
	n := r.broker.count("gphotos/home/upload/result")
	r.command(broker.Delivery{Topic: "gphotos/home/upload", Payload: jpegOf(1), QoS: 1})
	message := r.hold(mqttapi.HoldRelink)
	contains(t, message, append(waysToLink, "the access was removed in the Google account")...)
	r.restart()
	if again := r.hold(mqttapi.HoldRelink); again != message {
		t.Errorf("after a restart: %q", again)
	}
	for _, got := range r.broker.all("gphotos/home/upload/result")[n:] { // `accepted` may come again after a stop
		if got["status"] != "accepted" {
			t.Errorf("while the upload waits: %v", got)
		}
	}
	r.linkAccount(r.entry.cfg.Link)
	if got := r.broker.final(t, n); got["status"] != "done" {
		t.Errorf("result: %v", got)
	}
	r.hold("")
}

// Google ends grants after seven days while the consent screen is in Testing.
func TestTestingGrantIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHarness(t)
		r.must(r.sim.Close())
		r.sim = photosim.New(photosim.Config{Clients: []photosim.Client{{
			ID: photosim.DefaultClientID, Secret: photosim.DefaultClientSecret, Project: photosim.DefaultProject,
			RedirectURIs: []string{"http://localhost:8099/oauth/callback"}, Testing: true,
		}}})
		r.start()
		r.stop() // what happens in seven days is not the point here
		time.Sleep(7*24*time.Hour + time.Minute)
		r.start()
		contains(t, r.hold(mqttapi.HoldRelink), append(waysToLink, "publishing status Testing", "choose Publish app")...)
		r.stop()
	})
}

// A box that was left unticked switches off what needs it, and nothing else.
func TestUntickedBoxes(t *testing.T) {
	for _, tt := range []struct {
		without string
		refused []string // of the commands below
	}{
		{auth.ScopeAppend, []string{"album/create"}},
		{auth.ScopeRead, []string{"albums", "media", "media/get"}},
		{auth.ScopeEdit, []string{"album/update", "album/remove", "media/update"}},
	} {
		t.Run(tt.without[strings.LastIndex(tt.without, "/")+1:], func(t *testing.T) {
			r := newHarness(t)
			r.start()
			r.consent(tt.without)
			r.broker.await(t, "the missing scope in E/state", func() bool {
				link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any)
				missing, _ := link["missing_scopes"].([]any)
				return len(missing) == 1 && missing[0] == tt.without
			})
			for command, payload := range map[string]string{
				"albums": "", "media": "", "media/get": `{"media_item_ids": ["x"]}`,
				"album/create": `{"title": "A"}`, "album/update": `{"album_id": "x", "title": "B"}`,
				"album/remove": `{"album_id": "x", "media_item_ids": ["x"]}`, "media/update": `{"media_item_id": "x", "description": "d"}`,
			} {
				code, message := r.refusal(command, payload)
				want := false
				for _, c := range tt.refused {
					want = want || c == command
				}
				if got := code == string(mqttapi.CodeScopeMissing); got != want {
					t.Errorf("%s: code %q, %s", command, code, message)
				} else if want {
					contains(t, message, tt.without, "link home again")
				}
			}
		})
	}
}

// refusal sends a command and returns the code and the sentence of its answer.
func (r *harness) refusal(command, payload string) (code, message string) {
	r.t.Helper()
	topic := "gphotos/home/response/" + command
	n := r.broker.count(topic)
	r.command(broker.Delivery{Topic: "gphotos/home/request/" + command, Payload: []byte(payload), QoS: 1})
	r.broker.await(r.t, "an answer", func() bool { return r.broker.count(topic) > n })
	refused, _ := r.broker.all(topic)[n]["error"].(map[string]any)
	code, _ = refused["code"].(string)
	message, _ = refused["message"].(string)
	return code, message
}

// consent links anew and leaves a box unticked, or denies ("").
func (r *harness) consent(without string) {
	r.t.Helper()
	address := r.entry.cfg.Link.Start().URL
	page, err := url.Parse(address)
	r.must(err)
	form := url.Values{"decision": {"allow"}, "account": {photosim.DefaultAccountID}}
	if without == "" {
		form.Set("decision", "deny")
	}
	for scope := range strings.FieldsSeq(page.Query().Get("scope")) {
		if scope != without {
			form.Add("scope", scope)
		}
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	r.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.sim.Transport().RoundTrip(req)
	r.must(err)
	r.must(resp.Body.Close())
	r.command(broker.Delivery{
		Topic: "gphotos/home/request/link/finish", Payload: []byte(resp.Header.Get("Location")), QoS: 1,
	})
}

// What goes wrong in the browser is told to the people who look at E/state.
func TestFailedLinkIsTold(t *testing.T) {
	r := newHarness(t)
	r.start()
	r.consent("")
	r.broker.await(t, "the problem in E/state", func() bool {
		link, _ := r.broker.document("gphotos/home/state")["link"].(map[string]any)
		problem, _ := link["problem"].(string)
		return link["status"] == "linked" && strings.Contains(problem, "told not to allow the access")
	})
}
