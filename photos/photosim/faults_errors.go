package photosim

import (
	"net/http"
)

// FaultErrors are the refusals a fault can name: the ones that clients have to tell apart by their texts. The last group is that
// of the token endpoint; the others fit any other route.
var FaultErrors = map[string]func() refusal{
	// Quotas and storage.
	"daily_quota":       func() refusal { return errDailyQuota(DefaultProject, 10_000) },
	"daily_quota_plain": func() refusal { return errDailyQuotaPlain(DefaultProject) },
	"minute_quota":      func() refusal { return errMinuteQuota(DefaultProject, 30) },
	"upload_quota":      func() refusal { return errUploadQuota(DefaultProject) },
	"concurrent_write":  func() refusal { return errConcurrentWrite() },
	"storage_full":      func() refusal { return errStorageFull() },
	// The account, the token and the project.
	"unauthenticated":    func() refusal { return errUnauthenticated(false) },
	"scopes":             func() refusal { return errScopes() },
	"photos_disabled":    func() refusal { return errPhotosDisabled() },
	"not_enabled":        func() refusal { return errNotEnabled(DefaultProject) },
	"service_disabled":   func() refusal { return errServiceDisabled(DefaultProject) },
	"consumer_invalid":   func() refusal { return errConsumerInvalid(DefaultProject) },
	"consumer_suspended": func() refusal { return errConsumerSuspended(DefaultProject) },
	// What the call is about.
	"item_id":             func() refusal { return errItemID() },
	"upload_token":        func() refusal { return errUploadToken() },
	"no_permission":       func() refusal { return errNoPermission() },
	"album_unknown":       func() refusal { return errAlbumUnknown() },
	"album_not_writeable": func() refusal { return errAlbumNotWriteable() },
	"not_found":           func() refusal { return notFound("Requested entity was not found.") },
	// Google's own trouble.
	"aborted": func() refusal { return serverError(http.StatusConflict, "ABORTED", "The operation was aborted.") },
	"internal": func() refusal {
		return serverError(http.StatusInternalServerError, "INTERNAL", "Internal error encountered.")
	},
	"unavailable": func() refusal {
		return serverError(http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.")
	},
	"deadline": func() refusal {
		return serverError(http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
	},
	// The token endpoint.
	"invalid_grant":       func() refusal { return errInvalidGrant() },
	"invalid_client":      func() refusal { return errClientUnknown() },
	"wrong_secret":        func() refusal { return errWrongSecret() },
	"unauthorized_client": func() refusal { return errWrongClient() },
	"deleted_client":      func() refusal { return errClientDeleted() },
	"disabled_client":     func() refusal { return errClientDisabled() },
	"admin_policy_enforced": func() refusal {
		return badToken("admin_policy_enforced", "The administrator does not allow this app these scopes.")
	},
	"internal_failure": func() refusal {
		return &tokenError{http.StatusInternalServerError, "internal_failure", "Internal error encountered."}
	},
}

func serverError(code int, status, message string) *apiError {
	return &apiError{code: code, status: status, message: message}
}
