package photos

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	"gphotos2mqtt/auth/secret"
)

// calls are one method for each subject that a refusal can be about.
var calls = map[string]func(context.Context, *Client) error{
	"list items": func(ctx context.Context, c *Client) error { _, err := c.ListItems(ctx, 0, ""); return err },
	"get item":   func(ctx context.Context, c *Client) error { _, err := c.Item(ctx, "i"); return err },
	"get album":  func(ctx context.Context, c *Client) error { _, err := c.Album(ctx, "a"); return err },
	"add items":  func(ctx context.Context, c *Client) error { return c.AddItems(ctx, "a", []string{"i"}) },
	"create items": func(ctx context.Context, c *Client) error {
		_, err := c.CreateItems(ctx, "a", []NewItem{{Token: "t"}})
		return err
	},
	"upload": func(ctx context.Context, c *Client) error { _, err := c.Upload(ctx, text("x")); return err },
	"start": func(ctx context.Context, c *Client) error {
		_, err := c.Start(ctx, Media{Size: 1, MIMEType: "image/jpeg"})
		return err
	},
	"query": func(ctx context.Context, c *Client) error { _, err := c.Query(ctx, c.sessionForTest()); return err },
	"send": func(ctx context.Context, c *Client) error {
		_, err := c.Send(ctx, c.sessionForTest(), 0, text("x"), nil)
		return err
	},
	"download": func(ctx context.Context, c *Client) error {
		_, err := c.Download(ctx, secret.Text(c.library+"/lr/x"), "=d")
		return err
	},
}

func (c *Client) sessionForTest() secret.Text {
	return secret.Text(c.library + "/v1/uploads?upload_id=SECRET-UPLOAD-ID&upload_protocol=resumable")
}

// Google's bodies as other clients have seen them.
const (
	dailyBody = `{"error":{"code":429,"message":"Quota exceeded for quota metric 'All requests' and limit 'All requests per day' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.",
		"errors":[{"message":"Quota exceeded","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED",
		"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com",
		"metadata":{"quota_limit":"ApiCallsPerProjectPerDay","quota_limit_value":"10000","quota_metric":"photoslibrary.googleapis.com/all_requests","quota_location":"global","service":"photoslibrary.googleapis.com","consumer":"projects/1"}},
		{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Request a higher quota limit.","url":"https://cloud.google.com/docs/quota"}]}]}}`
	minuteBody = `{"error":{"code":429,"message":"Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'photoslibrary.googleapis.com'","status":"RESOURCE_EXHAUSTED",
		"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{"quota_limit":"WritesPerMinutePerUser","quota_limit_value":"30","quota_metric":"photoslibrary.googleapis.com/write_requests"}}]}}`
	concurrentBody = `{"error":{"code":429,"message":"Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com' for consumer 'project_number:1'.","status":"RESOURCE_EXHAUSTED"}}`
	scopeBody      = `{"error":{"code":403,"message":"Request had insufficient authentication scopes.","errors":[{"message":"Insufficient Permission","domain":"global","reason":"insufficientPermissions"}],"status":"PERMISSION_DENIED"}}`
	disabledBody   = `{"error":{"code":403,"message":"Photos Library API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/photoslibrary.googleapis.com/overview?project=1 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.Help"}]}}`
	html502        = `<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Error 502 (Server Error)!!1</title></head><body><p><b>502.</b> <ins>That&#39;s an error.</ins></body></html>`
	html404        = `<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title><p>The requested URL was not found on this server.</html>`
)

