package mqttapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Verb names a command: VerbUpload on E/upload, the others on E/request/<verb>, answered on E/response/<verb>.
type Verb string

// The verbs of the contract.
const (
	VerbUpload      Verb = "upload"
	VerbAlbums      Verb = "albums"
	VerbAlbumCreate Verb = "album/create"
	VerbAlbumUpdate Verb = "album/update"
	VerbAlbumAdd    Verb = "album/add"
	VerbAlbumRemove Verb = "album/remove"
	VerbAlbumEnrich Verb = "album/enrich"
	VerbMedia       Verb = "media"
	VerbMediaGet    Verb = "media/get"
	VerbMediaUpdate Verb = "media/update"
	VerbMediaSave   Verb = "media/save"
	VerbRefresh     Verb = "refresh"
	VerbLink        Verb = "link"
	VerbLinkFinish  Verb = "link/finish"
	VerbUnlink      Verb = "unlink"
	VerbJobs        Verb = "jobs"
	VerbJobCancel   Verb = "job/cancel"
	VerbJobRetry    Verb = "job/retry"
)

// Verbs returns the verbs of the requests, in the order of the contract's table.
func Verbs() []Verb {
	return []Verb{
		VerbAlbums, VerbAlbumCreate, VerbAlbumUpdate, VerbAlbumAdd, VerbAlbumRemove, VerbAlbumEnrich,
		VerbMedia, VerbMediaGet, VerbMediaUpdate, VerbMediaSave, VerbRefresh,
		VerbLink, VerbLinkFinish, VerbUnlink, VerbJobs, VerbJobCancel, VerbJobRetry,
	}
}

// Request is a command on E/request/<verb>.
type Request struct {
	Verb Verb
	// ID makes the command idempotent; "" when the command has none.
	ID string
	// Transaction is the JSON value that comes back in the answer, as it was written; nil when the command has none.
	Transaction json.RawMessage
	// Body is what is asked for: the one type that belongs to the verb.
	Body Body
}

// Body is what one request asks for. Its implementations are the types that the verbs' table below makes, one for each
// verb, with all values within Google's limits.
//
//sumtype:decl
type Body interface{ body() }

// Secret is a value that must not be seen in logs. Convert it to string to use it.
type Secret string

// String returns a short hash, enough to tell two secrets apart.
func (s Secret) String() string {
	sum := sha256.Sum256([]byte(s))
	return "secret:" + hex.EncodeToString(sum[:4])
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// ParseRequest reads the payload of the command on E/request/<verb>: a JSON object, or nothing at all for a verb without
// required keys. VerbLinkFinish takes the bare address too, as people paste it.
//
// The error is an *Error with a code of the contract; ID and Transaction are set even then when they could be read, so
// that the answer can carry them.
func ParseRequest(verb Verb, payload []byte) (Request, error) {
	text := trim(payload)
	if verb == VerbLinkFinish && bytes.HasPrefix(text, []byte("http")) {
		return parseAddress(text)
	}
	if len(text) == 0 {
		text = []byte("{}")
	}
	if text[0] != '{' {
		return Request{Verb: verb}, Errorf(CodeBadPayload, "The payload of a request is a JSON object, or empty.")
	}
	known, ok := verbs[verb]
	o := readObject(text, append([]string{"id", "transaction"}, known.keys...)...)
	r := Request{Verb: verb, ID: o.text("id", MaxID), Transaction: o.raw("transaction", MaxTransaction)}
	if !ok {
		return r, Errorf(CodeUnknownCommand, "There is no request %q: check its spelling against the list of requests.", clip(string(verb)))
	}
	body := known.read(o)
	if err := o.err(); err != nil {
		return r, err
	}
	r.Body = body
	return r, nil
}

// verbs tells the keys of each request and how to read them.
var verbs = map[Verb]struct {
	keys []string
	read func(*object) Body
}{
	VerbAlbums:      {[]string{"page_size", "page_token"}, readListAlbums},
	VerbAlbumCreate: {[]string{"title"}, readCreateAlbum},
	VerbAlbumUpdate: {[]string{"album", "album_id", "title", "cover_media_item_id"}, readUpdateAlbum},
	VerbAlbumAdd:    {[]string{"album", "album_id", "media_item_ids"}, readAddItems},
	VerbAlbumRemove: {[]string{"album", "album_id", "media_item_ids"}, readRemoveItems},
	VerbAlbumEnrich: {[]string{"album", "album_id", "text", "location", "map", "position"}, readEnrichAlbum},
	VerbMedia:       {[]string{"album", "album_id", "filters", "order", "page_size", "page_token"}, readListMedia},
	VerbMediaGet:    {[]string{"media_item_ids", "width", "height", "crop"}, readGetMedia},
	VerbMediaUpdate: {[]string{"media_item_id", "description"}, readUpdateMedia},
	VerbMediaSave:   {[]string{"media_item_id", "path"}, readSaveMedia},
	VerbRefresh:     {nil, func(*object) Body { return Refresh{} }},
	VerbLink:        {nil, func(*object) Body { return StartLink{} }},
	VerbLinkFinish:  {[]string{"url", "code", "state"}, readFinishLink},
	VerbUnlink:      {[]string{"revoke"}, readUnlink},
	VerbJobs:        {nil, func(*object) Body { return ListJobs{} }},
	VerbJobCancel:   {[]string{"job"}, readCancelJob},
	VerbJobRetry:    {[]string{"job"}, readRetryJob},
}
