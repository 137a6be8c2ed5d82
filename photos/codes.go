package photos

import (
	"cmp"
	"strings"
)

// codes are the names of google.rpc codes, from 0 on, in which Google speaks of one item of a batch, and codeKinds what they mean for it
// where words say nothing. A code that is not in the table is a fault of Google's with the item: what nobody knows is not the file's fault.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto; what 3, 6 and 13 mean for an item is seen in
// ylexus/jiotty-photos-uploader, gphotosuploader/gphotos-uploader-cli issue 105 and dtinit/data-transfer-project issue 1009.
var codes = strings.Fields(`OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
	RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED`)

var codeKinds = map[string]Kind{
	"CANCELLED": Transient, "DEADLINE_EXCEEDED": Transient, "ABORTED": Transient, "UNAVAILABLE": Transient,
	"INVALID_ARGUMENT": Rejected, "OUT_OF_RANGE": Rejected, "UNIMPLEMENTED": Rejected, // such a file, or such a type
	"ALREADY_EXISTS": Duplicate, "RESOURCE_EXHAUSTED": RateLimited, "UNAUTHENTICATED": Unauthorized,
}

// itemError is what a result of a batch says of one item.
func itemError(op string, about subject, a answer) *Error {
	kind := cmp.Or(judgeWords(a), codeKinds[a.reason], ItemFault)
	switch {
	case a.reason == "NOT_FOUND" && kind == ItemFault:
		kind = map[subject]Kind{aboutItem: NotFound, aboutAlbum: AlbumNotFound}[about]
		kind = cmp.Or(kind, Expired) // nothing was named but the upload token
	case a.reason == "PERMISSION_DENIED" && kind == ItemFault:
		kind = cmp.Or(map[subject]Kind{aboutAlbum: AlbumNotWriteable}[about], Invalid)
	case kind == Rejected && about == aboutItem:
		kind = NotFound // what cannot be an id is the id of nothing
	}
	return a.refusal(op, kind)
}
