package auth

// Error is what a person is told: a code for programs and one or two sentences to act on. Neither ever
// holds a token, a code, a verifier, a state or an answer's body. errors.Is compares by Code, so that
//
//	errors.Is(err, auth.ErrRelink)
//
// finds every ended link whatever its sentence, also through the *url.Error of an http.Client.
type Error struct {
	Code    string // snake_case, one of those of the Err variables
	Message string // sentences for a person
	Err     error  // the cause for operators; may be nil
}

// The errors of this package by code, each with the sentence it has when nothing more is known.
var (
	// ErrUnlinked: the entry has no account.
	ErrUnlinked error = &Error{
		Code:    "not_linked",
		Message: "The entry is not linked to a Google account: ask for a link and open the address that it gives.",
	}
	// ErrRelink: Google ended the grant; nothing works until a person links the account again.
	ErrRelink error = &Error{Code: "relink_required", Message: "Google ended the link: link the account again."}
	// ErrWrongAccount: an entry that is linked, or must be linked again, was offered another account.
	ErrWrongAccount error = &Error{
		Code:    "wrong_account",
		Message: "The entry is linked to another Google account. Nothing was changed.",
	}
	// ErrDenied: the person did not allow the access.
	ErrDenied error = &Error{
		Code: "link_denied",
		Message: "Google was told not to allow the access, so nothing was changed. " +
			"If that was not meant, ask for a new link and choose Continue on Google's page.",
	}
	// ErrExpired: an unknown link code or state, one older than ten minutes, or a code that Google no longer takes.
	ErrExpired error = &Error{
		Code: "link_expired",
		Message: "This address is not known here, or it is older than ten minutes. " +
			"Ask for a new link and finish it within ten minutes.",
	}
	// ErrUsed: a link code or a state that has done its work.
	ErrUsed error = &Error{
		Code: "link_used",
		Message: "This address works once and has been used. " +
			"If the account is not shown as linked, ask for a new link.",
	}
	// ErrAddress: what was pasted is not the address on which the browser ended.
	ErrAddress error = &Error{
		Code: "bad_address",
		Message: "This is not the address on which the browser ended: " +
			"copy the whole of it, with state and code, from the browser's address bar.",
	}
	// ErrClient: Google does not accept the OAuth client; a setting here or in Google's console is wrong.
	ErrClient error = &Error{Code: "client_refused", Message: "Google does not accept the OAuth client."}
	// ErrRefused: any other refusal of Google, which asking again does not change.
	ErrRefused error = &Error{Code: "google_refused", Message: "Google refused the request."}
	// ErrUnavailable: Google could not be reached or failed. The link stands; try again later.
	ErrUnavailable error = &Error{
		Code:    "google_unavailable",
		Message: "Google could not be reached or did not answer properly: check the network and try again.",
	}
	// ErrRedirect: Google would not register the redirect address.
	ErrRedirect error = &Error{Code: "bad_redirect", Message: "Google does not accept this redirect address."}
	// ErrSealed: the stored link cannot be opened, because the key is another one or the record is damaged.
	ErrSealed error = &Error{Code: "link_sealed", Message: "The stored link cannot be opened."}
	// ErrVault: the link could not be read or stored.
	ErrVault error = &Error{
		Code:    "internal",
		Message: "The link could not be stored: look at the log and for free space of the data directory.",
	}
)

// Error gives the message and the chain of causes, for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + " (" + e.Err.Error() + ")"
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// because gives an error of the kind of sentinel with a cause, and its own sentence unless that is empty.
func because(sentinel error, message string, cause error) *Error {
	var e Error
	if s, ok := sentinel.(*Error); ok { //nolint:errorlint // the sentinels above are never wrapped
		e = *s
	}
	if message != "" {
		e.Message = message
	}
	e.Err = cause
	return &e
}
