package photosim

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAuthentication(t *testing.T) {
	m := newSim(t, Config{})
	tests := []struct {
		name, header, message string
	}{
		{"no header", "", "Request is missing required authentication credential."},
		{"unknown token", "Bearer ya29.unknown", "Request had invalid authentication credentials."},
		{"not bearer", "Basic " + m.token, "Request had invalid authentication credentials."},
		{"bearer without token", "Bearer", "Request had invalid authentication credentials."},
		{"token in the wrong place", m.token, "Request had invalid authentication credentials."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := m.call("GET", "/v1/albums", "", "Authorization", tt.header)
			checkError(t, r, http.StatusUnauthorized, "UNAUTHENTICATED", tt.message)
			if !strings.HasPrefix(r.header.Get("Www-Authenticate"), "Bearer ") {
				t.Errorf("WWW-Authenticate %q", r.header.Get("Www-Authenticate"))
			}
		})
	}
	if r := m.call("GET", "/v1/albums", "", "Authorization", "bearer "+m.token); r.status != 200 {
		t.Errorf("scheme in lower case: %d, and it is case-insensitive (RFC 9110)", r.status)
	}
}

func TestAccessTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{})
		time.Sleep(3598 * time.Second)
		if r := m.call("GET", "/v1/albums", ""); r.status != 200 {
			t.Fatalf("a second before the end: %d", r.status)
		}
		time.Sleep(time.Second)
		checkError(t, m.call("GET", "/v1/albums", ""), 401, "UNAUTHENTICATED", "invalid authentication credentials")
	})
}

// TestScopes tries every method with every scope alone.
func TestScopes(t *testing.T) {
	m := newSim(t, Config{})
	tests := []struct {
		call  string
		opens []string
	}{
		{"POST /v1/uploads", []string{scopeAppend}},
		{"POST /v1/mediaItems:batchCreate", []string{scopeAppend}},
		{"POST /v1/albums", []string{scopeAppend}},
		{"GET /v1/mediaItems/AF1Qip", []string{scopeRead}},
		{"GET /v1/mediaItems:batchGet", []string{scopeRead}},
		{"GET /v1/mediaItems", []string{scopeRead}},
		{"POST /v1/mediaItems:search", []string{scopeRead}},
		{"GET /v1/albums/AF1Qip", []string{scopeRead}},
		{"GET /v1/albums", []string{scopeRead}},
		{"PATCH /v1/mediaItems/AF1Qip", []string{scopeEdit}},
		{"PATCH /v1/albums/AF1Qip", []string{scopeEdit}},
		{"POST /v1/albums/AF1Qip:batchAddMediaItems", []string{scopeAppend, scopeEdit}},
		{"POST /v1/albums/AF1Qip:addEnrichment", []string{scopeAppend, scopeEdit}},
		{"POST /v1/albums/AF1Qip:batchRemoveMediaItems", []string{scopeEdit}},
	}
	all := []string{scopeAppend, scopeRead, scopeEdit, scopePicker, authPrefix + "photoslibrary", authPrefix + "photoslibrary.sharing"}
	for _, scope := range all {
		caller := m.as(GrantRequest{Scopes: []string{scope}})
		for _, tt := range tests {
			t.Run(strings.TrimPrefix(scope, authPrefix)+"/"+tt.call, func(t *testing.T) {
				method, path, _ := strings.Cut(tt.call, " ")
				r := caller.call(method, path, "", "X-Goog-Upload-Protocol", "raw")
				if newScopes(tt.opens...).has(scope) {
					if r.status == http.StatusForbidden {
						t.Errorf("refused: %s", r.body)
					}
					return
				}
				checkError(t, r, 403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.")
				for _, want := range []string{`"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"`} {
					if !strings.Contains(r.body, want) {
						t.Errorf("body %s lacks %s", r.body, want)
					}
				}
			})
		}
	}
}

func TestRemovedMethods(t *testing.T) {
	m := newSim(t, Config{})
	for _, call := range []string{
		"POST /v1/albums/AF1Qip:share", "POST /v1/albums/AF1Qip:unshare", "GET /v1/sharedAlbums", "GET /v1/sharedAlbums/AF1Qip",
		"POST /v1/sharedAlbums:join", "POST /v1/sharedAlbums:leave",
	} {
		method, path, _ := strings.Cut(call, " ")
		checkError(t, m.call(method, path, "{}"), 403, "PERMISSION_DENIED", "")
	}
	for _, call := range []string{
		"DELETE /v1/mediaItems/AF1Qip", "DELETE /v1/albums/AF1Qip", "PUT /v1/albums/AF1Qip", "GET /v1/uploads", "GET /v2/albums", "GET /v1/albums/a/b",
		"GET /v1/albums/", "GET /",
	} {
		method, path, _ := strings.Cut(call, " ")
		if r := m.call(method, path, ""); r.status != 404 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s, want an HTML 404", call, r.status, r.header.Get("Content-Type"))
		}
	}
}

