package photosim

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
)

// refusal is an error of the APIs or of the OAuth endpoints.
type refusal interface {
	error
	// answer is what is sent in the default form; older is that of a call with ?alt=json.
	answer(older bool) refusalAnswer
	// as is the same refusal with another HTTP status.
	as(code int) refusal
}

// refusalAnswer is a refusal in each of its forms.
type refusalAnswer struct {
	code   int // HTTP status
	header http.Header
	form   Form // "" is the envelope
	fields any  // the JSON of the envelope, and of the OAuth endpoints
	bare   rpcStatus
}

// Form is how a refusal is written: Google's front ends do not agree on one.
type Form string

// Forms of a refusal. For the OAuth endpoints the envelope is their flat {"error": "…", "error_description": "…"}.
const (
	Envelope   Form = "envelope" // {"error": {"code": 429, "message": "…", "status": "…"}}
	BareStatus Form = "bare"     // {"code": 3, "message": "…"}, https://github.com/gphotosuploader/gphotos-uploader-cli/issues/319
	List       Form = "list"     // the envelope as the one element of a list
	Text       Form = "text"     // the message alone
	HTML       Form = "html"     // a page that says the message
	Broken     Form = "broken"   // the envelope without its last brace, as was recorded once
)

var forms = []Form{Envelope, BareStatus, List, Text, HTML, Broken}

// refuse sends a refusal, in its own form when none is given.
func (x *exchange) refuse(r refusal, form Form) {
	a := r.answer(x.r.URL.Query().Get("alt") == "json")
	maps.Copy(x.w.Header(), a.header)
	body := a.fields
	switch cmp.Or(form, a.form) {
	case BareStatus:
		body = a.bare
	case List:
		body = []any{a.fields}
	case Text:
		writeText(x.w, a.code, a.bare.Message)
		return
	case HTML:
		writeHTML(x.w, a.code, fmt.Sprintf("Error %d (%s)!!1", a.code, http.StatusText(a.code)), a.bare.Message)
		return
	case Broken:
		write(x.w, a.code, typeJSON, bytes.TrimSuffix(pretty(a.fields), []byte("}\n")))
		return
	case Envelope:
	}
	x.sendJSON(a.code, body)
}
