package photosim

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is a refusal of Google's APIs. Texts that clients tell cases apart by are the ones seen from Google.
type apiError struct {
	code    int    // HTTP status
	status  string // google.rpc.Code name
	message string
	form    Form   // how it is written; "" is the envelope
	reason  string // errors[0].reason of an answer in the older form; default that of the status
	title   string // errors[0].message, when it is not the message
	domain  string // errors[0].domain; default global
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

// answer has errors[] only in the older form: the recorded ones come from clients that send alt=json, and only from these,
// https://github.com/gphotosuploader/gphotos-uploader-cli/issues/223
func (e *apiError) answer(older bool) refusalAnswer {
	body := envelopeBody{Code: e.code, Message: e.message, Status: e.status, Details: e.details}
	if older {
		body.Errors = []frontError{{
			Message: cmp.Or(e.title, e.message), Domain: cmp.Or(e.domain, "global"), Reason: cmp.Or(e.reason, statuses[e.status].reason),
		}}
	}
	return refusalAnswer{code: e.code, header: e.header, form: e.form, fields: envelope{body}, bare: rpcStatus{statuses[e.status].code, e.message}}
}

// as also gives the status that goes with the code, if there is one.
func (e *apiError) as(code int) refusal {
	other := *e
	other.code, other.reason = code, ""
	for name, s := range statuses {
		if s.http == code {
			other.status = name
		}
	}
	return &other
}

// statuses are the google.rpc.Code names that are sent, with the number of the code, the HTTP status that stands for this code
// alone, and the reason in the older form, https://cloud.google.com/apis/design/errors#handling_errors
var statuses = map[string]struct {
	code, http int
	reason     string
}{
	"INVALID_ARGUMENT":   {3, http.StatusBadRequest, "badRequest"},
	"DEADLINE_EXCEEDED":  {4, http.StatusGatewayTimeout, "backendError"},
	"NOT_FOUND":          {5, http.StatusNotFound, "notFound"},
	"PERMISSION_DENIED":  {7, http.StatusForbidden, "forbidden"},
	"RESOURCE_EXHAUSTED": {8, http.StatusTooManyRequests, "rateLimitExceeded"},
	"ABORTED":            {10, http.StatusConflict, "aborted"},
	"INTERNAL":           {13, http.StatusInternalServerError, "backendError"},
	"UNAVAILABLE":        {14, http.StatusServiceUnavailable, "backendError"},
	"UNAUTHENTICATED":    {16, http.StatusUnauthorized, "authError"},
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

// errUploadToken falls on the whole call for one token that is empty or cannot be read,
// https://github.com/gphotosuploader/gphotos-uploader-cli/issues/223
func errUploadToken() *apiError {
	return invalidArgument("Request must contain a valid upload token.")
}

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
		code: http.StatusUnauthorized, status: "UNAUTHENTICATED", title: "Invalid Credentials", message: "Request had invalid authentication credentials. " + rest,
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
		reason: "insufficientPermissions", title: "Insufficient Permission",
		details: []any{errorInfo{Type: typeErrorInfo, Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Domain: "googleapis.com"}},
		header:  http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="insufficient_scope"`}},
	}
}

// errNotEnabled is an API that the project has not enabled, in the older form without an ErrorInfo.
func errNotEnabled(project string) *apiError {
	page := "https://console.developers.google.com/apis/api/photoslibrary.googleapis.com/overview?project=" + project
	return &apiError{
		code: http.StatusForbidden, status: "PERMISSION_DENIED", reason: "accessNotConfigured", domain: "usageLimits",
		message: "Photos Library API has not been used in project " + project + " before or it is disabled. Enable it by visiting " + page +
			" then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		details: []any{help{Type: typeHelp, Links: []helpLink{{Description: "Google developers console API activation", URL: page}}}},
	}
}

// errServiceDisabled is the same in the form of today.
func errServiceDisabled(project string) *apiError {
	e := errNotEnabled(project)
	e.reason, e.domain = "", ""
	e.details = append(e.details, consumerInfo("SERVICE_DISABLED", project))
	return e
}

// errConsumerInvalid is a project that was deleted, or that is none,
// https://github.com/google-gemini/gemini-cli/issues/4065
func errConsumerInvalid(project string) *apiError {
	return &apiError{
		code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Permission denied on resource project " + project + ".",
		details: []any{consumerInfo("CONSUMER_INVALID", project), help{Type: typeHelp, Links: []helpLink{
			{Description: "Google developers console", URL: "https://console.developers.google.com"},
		}}},
	}
}

// errConsumerSuspended is a project that Google has closed, https://github.com/kubernetes/minikube/issues/17959
func errConsumerSuspended(project string) *apiError {
	return &apiError{
		code: http.StatusForbidden, status: "PERMISSION_DENIED",
		message: "Permission denied: Consumer 'project_number:" + project + "' has been suspended.",
		details: []any{consumerInfo("CONSUMER_SUSPENDED", project)},
	}
}

// consumerInfo says what is wrong with the project, https://cloud.google.com/apis/docs/reference/rpc/google.api#errorreason
func consumerInfo(reason, project string) errorInfo {
	return errorInfo{Type: typeErrorInfo, Reason: reason, Domain: "googleapis.com", Metadata: map[string]string{
		"consumer": "projects/" + project, "containerInfo": project, "service": quotaService,
	}}
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

// errDailyQuotaPlain is the daily quota as it was said in 2019: no "per day" and no details,
// https://github.com/mrworf/photoframe/issues/137
func errDailyQuotaPlain(project string) *apiError {
	e := exhausted(project, quotaService+"/all_requests", "ApiCallsPerProjectPerDay", "", "", 0)
	e.details = nil
	return e
}

// errUploadQuota is how the upload step says that the quota of a minute is spent: a 400 that is no envelope,
// https://github.com/nmrugg/gpup/issues/13
func errUploadQuota(project string) *apiError {
	e := invalidArgument("Insufficient tokens for quota '%s/upload_requests' and limit 'UploadsPerMinute' of service '%s' for consumer 'project_number:%s'.",
		quotaService, quotaService, project)
	e.form = BareStatus
	return e
}

func exhausted(project, metric, limitName, limit, metricID string, value int) *apiError {
	return &apiError{
		code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED",
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

// errConcurrentWrite falls on every write that arrives while another one of the same user is at work,
// https://github.com/rclone/rclone/issues/6920
func errConcurrentWrite() *apiError {
	return &apiError{
		code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED",
		message: "Quota exceeded for quota 'concurrent write request' of service '" + quotaService + "'.",
	}
}