func TestAPIDisabled(t *testing.T) {
	m := newSim(t, Config{Clients: []Client{{ID: "c", Secret: "s", Project: "77", APIDisabled: true}}})
	r := m.call("GET", "/v1/albums", "")
	checkError(t, r, 403, "PERMISSION_DENIED", "Photos Library API has not been used in project 77 before or it is disabled.")
	for _, want := range []string{"google.rpc.Help", `"reason": "SERVICE_DISABLED"`, `"consumer": "projects/77"`} {
		if !strings.Contains(r.body, want) {
			t.Errorf("body %s lacks %s", r.body, want)
		}
	}
}

func TestDailyQuotaEndsAtMidnightPacific(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The bubble begins at midnight UTC, 1 January 2000: 16:00 the day before in Pacific time.
		m := newSim(t, Config{Quotas: true, DailyRequests: 3, AccessTokenLife: 100 * time.Hour})
		m.call("GET", "/v1/albums", "")
		m.upload(photo(1)) // counts too
		m.call("GET", "/v1/albums/unknown", "")
		r := m.call("GET", "/v1/albums", "")
		checkError(t, r, 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'All requests' and limit 'All requests per day' of service "+
			"'photoslibrary.googleapis.com' for consumer 'project_number:"+DefaultProject+"'.")
		for _, want := range []string{`"quota_limit": "ApiCallsPerProjectPerDay"`, `"quota_limit_value": "3"`, `"reason": "RATE_LIMIT_EXCEEDED"`} {
			if !strings.Contains(r.body, want) {
				t.Errorf("body %s lacks %s", r.body, want)
			}
		}
		time.Sleep(8*time.Hour - time.Second)
		if r := m.call("GET", "/v1/albums", ""); r.status != 429 {
			t.Errorf("a second before midnight Pacific: %d", r.status)
		}
		time.Sleep(time.Second)
		if r := m.call("GET", "/v1/albums", ""); r.status != 200 {
			t.Errorf("at midnight Pacific: %d %s", r.status, r.body)
		}
	})
}

func TestUploadsOutsideTheDailyQuota(t *testing.T) {
	m := newSim(t, Config{Quotas: true, DailyRequests: 1, UploadsUnmetered: true})
	m.upload(photo(1))
	m.upload(photo(2))
	if r := m.call("GET", "/v1/albums", ""); r.status != 200 {
		t.Errorf("the first metered call: %d", r.status)
	}
}

func TestWritesPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newSim(t, Config{Quotas: true})
		for range 30 {
			m.album("a")
			m.upload(photo(1)) // no write by default
			m.call("POST", "/v1/mediaItems:search", "{}")
		}
		r := m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`)
		checkError(t, r, 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user'")
		if !strings.Contains(r.body, `"quota_limit": "WritesPerMinutePerUser"`) || !strings.Contains(r.body, `"quota_limit_value": "30"`) {
			t.Errorf("body %s", r.body)
		}
		time.Sleep(time.Minute)
		if r := m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`); r.status != 200 {
			t.Errorf("a minute later: %d", r.status)
		}
	})
}

func TestUploadsAreWritesWhenConfigured(t *testing.T) {
	m := newSim(t, Config{Quotas: true, WritesPerMinute: 1, UploadsAreWrites: true})
	m.upload(photo(1))
	r := m.call("POST", "/v1/uploads", "x", "X-Goog-Upload-Protocol", "raw")
	checkError(t, r, 429, "RESOURCE_EXHAUSTED", "Write requests per minute per user")
}

// TestWriterSlotIsFreeWithTheAnswer writes again as soon as the answer's head is there.
func TestWriterSlotIsFreeWithTheAnswer(t *testing.T) {
	m := newSim(t, Config{})
	for range 200 {
		if r := m.call("POST", "/v1/albums", `{"album":{"title":"a"}}`); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
}

func TestQueryParameters(t *testing.T) {
	m := newSim(t, Config{})
	for _, path := range []string{
		"/v1/albums?page_size=3", "/v1/albums?unknown=1", "/v1/albums?pageSize=1&pageSize=2", "/v1/albums?alt=media", "/v1/albums?pageSize=x",
		"/v1/albums?excludeNonAppCreatedData=perhaps", "/v1/albums?fields=a(b", "/v1/mediaItems?albumId=1", "/v1/mediaItems?pageSize=-1",
		"/v1/albums?pageSize=99999999999", "/v1/albums?callback=alert(1)//",
	} {
		if r := m.call("GET", path, ""); r.status != 400 {
			t.Errorf("%s: %d %s, want 400", path, r.status, r.body)
		}
	}
	for _, path := range []string{
		"/v1/albums?alt=json&key=k&quotaUser=q&uploadType=media&upload_protocol=raw&%24.xgafv=2&callback=&prettyPrint=true",
		"/v1/albums?pageSize=1000", "/v1/albums?pageSize=0",
	} {
		if r := m.call("GET", path, ""); r.status != 200 || r.body != "{}\n" {
			t.Errorf("%s: %d %q", path, r.status, r.body)
		}
	}
}
