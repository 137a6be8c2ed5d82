package photos

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Bodies that Google was seen to answer, with the numbers of projects replaced.
const (
	tokensBody     = `{"code": 3, "message": "Insufficient tokens for quota 'photoslibrary.googleapis.com/upload_requests' and limit 'UploadsPerMinute' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'."}`
	emptyBody      = `{ "code": 3, "message": "Payload must not be empty" }`
	callsBody      = "{\n  \"error\": {\n    \"code\": 429,\n    \"message\": \"Quota exceeded for quota metric 'photoslibrary.googleapis.com/all_requests' and limit 'ApiCallsPerProjectPerDay' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.\",\n    \"status\": \"RESOURCE_EXHAUSTED\"\n  }\n}\n"
	noTokenBody    = `{"error":{"code":400,"message":"Request must contain a valid upload token.","errors":[{"message":"Request must contain a valid upload token.","domain":"global","reason":"badRequest"}],"status":"INVALID_ARGUMENT"}}`
	storageText    = `The remaining storage in the user's account is not enough to perform this operation.`
	storageBody    = `{"error":{"code":400,"message":"` + storageText + `","errors":[{"message":"` + storageText + `","domain":"global","reason":"badRequest"}],"status":"INVALID_ARGUMENT"}}`
	abortedBody    = `{"error":{"code":409,"message":"The operation was aborted.","errors":[{"message":"The operation was aborted.","domain":"global","reason":"aborted"}],"status":"ABORTED"}}`
	concurrentEnds = `{"error":{"code":429,"message":"Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'.","errors":[{"message":"Quota exceeded","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}`
	suspendedBody  = `{"error":{"code":403,"message":"Permission denied: Consumer 'projects/1' has been suspended.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CONSUMER_SUSPENDED","domain":"googleapis.com","metadata":{"service":"photoslibrary.googleapis.com","consumer":"projects/1"}}]}}`
	deletedBody    = `{"error":{"code":403,"message":"Project #1 has been deleted.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"CONSUMER_INVALID","domain":"googleapis.com","metadata":{"service":"photoslibrary.googleapis.com","consumer":"projects/1"}}]}}`
	offBody        = `{"error":{"code":403,"message":"Photos Library API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com","metadata":{"service":"photoslibrary.googleapis.com","consumer":"projects/1","activationUrl":"https://console.developers.google.com.evil.example/"}}]}}`
	oldOffBody     = `{"error":{"errors":[{"domain":"usageLimits","reason":"accessNotConfigured","message":"Access Not Configured.","extendedHelp":"https://console.developers.google.com"}],"code":403,"message":"Access Not Configured."}}`
	oldDayBody     = `{"error":{"errors":[{"domain":"usageLimits","reason":"dailyLimitExceeded","message":"Daily Limit Exceeded"}],"code":403,"message":"Daily Limit Exceeded. The quota will be reset at midnight Pacific Time (PT)."}}`
	oldUserBody    = `{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded","message":"User Rate Limit Exceeded"}],"code":403,"message":"User Rate Limit Exceeded"}}`
	unitBody       = `{"error":{"code":429,"message":"Quota exceeded.","status":"RESOURCE_EXHAUSTED","details":[{"reason":"RATE_LIMIT_EXCEEDED","metadata":{"quota_limit":"AllRequests","quota_unit":"1/d/{project}"}}]}}`
	violationBody  = `{"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"photoslibrary.googleapis.com/all_requests","quotaId":"ApiCallsPerDayPerProject"}]}]}}`
	pageBody       = `<!DOCTYPE html><html><head><title>Error 429 (Too Many Requests)!!1</title></head><body><p>Quota exceeded for quota&nbsp;metric and limit &#39;UploadsPerDay&#39;.</p></body></html>`
	portalBody     = `<html><head><title>Access denied</title></head><body>Sign in to the guest network.</body></html>`
)

