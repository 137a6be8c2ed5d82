package photosim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRecordedRefusals holds texts and forms to what was recorded of Google; 1 stands for the project number.
func TestRecordedRefusals(t *testing.T) {
	m := newSim(t, Config{})
	for name, tt := range map[string]struct {
		code int
		want []string
	}{
		"upload_quota": {400, []string{`{
  "code": 3,
  "message": "Insufficient tokens for quota 'photoslibrary.googleapis.com/upload_requests' and limit 'UploadsPerMinute' of service ` +
			`'photoslibrary.googleapis.com' for consumer 'project_number:1'."
}
`}},
		"concurrent_write": {429, []string{`{
  "error": {
    "code": 429,
    "message": "Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'.",
    "status": "RESOURCE_EXHAUSTED"
  }
}
`}},
		"daily_quota_plain": {429, []string{`"message": "Quota exceeded for quota metric 'photoslibrary.googleapis.com/all_requests' and limit ` +
			`'ApiCallsPerProjectPerDay' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.",
    "status": "RESOURCE_EXHAUSTED"
  }
}
`}},
		"minute_quota": {429, []string{`and limit 'Write requests per minute per user' of`, `"reason": "RATE_LIMIT_EXCEEDED"`, `"quota_limit_value": "30"`}},
		"storage_full": {400, []string{`"message": "The remaining storage in the user's account is not enough to perform this operation."`}},
		"upload_token": {400, []string{`"message": "Request must contain a valid upload token."`, `"status": "INVALID_ARGUMENT"`}},
		"aborted":      {409, []string{`"status": "ABORTED"`}},
		"consumer_suspended": {403, []string{
			`"message": "Permission denied: Consumer 'project_number:1' has been suspended."`, `"reason": "CONSUMER_SUSPENDED"`, `"consumer": "projects/1"`,
		}},
		"consumer_invalid": {403, []string{`"message": "Permission denied on resource project 1."`, `"reason": "CONSUMER_INVALID"`}},
		"service_disabled": {403, []string{`has not been used in project 1 before or it is disabled`, `"reason": "SERVICE_DISABLED"`}},
		"disabled_client": {401, []string{`{
  "error": "disabled_client",
  "error_description": "The OAuth client was disabled."
}
`}},
	} {
		m.set(Fault{Route: "*", Mode: Refuse, Error: name})
		r := m.call("GET", "/v1/albums", "")
		body := strings.ReplaceAll(r.body, DefaultProject, "1")
		if r.status != tt.code {
			t.Errorf("%s: status %d", name, r.status)
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: body %s lacks %s", name, body, want)
			}
		}
	}
}

func TestOlderFormOfErrors(t *testing.T) {
	m := newSim(t, Config{})
	for name, reason := range map[string]string{
		"upload_token": "badRequest", "aborted": "aborted", "minute_quota": "rateLimitExceeded", "scopes": "insufficientPermissions",
		"consumer_invalid": "forbidden", "not_enabled": "accessNotConfigured", "unauthenticated": "authError", "unavailable": "backendError",
		"not_found": "notFound",
	} {
		m.set(Fault{Route: "*", Mode: Refuse, Error: name})
		var e envelope
		m.call("GET", "/v1/albums?alt=json", "").decode(t, &e)
		if len(e.Error.Errors) != 1 || e.Error.Errors[0].Reason != reason {
			t.Errorf("%s: errors %+v, want reason %s", name, e.Error.Errors, reason)
		}
		if r := m.call("GET", "/v1/albums", ""); strings.Contains(r.body, `"errors"`) {
			t.Errorf("%s has errors without alt=json: %s", name, r.body)
		}
	}
}

func TestForms(t *testing.T) {
	m := newSim(t, Config{})
	const text = "The remaining storage in the user's account is not enough to perform this operation."
	for form, tt := range map[Form]struct{ kind, prefix string }{
		Envelope:   {"application/json", "{\n  \"error\": {\n    \"code\": 429,\n    \"message\": \"" + text + "\",\n    \"status\": \"RESOURCE_EXHAUSTED\"\n  }\n}\n"},
		BareStatus: {"application/json", "{\n  \"code\": 8,\n  \"message\": \"" + text + "\"\n}\n"},
		List:       {"application/json", "[\n  {\n    \"error\": {\n      \"code\": 429,"},
		Text:       {"text/plain", text},
		HTML:       {"text/html", "<!DOCTYPE html>"},
		Broken:     {"application/json", "{\n  \"error\": {"},
	} {
		m.set(Fault{Route: "uploads.*", Mode: Refuse, Error: "storage_full", Status: 429, Form: form})
		r := m.call("POST", "/v1/uploads", "x", "X-Goog-Upload-Protocol", "raw")
		if r.status != 429 || !strings.HasPrefix(r.header.Get("Content-Type"), tt.kind) || !strings.HasPrefix(r.body, tt.prefix) {
			t.Errorf("%s: %d %s %q", form, r.status, r.header.Get("Content-Type"), r.body)
		}
		if valid := json.Valid([]byte(r.body)); valid != (tt.kind == "application/json" && form != Broken) {
			t.Errorf("%s: valid JSON is %v: %s", form, valid, r.body)
		}
	}
}