func api(code int, status, message string) string {
	return `{"error":{"code":` + strconv.Itoa(code) + `,"message":"` + message + `","status":"` + status + `"}}`
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, call string
		status     int
		body       string
		header     http.Header
		want       Error // Kind, Reason, RetryAfter and Lost count
	}{
		{"token expired", "get item", 401, api(401, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."), nil, Error{Kind: Unauthorized, Reason: "UNAUTHENTICATED"}},
		{"token missing", "upload", 401, "", nil, Error{Kind: Unauthorized}},
		{"flat OAuth error", "get item", 400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, nil, Error{Kind: Unauthorized, Reason: "invalid_grant"}},
		{"api off", "create items", 403, disabledBody, nil, Error{Kind: ProjectBlocked, Reason: "PERMISSION_DENIED"}},
		{"api off by reason", "get item", 403, `{"error":{"code":403,"message":"Forbidden","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}`, nil, Error{Kind: ProjectBlocked, Reason: "PERMISSION_DENIED"}},
		{"no Photos", "upload", 403, api(403, "PERMISSION_DENIED", "Google Photos is disabled for the user"), nil, Error{Kind: PhotosDisabled, Reason: "PERMISSION_DENIED"}},
		{"scope", "get album", 403, scopeBody, nil, Error{Kind: ScopeMissing, Reason: "PERMISSION_DENIED"}},
		{"scope by reason", "add items", 403, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`, nil, Error{Kind: ScopeMissing, Reason: "PERMISSION_DENIED"}},
		{"no right on album", "add items", 403, api(403, "PERMISSION_DENIED", "The caller does not have permission"), nil, Error{Kind: AlbumNotWriteable, Reason: "PERMISSION_DENIED"}},
		{"no right on item", "get item", 403, api(403, "PERMISSION_DENIED", "The caller does not have permission"), nil, Error{Kind: Invalid, Reason: "PERMISSION_DENIED"}},
		{"no right to upload", "upload", 403, api(403, "PERMISSION_DENIED", "The caller does not have permission"), nil, Error{Kind: PhotosDisabled, Reason: "PERMISSION_DENIED"}},
		{"no right to list", "list items", 403, api(403, "PERMISSION_DENIED", "The caller does not have permission"), nil, Error{Kind: PhotosDisabled, Reason: "PERMISSION_DENIED"}},
		{"no right on session", "send", 403, api(403, "PERMISSION_DENIED", "The caller does not have permission"), nil, Error{Kind: Expired, Reason: "PERMISSION_DENIED"}},
		{"firewall's 403, upload", "upload", 403, "Forbidden", nil, Error{Kind: Transient}},
		{"firewall's 403, session", "send", 403, "Forbidden", nil, Error{Kind: Transient}},
		{"page for an upload", "upload", 400, html404, nil, Error{Kind: Transient}},
		{"page for items", "create items", 400, html404, nil, Error{Kind: Transient}},
		{"nothing said", "create items", 400, "", nil, Error{Kind: Transient}},
		{"proxy's method", "upload", 405, "POST is not allowed", nil, Error{Kind: Transient}},
		{"length wanted", "upload", 411, "<html>Length Required</html>", nil, Error{Kind: Transient}},

		{"storage full", "create items", 400, api(400, "INVALID_ARGUMENT", "The remaining storage in the user's account is not enough to perform this operation."), nil, Error{Kind: StorageFull, Reason: "INVALID_ARGUMENT"}},
		{"album deleted", "create items", 400, api(400, "INVALID_ARGUMENT", "Request contains an invalid argument. The provided ID does not match any albums"), nil, Error{Kind: AlbumNotFound, Reason: "INVALID_ARGUMENT"}},
		{"album foreign", "create items", 400, api(400, "INVALID_ARGUMENT", "No permission to add media items to this album."), nil, Error{Kind: AlbumNotWriteable, Reason: "INVALID_ARGUMENT"}},
		{"album full", "create items", 400, api(400, "INVALID_ARGUMENT", "The album cannot hold more than 20,000 media items."), nil, Error{Kind: AlbumFull, Reason: "INVALID_ARGUMENT"}},
		{"too many", "create items", 400, api(400, "INVALID_ARGUMENT", "Request must have less than 50 items."), nil, Error{Kind: Invalid, Reason: "INVALID_ARGUMENT"}},
		{"tokenless", "create items", 400, api(400, "INVALID_ARGUMENT", "Request must contain a valid upload token."), nil, Error{Kind: Expired, Reason: "INVALID_ARGUMENT"}},
		{"fresh id", "add items", 400, api(400, "INVALID_ARGUMENT", "Request contains an invalid media item id."), nil, Error{Kind: NotFound, Reason: "INVALID_ARGUMENT"}},
		{"malformed id", "get item", 400, api(400, "INVALID_ARGUMENT", "Invalid media item ID."), nil, Error{Kind: NotFound, Reason: "INVALID_ARGUMENT"}},
		{"checksum", "upload", 400, "Checksum from header does not match received payload content.", nil, Error{Kind: Expired}},
		{"own checksum", "send", 400, "User-provided checksum does not match received payload content.", nil, Error{Kind: Expired}},
		{"empty file", "upload", 400, "Payload must not be empty", nil, Error{Kind: Rejected}},
		{"wrong request", "list items", 400, api(400, "FAILED_PRECONDITION", "no"), nil, Error{Kind: Invalid, Reason: "FAILED_PRECONDITION"}},

		{"item gone", "get item", 404, api(404, "NOT_FOUND", "Requested entity was not found."), nil, Error{Kind: NotFound, Reason: "NOT_FOUND"}},
		{"album gone", "get album", 404, api(404, "NOT_FOUND", "Requested entity was not found."), nil, Error{Kind: AlbumNotFound, Reason: "NOT_FOUND"}},
		{"proxy's 404", "get album", 404, html404, nil, Error{Kind: Transient}},
		{"proxy's 403", "add items", 403, "Access denied by policy", nil, Error{Kind: Transient}},
		{"list of one", "get album", 404, "[" + api(404, "NOT_FOUND", "no") + "]\n", nil, Error{Kind: AlbumNotFound, Reason: "NOT_FOUND"}},
		{"odd types", "get album", 404, `{"error":{"code":"404","message":"no","status":"NOT_FOUND","details":[{"metadata":{"a":1}}]}}`, nil, Error{Kind: AlbumNotFound, Reason: "NOT_FOUND"}},
		{"too large", "upload", 413, html502, nil, Error{Kind: TooLarge}},
		{"aborted", "create items", 409, api(409, "ABORTED", "no"), nil, Error{Kind: Transient, Reason: "ABORTED"}},
		{"exists", "create items", 409, api(409, "ALREADY_EXISTS", "no"), nil, Error{Kind: Duplicate, Reason: "ALREADY_EXISTS"}},
		{"slow", "get item", 408, "", nil, Error{Kind: Transient}},

		{"day", "list items", 429, dailyBody, nil, Error{Kind: DailyQuota, Reason: "RESOURCE_EXHAUSTED"}},
		{"minute", "create items", 429, minuteBody, http.Header{"Retry-After": {"40"}}, Error{Kind: RateLimited, Reason: "RESOURCE_EXHAUSTED", RetryAfter: 40 * time.Second}},
		{"concurrent", "create items", 429, concurrentBody, nil, Error{Kind: ConcurrentWrites, Reason: "RESOURCE_EXHAUSTED"}},
		{"day by text", "list items", 429, `{"error":{"code":429,"message":"limit 'All requests per day' is spent","status":"RESOURCE_EXHAUSTED"}}`, nil, Error{Kind: DailyQuota, Reason: "RESOURCE_EXHAUSTED"}},
		{"daily is not per day", "list items", 429, `{"error":{"code":429,"message":"Your daily usage is unusual","status":"RESOURCE_EXHAUSTED"}}`, nil, Error{Kind: RateLimited, Reason: "RESOURCE_EXHAUSTED"}},
		{"name beats text", "list items", 429, `{"error":{"code":429,"message":"20,000 albums per day","details":[{"metadata":{"quota_limit":"WritesPerMinutePerUser"}}]}}`, nil, Error{Kind: RateLimited}},
		{"concurrent by name", "create items", 429, `{"error":{"code":429,"message":"slow down","details":[{"metadata":{"quota_metric":"photoslibrary.googleapis.com/concurrent_write_requests"}}]}}`, nil, Error{Kind: ConcurrentWrites}},
		{"bare 429", "download", 429, "", http.Header{"Retry-After": {"0"}}, Error{Kind: RateLimited}},
		{"old quota form", "list items", 403, `{"error":{"code":403,"message":"slow down","errors":[{"reason":"rateLimitExceeded"}]}}`, nil, Error{Kind: RateLimited}},
		{"RetryInfo", "list items", 503, `{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}`, nil, Error{Kind: Transient, Reason: "UNAVAILABLE", RetryAfter: 1500 * time.Millisecond}},

		{"read fails", "get item", 500, api(500, "INTERNAL", "Internal error encountered."), nil, Error{Kind: Transient, Reason: "INTERNAL"}},
		{"write fails", "create items", 500, api(500, "INTERNAL", "album 20,000"), nil, Error{Kind: Transient, Reason: "INTERNAL", Lost: true}},
		{"page for an answer", "create items", 502, html502, http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, Error{Kind: Transient, Lost: true}},
		{"redirect", "create items", 302, "", http.Header{"Location": {"https://portal.example/"}}, Error{Kind: Transient, Lost: true}},

		{"wrong offset", "send", 400, "wrong offset", http.Header{"X-Goog-Upload-Status": {"active"}}, Error{Kind: Transient}},
		{"wrong offset, silent", "send", 416, "", nil, Error{Kind: Transient}},
		{"offset into a dead session", "send", 400, "", http.Header{"X-Goog-Upload-Status": {"cancelled"}}, Error{Kind: Expired}},
		{"state", "send", 412, "", nil, Error{Kind: Transient}},
		{"session unknown", "send", 404, "not found", nil, Error{Kind: Expired}},
		{"session cancelled", "query", 410, "", nil, Error{Kind: Expired}},
		{"session busy", "query", 409, "", http.Header{"X-Goog-Upload-Status": {"active"}}, Error{Kind: Transient}},
		{"session is no session", "query", 400, "", nil, Error{Kind: Expired}},
		{"session quota", "send", 429, "", nil, Error{Kind: RateLimited}},
		{"session too large", "send", 413, "", nil, Error{Kind: TooLarge}},
		{"upload lost to a proxy", "upload", 404, html404, nil, Error{Kind: Transient}},

		{"picture for an error", "download", 404, "\x89PNG\r\n\x1a\n", http.Header{"Content-Type": {"image/png"}}, Error{Kind: NotFound}},
		{"base URL dead", "download", 403, html404, nil, Error{Kind: Expired}},
		{"bytes refused", "download", 400, "", nil, Error{Kind: Invalid}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := google(t, func(w http.ResponseWriter, r *http.Request) {
				maps.Copy(w.Header(), test.header)
				says(test.status, test.body)(w, r)
			})
			got := refusal(t, calls[test.call](t.Context(), c))
			want := test.want
			if got.Kind != want.Kind || got.Reason != want.Reason || got.RetryAfter != want.RetryAfter || got.Lost != want.Lost {
				t.Errorf("got  %v %q %v lost %v (%v)\nwant %v %q %v lost %v", got.Kind, got.Reason, got.RetryAfter, got.Lost, got, want.Kind, want.Reason, want.RetryAfter, want.Lost)
			}
			if got.Status != test.status {
				t.Errorf("got status %d, want %d", got.Status, test.status)
			}
		})
	}
}

func TestItemErrors(t *testing.T) {
	tests := []struct {
		code    int
		message string
		about   subject
		want    Kind
	}{
		{3, "Failed: There was an error while trying to create this media item.", aboutAlbum, Rejected},
		{3, "BAD_IMAGE: There was an error while trying to create this media item.", aboutLibrary, Rejected},
		{3, "No permission to add media items to this album.", aboutAlbum, AlbumNotWriteable},
		{3, "Invalid media item ID.", aboutItem, NotFound},
		{3, "", aboutItem, NotFound},
		{5, "", aboutItem, NotFound},
		{6, "Failed: There was an error while trying to create this media item.", aboutLibrary, Duplicate},
		{8, "The remaining storage in the user's account is not enough to perform this operation.", aboutLibrary, StorageFull},
		{8, "limit 'All requests per day'", aboutLibrary, DailyQuota},
		{8, "", aboutLibrary, RateLimited},
		{13, "Internal error encountered.", aboutLibrary, ItemFault},
		{14, "", aboutLibrary, Transient},
		{16, "", aboutLibrary, Unauthorized},
		{99, "", aboutLibrary, ItemFault},
		{-1, "", aboutLibrary, ItemFault},
	}
	for _, test := range tests {
		got := itemError("create items", test.about, envelope{Code: test.code, Message: test.message}.answer())
		if got.Kind != test.want {
			t.Errorf("code %d %q: got %v, want %v", test.code, test.message, got.Kind, test.want)
		}
	}
}
