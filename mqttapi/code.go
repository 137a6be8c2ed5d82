package mqttapi

import (
	"errors"
	"fmt"
)

// Code says what went wrong, in a word that a program can branch on. The codes are part of the contract: one is never
// renamed and never changes its meaning.
type Code string

// The codes of refused commands. None of them is worth the same command again: somebody has to change something first.
const (
	// CodeBadPayload is a payload that cannot be understood: bad JSON, an unknown key, a wrong type, a value out of
	// its limits, or bytes in none of the accepted forms.
	CodeBadPayload Code = "bad_payload"
	// CodeUnknownEntry is a command for an entry that the bridge does not have.
	CodeUnknownEntry Code = "unknown_entry"
	// CodeUnknownCommand is a topic below E/request/ that is no command.
	CodeUnknownCommand Code = "unknown_command"
	// CodeRetainedCommand is a command that was published with the retain flag. The broker would repeat it at every
	// connection, so it is never run.
	CodeRetainedCommand Code = "retained_command"
	// CodeTooManyFiles is an upload of more than MaxFiles files.
	CodeTooManyFiles Code = "too_many_files"
)

// The codes of refused files.
const (
	// CodeNotAllowed is a path outside the media directories, also by way of "..", or of a symbolic link.
	CodeNotAllowed Code = "not_allowed"
	// CodeNotFound is a file, item, album or job that is not there.
	CodeNotFound Code = "not_found"
	// CodeUnreadable is a path that is no regular file, or that the bridge has no right to read.
	CodeUnreadable Code = "unreadable"
	// CodeChanged is a file too large for a copy that was changed between the command and its upload.
	CodeChanged Code = "changed"
	// CodeEmpty is a file without a single byte.
	CodeEmpty Code = "empty"
	// CodeTooLarge is a photo above MaxPhoto, a video above MaxVideo, or a file above the bridge's own setting.
	CodeTooLarge Code = "too_large"
	// CodeUnsupportedType is content that is no image or video Google Photos takes, whatever the file's name says.
	CodeUnsupportedType Code = "unsupported_type"
	// CodeBusy is an upload that the spool has no room for.
	CodeBusy Code = "busy"
)

// The codes of the link between an entry and its Google account.
const (
	// CodeNotLinked is a command that needs a Google account, for an entry that has none.
	CodeNotLinked Code = "not_linked"
	// CodeRelinkRequired is a grant that Google has ended. It holds uploads.
	CodeRelinkRequired Code = "relink_required"
	// CodeScopeMissing is a right that was not ticked when the account was linked.
	CodeScopeMissing Code = "scope_missing"
	// CodeLinkFailed is a link that came to no end: denied, expired, or an address that belongs to another attempt.
	CodeLinkFailed Code = "link_failed"
	// CodeWrongAccount is another Google account than the one the entry is linked to. The old link stays.
	CodeWrongAccount Code = "wrong_account"
	// CodeAccessNotConfigured is a Google Cloud project in which the Photos Library API is switched off, or an account
	// without Google Photos. It holds uploads.
	CodeAccessNotConfigured Code = "access_not_configured"
)

// The codes of what Google refused.
const (
	// CodeAlbumNotFound is an album that is not there or was not made by this bridge.
	CodeAlbumNotFound Code = "album_not_found"
	// CodeAlbumNotWriteable is an album that Google does not let the bridge change.
	CodeAlbumNotWriteable Code = "album_not_writeable"
	// CodeAlbumFull is an album with 20,000 items.
	CodeAlbumFull Code = "album_full"
	// CodeRejected is a file or a request that Google refused for good.
	CodeRejected Code = "rejected"
	// CodeQuotaDaily is a Google Cloud project whose requests of the day are used up. It holds uploads.
	CodeQuotaDaily Code = "quota_daily"
	// CodeRateLimited is too many requests in a minute. It holds uploads.
	CodeRateLimited Code = "rate_limited"
	// CodeStorageFull is a Google account without free storage. It holds uploads.
	CodeStorageFull Code = "storage_full"
	// CodeGoogleUnavailable is a Google that does not answer, or answers with a fault of its own. It holds uploads.
	CodeGoogleUnavailable Code = "google_unavailable"
)

// The codes of the bridge itself.
const (
	// CodeCancelled is an upload that was stopped by the command job/cancel.
	CodeCancelled Code = "cancelled"
	// CodeInternal is a fault of the bridge. The details are in its log.
	CodeInternal Code = "internal"
)