// TestSticky writes one at a time and is refused all the same, until the time is over.
func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		write := func() reply { return m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`) }
		m.set(Fault{Route: "albums.create", Mode: Sticky, Calls: Calls{2}, For: Duration(3 * time.Minute)})
		if r := write(); r.status != http.StatusOK {
			t.Errorf("before it begins: %d", r.status)
		}
		for range 3 {
			checkError(t, write(), 429, "RESOURCE_EXHAUSTED", "concurrent write request")
			time.Sleep(59 * time.Second)
		}
		time.Sleep(3 * time.Second)
		if r := write(); r.status != http.StatusOK {
			t.Errorf("after it is over: %d", r.status)
		}
		m.set(Fault{Route: "*", Mode: Sticky, Status: 503})
		if r := write(); r.status != 503 {
			t.Errorf("with a status: %d", r.status)
		}
		m.set(Fault{Route: "*", Mode: Sticky, Error: "internal", Form: HTML})
		time.Sleep(time.Hour)
		if r := write(); r.status != 500 || !strings.HasPrefix(r.body, "<!DOCTYPE") {
			t.Errorf("with an error: %d %s", r.status, r.body)
		}
		if w := m.Stats().Writes; w.Peak != 1 || w.Overlapping != 0 {
			t.Errorf("writes %+v", w)
		}
	})
}

// TestLate looks for an album and an item that Google does not know yet.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		m.set(
			Fault{Route: "albums.create", Mode: Late, Calls: Calls{1}, For: Duration(2 * time.Minute)},
			Fault{Route: "mediaItems.batchCreate", Mode: Late, Calls: Calls{2}, For: Duration(time.Minute)},
		)
		id, token := m.album("fresh"), m.upload(photo(1))
		checkError(t, m.call("GET", "/v1/albums/"+id, ""), 404, "NOT_FOUND", "")
		body := text(t, map[string]any{"albumId": id, "newMediaItems": []any{map[string]any{"simpleMediaItem": map[string]string{"uploadToken": token}}}})
		checkError(t, m.call("POST", "/v1/mediaItems:batchCreate", body), 400, "INVALID_ARGUMENT", "The provided ID does not match any albums.")
		if r := m.call("GET", "/v1/albums", ""); r.body != "{}\n" {
			t.Errorf("listed: %s", r.body)
		}
		time.Sleep(2 * time.Minute)
		if status, out := m.create(id, token); status != 200 || out.codes()[0] != 0 {
			t.Fatalf("the album is there now: %d %+v", status, out)
		}
		item := m.Library()[0].Items[0].ID
		checkError(t, m.call("GET", "/v1/mediaItems/"+item, ""), 404, "NOT_FOUND", "")
		checkError(t, m.call("POST", "/v1/albums/"+id+":batchAddMediaItems", text(t, itemIDs{[]string{item}})), 400, "INVALID_ARGUMENT",
			"Request contains an invalid media item id.")
		time.Sleep(time.Minute)
		if r := m.call("GET", "/v1/mediaItems/"+item, ""); r.status != 200 {
			t.Errorf("the item is there now: %d", r.status)
		}
		if n := len(m.Library()[0].Items[0].Projects); n != 1 {
			t.Errorf("%d projects", n)
		}
	})
}

func TestItemTexts(t *testing.T) {
	m := newSim(t, Config{})
	for want, f := range map[string]Fault{
		failedItem:                            {ItemCode: 13},
		"BAD_IMAGE: the image cannot be read": {ItemCode: 3, ItemMessage: "BAD_IMAGE: the image cannot be read"},
		"EXISTS: There was an error while trying to create this media item.": {ItemCode: 6},
	} {
		f.Route = "mediaItems.batchCreate"
		m.set(f)
		_, out := m.create("", m.upload(photo(1)))
		if got := out.Results[0].Status; got != (rpcStatus{f.ItemCode, want}) {
			t.Errorf("got %+v, want %d %s", got, f.ItemCode, want)
		}
	}
}

// TestClientRefusedByTheTokenEndpoint refreshes with clients that Google has put out of use.
func TestClientRefusedByTheTokenEndpoint(t *testing.T) {
	m := newSim(t, Config{})
	for name, code := range map[string]int{
		"disabled_client": 401, "deleted_client": 401, "unauthorized_client": 401, "invalid_client": 401, "invalid_grant": 400,
		"admin_policy_enforced": 400, "internal_failure": 500,
	} {
		m.set(Fault{Route: "oauth.token", Mode: Refuse, Error: name})
		var e tokenError
		r := m.exchange("grant_type", "refresh_token")
		r.decode(t, &e)
		if r.status != code || e.Kind != name || e.Description == "" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	m = newSim(t, Config{Clients: []Client{{ID: "c", Secret: "s", Project: "1", Disabled: true, RedirectURIs: DefaultRedirectURIs()}}})
	if r := m.exchange("client_id", "c", "client_secret", "s", "grant_type", "refresh_token"); r.status != 401 || !strings.Contains(r.body, "disabled_client") {
		t.Errorf("a disabled client: %d %s", r.status, r.body)
	}
}