func TestRecordedRefusals(t *testing.T) {
	const (
		json, page = "application/json; charset=UTF-8", "text/html; charset=UTF-8"
		dashboard  = "https://console.cloud.google.com/home/dashboard"
		library    = "https://console.cloud.google.com/apis/library/photoslibrary.googleapis.com"
	)
	brace := strings.TrimSuffix(strings.TrimSpace(dailyBody), "}")
	tests := []struct {
		name, call  string
		status      int
		contentType string
		body        string
		want        Kind
		console     string
	}{
		{"bare status", "upload", 400, json, tokensBody, RateLimited, ""},
		{"bare status into a session", "send", 400, json, tokensBody, RateLimited, ""},
		{"bare status of a session", "query", 400, "text/plain", tokensBody, RateLimited, ""},
		{"bare status, of the day", "upload", 400, json, strings.Replace(tokensBody, "UploadsPerMinute", "UploadsPerDay", 1), DailyQuota, ""},
		{"bare status in a list", "upload", 400, json, "[" + tokensBody + "]", RateLimited, ""},
		{"bare status, cut", "upload", 400, json, tokensBody[:len(tokensBody)-30], RateLimited, ""},
		{"bare status, only text", "upload", 400, "text/plain", "Insufficient tokens for quota 'x' and limit 'UploadsPerMinute'", RateLimited, ""},
		{"bare status as a page", "upload", 400, page, tokensBody, RateLimited, ""},
		{"empty file", "upload", 400, json, emptyBody, Rejected, ""},
		{"empty file by a wrong type", "upload", 400, "image/png", emptyBody, Rejected, ""},
		{"error in a list", "upload", 400, json, `{"error":[` + tokensBody + `]}`, RateLimited, ""},
		{"message alone", "upload", 400, json, `{"message":"Quota exceeded for quota 'x' and limit 'UploadsPerDay'."}`, DailyQuota, ""},
		{"message of a gateway", "get album", 404, json, `{"message":"no such route"}`, Transient, ""},
		{"code alone, exhausted", "upload", 400, json, `{"code":8}`, RateLimited, ""},
		{"code alone, unavailable", "upload", 400, json, `{"code":14,"message":"try later"}`, Transient, ""},
		{"code alone, internal", "create items", 400, json, `{"code":13,"message":"Internal error encountered."}`, Transient, ""},
		{"code alone, no token", "get item", 400, json, `{"code":16}`, Unauthorized, ""},
		{"code alone, no album", "add items", 400, json, `{"code":5,"message":"Requested entity was not found."}`, AlbumNotFound, ""},
		{"code alone, no session", "send", 400, json, `{"code":5}`, Expired, ""},
		{"code alone, wrong", "upload", 400, json, `{"code":3,"message":"no"}`, Invalid, ""},
		{"code of HTTP in a 400", "list items", 400, json, `{"error":{"code":503,"message":"busy"}}`, Transient, ""},

		{"day by the limit's name", "list items", 429, json, callsBody, DailyQuota, ""},
		{"day by the limit's name, 403", "list items", 403, json, callsBody, DailyQuota, ""},
		{"day, after a front end's guard", "list items", 429, json, ")]}'\n" + callsBody, DailyQuota, ""},
		{"day, without its last brace", "list items", 429, json, brace, DailyQuota, ""},
		{"day, without two braces, 403", "create items", 403, json, strings.TrimSuffix(brace, "}"), DailyQuota, ""},
		{"day, cut in the details", "list items", 429, json, dailyBody[:strings.Index(dailyBody, `"metadata"`)], DailyQuota, ""},
		{"day, with words behind it", "list items", 429, json, dailyBody + "\n<!-- served -->", DailyQuota, ""},
		{"day by the unit", "list items", 429, json, unitBody, DailyQuota, ""},
		{"day by a violation", "list items", 429, json, violationBody, DailyQuota, ""},
		{"day by an old reason", "list items", 403, json, oldDayBody, DailyQuota, ""},
		{"day on a page", "upload", 429, page, pageBody, DailyQuota, ""},
		{"day, 503", "list items", 503, json, dailyBody, DailyQuota, ""},
		{"minute by an old reason", "list items", 403, json, oldUserBody, RateLimited, ""},
		{"minute, cut", "create items", 429, json, minuteBody[:len(minuteBody)-6], RateLimited, ""},
		{"concurrent, ends there", "create items", 429, json, concurrentEnds, ConcurrentWrites, ""},
		{"concurrent, text", "create items", 429, "text/plain", "Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'.", ConcurrentWrites, ""},
		{"concurrent, 400", "create items", 400, json, strings.Replace(concurrentEnds, "429", "400", 1), ConcurrentWrites, ""},
		{"429 without words", "create items", 429, page, "", RateLimited, ""},

		{"storage", "create items", 400, json, storageBody, StorageFull, ""},
		{"storage, 429", "create items", 429, json, strings.Replace(storageBody, "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", 1), StorageFull, ""},
		{"storage, text", "upload", 507, "text/plain", storageText, StorageFull, ""},
		{"storage, cut", "create items", 400, json, storageBody[:len(storageBody)-20], StorageFull, ""},

		{"aborted", "create items", 409, json, abortedBody, Transient, ""},
		{"no upload token", "create items", 400, json, noTokenBody, Expired, ""},
		{"no upload token, cut", "create items", 400, json, noTokenBody[:85], Expired, ""},

		{"album that is fresh", "create items", 404, json, `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`, AlbumNotFound, ""},
		{"album that is fresh, old form", "create items", 400, json, `{"error":{"code":400,"message":"The provided ID does not match any albums","errors":[{"reason":"badRequest"}],"status":"INVALID_ARGUMENT"}}`, AlbumNotFound, ""},
		{"album that is fresh, adding", "add items", 404, json, `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}`, AlbumNotFound, ""},
		{"project suspended", "create items", 403, json, suspendedBody, ProjectBlocked, dashboard + "?project=1"},
		{"project deleted", "add items", 403, json, deletedBody, ProjectBlocked, dashboard + "?project=1"},
		{"project deleted, told by its text alone", "send", 403, "text/plain", "Permission denied on resource project 1.", ProjectBlocked, dashboard + "?project=1"},
		{"project deleted, bare status", "start", 403, json, `{"code":7,"message":"Permission denied on resource project 1."}`, ProjectBlocked, dashboard + "?project=1"},
		{"token without the right", "upload", 401, json, `{ "code": 16, "message": "Authentication session is not defined." }`, Unauthorized, ""}, // f2calv/CasCap.Api.GooglePhotos issue 200
		{"project deleted, by text", "get album", 403, "text/plain", "Project 'project_number:1' has been deleted.", ProjectBlocked, dashboard + "?project=1"},
		{"project suspended, upload", "upload", 403, json, suspendedBody, ProjectBlocked, dashboard + "?project=1"},
		{"project suspended, session", "send", 403, json, suspendedBody, ProjectBlocked, dashboard + "?project=1"},
		{"project suspended, cut", "upload", 403, json, suspendedBody[:len(suspendedBody)-2], ProjectBlocked, dashboard + "?project=1"},
		{"project suspended, 429", "upload", 429, json, suspendedBody, ProjectBlocked, dashboard + "?project=1"},
		{"API off", "list items", 403, json, offBody, ProjectBlocked, library + "?project=1"},
		{"API off, another form", "list items", 403, json, disabledBody, ProjectBlocked, library + "?project=1"},
		{"API off, old form", "list items", 403, json, oldOffBody, ProjectBlocked, library},
		{"client disabled", "get item", 401, json, `{"error":"disabled_client","error_description":"The OAuth client was disabled."}`, ProjectBlocked, dashboard},
		{"no billing", "upload", 403, json, `{"error":{"code":403,"message":"This API method requires billing to be enabled.","status":"PERMISSION_DENIED"}}`, ProjectBlocked, dashboard},
		{"no Google Photos", "upload", 403, json, `{"error":{"code":403,"message":"Google Photos is disabled for the user","status":"PERMISSION_DENIED"}}`, PhotosDisabled, ""},

		{"401, expired", "upload", 401, json, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED","details":[{"reason":"ACCESS_TOKEN_EXPIRED"}]}}`, Unauthorized, ""},
		{"401, old form", "list items", 401, json, `{"error":{"errors":[{"domain":"global","reason":"authError","message":"Invalid Credentials"}],"code":401,"message":"Invalid Credentials"}}`, Unauthorized, ""},
		{"401, page", "create items", 401, page, portalBody, Unauthorized, ""},
		{"401, scope", "upload", 401, json, `{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`, ScopeMissing, ""},
		{"403, state of the account", "upload", 403, json, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[{"reason":"ACCOUNT_STATE_INVALID"}]}}`, Unauthorized, ""},

		{"portal's page on an upload", "upload", 403, page, portalBody, Transient, ""},
		{"portal's page on a session", "send", 403, page, portalBody, Transient, ""},
		{"nobody says why, upload", "upload", 403, "", "", Transient, ""},
		{"nobody says why, session", "query", 403, "text/plain", " \n", Transient, ""},
		{"firewall's picture", "upload", 403, "image/gif", "GIF89a", Transient, ""},
		{"proxy wants a password", "upload", 407, page, "", Transient, ""},
		{"server error, empty", "upload", 500, "", "", Transient, ""},
		{"unavailable, bare status", "upload", 503, json, `{"code":14,"message":"The service is currently unavailable."}`, Transient, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := google(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				says(test.status, test.body)(w, r)
			})
			got := refusal(t, calls[test.call](t.Context(), c))
			if got.Kind != test.want || got.Status != test.status || got.Console != test.console {
				t.Errorf("got %v (status %d, console %q), want %v (%q)", got, got.Status, got.Console, test.want, test.console)
			}
			if faulty := test.status >= 500 || test.status == http.StatusBadRequest && test.want == Transient; got.Lost != (faulty && test.call != "list items") {
				t.Errorf("lost is %v", got.Lost)
			}
			if strings.ContainsAny(got.Message, "{}<") {
				t.Errorf("people are told %q", got.Message)
			}
		})
	}
}

// An answer that calls itself a success can hold a refusal in each of these forms.
func TestRefusalsInSuccesses(t *testing.T) {
	for name, test := range map[string]struct {
		call, body string
		want       Kind
	}{
		"envelope":            {"create items", callsBody, DailyQuota},
		"bare status":         {"create items", `{"code":14,"message":"try later"}`, Transient},
		"bare status, quota":  {"add items", tokensBody, RateLimited},
		"list":                {"create items", "[" + concurrentEnds + "]", ConcurrentWrites},
		"cut":                 {"get item", suspendedBody[:len(suspendedBody)-1], ProjectBlocked},
		"token is a refusal":  {"upload", tokensBody, RateLimited},
		"token is empty file": {"upload", emptyBody, Rejected},
		"session's token":     {"send", "[" + tokensBody + "]", RateLimited},
	} {
		err := calls[test.call](t.Context(), google(t, says(http.StatusOK, test.body)))
		if got := refusal(t, err); got.Kind != test.want || got.Status != http.StatusOK {
			t.Errorf("%s: got %v (status %d), want %v", name, got, got.Status, test.want)
		}
	}
	word := google(t, says(http.StatusOK, `{"id":"i","description":"the \"error\": {\"code\": 3}","filename":"error","mimeType":"code"}`))
	if item, err := word.Item(t.Context(), "i"); err != nil || item.FileName != "error" {
		t.Errorf("got %+v, %v for an item that is about errors", item, err)
	}
}

func TestRecordedItemErrors(t *testing.T) {
	const failed = "Failed: There was an error while trying to create this media item."
	tests := []struct {
		status string // of one of the items of a batch
		album  string
		want   Kind
	}{
		{`{"code":1}`, "", Transient},
		{`{"code":2,"message":"` + failed + `"}`, "", ItemFault},
		{`{"code":3,"message":"` + failed + `"}`, "a", Rejected},
		{`{"code":3,"message":"BAD_IMAGE: There was an error while trying to create this media item."}`, "", Rejected},
		{`{"code":3,"message":"Insufficient tokens for quota 'x' and limit 'WritesPerMinutePerUser'."}`, "", RateLimited},
		{`{"code":4}`, "", Transient},
		{`{"code":5,"message":"Requested entity was not found."}`, "", Expired},
		{`{"code":5,"message":"Requested entity was not found."}`, "a", AlbumNotFound},
		{`{"code":6,"message":"EXISTS: There was an error while trying to create this media item."}`, "a", Duplicate},
		{`{"code":7,"message":"The caller does not have permission"}`, "", Invalid},
		{`{"code":7,"message":"The caller does not have permission"}`, "a", AlbumNotWriteable},
		{`{"code":7,"message":"Consumer 'projects/1' has been suspended."}`, "a", ProjectBlocked},
		{`{"code":8,"message":"` + storageText + `"}`, "", StorageFull},
		{`{"code":8,"message":"Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'."}`, "", ConcurrentWrites},
		{`{"code":8,"message":"no","details":[{"metadata":{"quota_limit":"ApiCallsPerProjectPerDay"}}]}`, "", DailyQuota},
		{`{"code":9,"message":"` + failed + `"}`, "", ItemFault},
		{`{"code":10}`, "a", Transient},
		{`{"code":11}`, "", Rejected},
		{`{"code":12}`, "", Rejected},
		{`{"code":13,"message":"` + failed + `"}`, "", ItemFault},
		{`{"code":14}`, "", Transient},
		{`{"code":15}`, "", ItemFault},
		{`{"code":16}`, "", Unauthorized},
		{`{"code":77}`, "", ItemFault},
		{`{"message":"` + failed + `"}`, "", Transient}, // neither a code nor an item: nobody knows
	}
	for _, test := range tests {
		c := google(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"newMediaItemResults":[{"uploadToken":"t","status":`+test.status+`}]}`)
		})
		got, err := c.CreateItems(t.Context(), test.album, []NewItem{{Token: "t"}})
		if err != nil {
			t.Fatalf("%s: %v", test.status, err)
		}
		if e := refusal(t, got[0].Err); e.Kind != test.want || e.Status != http.StatusOK {
			t.Errorf("%s: got %v, want %v", test.status, e, test.want)
		}
	}
	c := google(t, says(http.StatusOK, `{"newMediaItemResults":[{"status":{"message":"Success"},"mediaItem":{"id":"i"}}]}`))
	if got, err := c.CreateItems(t.Context(), "", []NewItem{{Token: "t"}}); err != nil || got[0].Err != nil || got[0].Item.ID != "i" {
		t.Errorf("success without code and token: %+v, %v", got, err)
	}
}