// Error is what a user gets to read: a code, and one sentence that a person can act on. It never holds a secret, and
// it is safe to publish as it is.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// NewError returns the error of a code with the code's own sentence.
func NewError(code Code) *Error {
	return &Error{Code: code, Message: code.Sentence()}
}

// Errorf returns the error of a code with a sentence that says more than the code's own.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code that err carries anywhere in its chain, CodeInternal when it carries none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Error returns the code and the sentence.
func (e *Error) Error() string {
	return string(e.Code) + ": " + e.Message
}

// Sentence returns what to tell a person when nothing more particular is known.
func (c Code) Sentence() string {
	if s, ok := sentences[c]; ok {
		return s
	}
	return sentences[CodeInternal]
}

// Codes returns every code of the contract, in the order of its table.
func Codes() []Code {
	return []Code{
		CodeBadPayload, CodeUnknownEntry, CodeUnknownCommand, CodeRetainedCommand, CodeTooManyFiles,
		CodeNotAllowed, CodeNotFound, CodeUnreadable, CodeChanged, CodeEmpty, CodeTooLarge, CodeUnsupportedType, CodeBusy,
		CodeNotLinked, CodeRelinkRequired, CodeScopeMissing, CodeLinkFailed, CodeWrongAccount, CodeAccessNotConfigured,
		CodeAlbumNotFound, CodeAlbumNotWriteable, CodeAlbumFull, CodeRejected,
		CodeQuotaDaily, CodeRateLimited, CodeStorageFull, CodeGoogleUnavailable, CodeCancelled, CodeInternal,
	}
}

var sentences = map[Code]string{
	CodeBadPayload: "The payload is in none of the accepted forms: send a JSON object, the path of a file, a data URI, " +
		"base64, or the bytes of an image or video.",
	CodeUnknownEntry:        "The bridge has no entry of this name: check the topic, or add the entry to GPHOTOS_ENTRIES.",
	CodeUnknownCommand:      "There is no command on this topic: check its spelling against the list of requests.",
	CodeRetainedCommand:     "The command was published with the retain flag and was not run: publish it again without retain.",
	CodeTooManyFiles:        "One command uploads at most 50 files: send the others in a second command.",
	CodeNotAllowed:          "The path is outside the media directories: move the file, or add its folder to GPHOTOS_MEDIA_DIRS.",
	CodeNotFound:            "There is nothing of this name: check its spelling, and that the bridge sees the same folders.",
	CodeUnreadable:          "The file cannot be read: it must be a regular file that the bridge has the right to read.",
	CodeChanged:             "The file was changed after the command and before its upload: send the command again.",
	CodeEmpty:               "The file has no content: check what writes it, and whether it had finished writing.",
	CodeTooLarge:            "The file is too large: Google Photos takes photos up to 200 MB and videos up to 20 GB.",
	CodeUnsupportedType:     "The content is no image or video that Google Photos takes: convert it to JPEG, PNG or MP4.",
	CodeBusy:                "The bridge has no room for more uploads: wait until its queue is shorter, or raise GPHOTOS_SPOOL_MAX.",
	CodeNotLinked:           "No Google account is linked to this entry: press Link account, or send the link request.",
	CodeRelinkRequired:      "Google has ended the bridge's access: link the account again; uploads wait until then.",
	CodeScopeMissing:        "A right that this needs was not granted: link the account again and tick every box.",
	CodeLinkFailed:          "The account was not linked: start again with a new link request.",
	CodeWrongAccount:        "This is another Google account than the linked one: choose the same account, or unlink first.",
	CodeAccessNotConfigured: "The Photos Library API is switched off for this project or account: enable it in Google's console.",
	CodeAlbumNotFound:       "There is no such album: name an album that this bridge has made.",
	CodeAlbumNotWriteable:   "Google does not let the bridge change this album: use an album that this bridge has made.",
	CodeAlbumFull:           "The album holds 20,000 items, as many as Google allows: use another album.",
	CodeRejected:            "Google Photos refused it: check that the file opens on a phone or computer, or convert it.",
	CodeQuotaDaily:          "The Google project has used up its requests of the day: it goes on after midnight Pacific time.",
	CodeRateLimited:         "Google asks for fewer requests a minute: it goes on by itself soon.",
	CodeStorageFull:         "The Google account has no storage left: free some, or buy more; it goes on by itself then.",
	CodeGoogleUnavailable:   "Google Photos cannot be reached or has a fault of its own: it goes on by itself.",
	CodeCancelled:           "The upload was cancelled by a command.",
	CodeInternal:            "The bridge met a fault of its own: see its log.",
}
