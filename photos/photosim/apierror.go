package photosim

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// apiError is a refusal in the envelope of Google's APIs. Texts that clients tell cases apart by are the ones seen from Google.
type apiError struct {
	code    int    // HTTP status
	status  string // google.rpc.Code name
	message string
	reason  string // errors[0].reason of front-end errors; empty leaves errors out
	title   string // errors[0].message, when it is not the message
	domain  string // errors[0].domain
	details []any
	header  http.Header
}

func (e *apiError) Error() string { return e.status + ": " + e.message }

// envelope is the JSON form, https://cloud.google.com/apis/design/errors#http_mapping
type envelope struct {
	Error envelopeBody `json:"error"`
}

type envelopeBody struct {
	Code    int          `json:"code"`
	Message string       `json:"message"`
	Errors  []frontError `json:"errors,omitempty"`
	Status  string       `json:"status"`
	Details []any        `json:"details,omitempty"`
}

type frontError struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

// errorInfo is google.rpc.ErrorInfo.
type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// help is google.rpc.Help.
type help struct {
	Type  string     `json:"@type"`
	Links []helpLink `json:"links"`
}

type helpLink struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

func (e *apiError) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), e.header)
	body := envelopeBody{Code: e.code, Message: e.message, Status: e.status, Details: e.details}
	if e.reason != "" {
		title := e.title
		if title == "" {
			title = e.message
		}
		body.Errors = []frontError{{Message: title, Domain: e.domain, Reason: e.reason}}
	}
	writeJSON(w, e.code, envelope{body})
}

func invalidArgument(format string, args ...any) *apiError {
	return &apiError{code: http.StatusBadRequest, status: "INVALID_ARGUMENT", message: fmt.Sprintf(format, args...)}
}

func notFound(message string) *apiError {
	return &apiError{code: http.StatusNotFound, status: "NOT_FOUND", message: message}
}

// errStorageFull is a 400, as seen from Google, and not a 507.
func errStorageFull() *apiError {
	return invalidArgument("The remaining storage in the user's account is not enough to perform this operation.")
}

func errAlbumUnknown() *apiError {
	return invalidArgument("The provided ID does not match any albums.")
}

func errAlbumNotWriteable() *apiError {
	return invalidArgument("No permission to add media items to this album.")
}

func errItemID() *apiError { return invalidArgument("Request contains an invalid media item id.") }

func errNoPermission() *apiError {
	return &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "The caller does not have permission"}
}

func errPhotosDisabled() *apiError {
	return &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Google Photos is disabled for the user"}
}

// errUnauthenticated is the 401 for an absent token or one that is wrong, expired or revoked.
func errUnauthenticated(absent bool) *apiError {
	const rest = "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
		"See https://developers.google.com/identity/sign-in/web/devconsole-project."
	e := &apiError{
		code: http.StatusUnauthorized, status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials. " + rest,
		header: http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="invalid_token"`}},
	}
	if absent {
		e.message = "Request is missing required authentication credential. " + rest
		e.header = http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/"`}}
	}
	return e
}

// errScopes is the 403 for a token without a scope that the method takes.
func errScopes() *apiError {
	return &apiError{
		code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Request had insufficient authentication scopes.",
		reason: "insufficientPermissions", title: "Insufficient Permission", domain: "global",
		details: []any{errorInfo{Type: typeErrorInfo, Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Domain: "googleapis.com"}},
		header:  http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="insufficient_scope"`}},
	}
}

func errNotEnabled(project string) *apiError {
	page := "https://console.developers.google.com/apis/api/photoslibrary.googleapis.com/overview?project=" + project
	return &apiError{
		code: http.StatusForbidden, status: "PERMISSION_DENIED", reason: "accessNotConfigured", domain: "usageLimits",
		message: "Photos Library API has not been used in project " + project + " before or it is disabled. Enable it by visiting " + page +
			" then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		details: []any{help{Type: typeHelp, Links: []helpLink{{Description: "Google developers console API activation", URL: page}}}},
	}
}

const (
	typeErrorInfo = "type.googleapis.com/google.rpc.ErrorInfo"
	typeHelp      = "type.googleapis.com/google.rpc.Help"
	quotaService  = "photoslibrary.googleapis.com"
)

// errDailyQuota is spent until midnight Pacific time.
func errDailyQuota(project string, limit int) *apiError {
	return exhausted(project, "All requests", "All requests per day", "ApiCallsPerProjectPerDay", "all_requests", limit)
}

func errMinuteQuota(project string, limit int) *apiError {
	return exhausted(project, "Write requests", "Write requests per minute per user", "WritesPerMinutePerUser", "write_requests", limit)
}

func exhausted(project, metric, limitName, limit, metricID string, value int) *apiError {
	return &apiError{
		code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED", reason: "rateLimitExceeded", domain: "global",
		message: fmt.Sprintf("Quota exceeded for quota metric '%s' and limit '%s' of service '%s' for consumer 'project_number:%s'.",
			metric, limitName, quotaService, project),
		details: []any{
			errorInfo{Type: typeErrorInfo, Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{
				"consumer": "projects/" + project, "quota_limit": limit, "quota_limit_value": strconv.Itoa(value),
				"quota_location": "global", "quota_metric": quotaService + "/" + metricID, "service": quotaService,
			}},
			help{Type: typeHelp, Links: []helpLink{{
				Description: "Request a higher quota limit.", URL: "https://cloud.google.com/docs/quotas/help/request_increase",
			}}},
		},
	}
}

// errConcurrentWrite falls on every write that arrives while another one of the same user is at work.
func errConcurrentWrite(project string) *apiError {
	return &apiError{
		code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED", reason: "rateLimitExceeded", domain: "global",
		message: fmt.Sprintf("Quota exceeded for quota 'concurrent write request' of service '%s' for consumer 'project_number:%s'.", quotaService, project),
	}
}
