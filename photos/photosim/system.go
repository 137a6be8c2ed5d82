package photosim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// systemQuery are the parameters that every method takes: those of the discovery document that generated clients know, the forms
// with a dollar sign, and an old one. https://cloud.google.com/apis/docs/system-parameters
var systemQuery = []string{
	"$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "uploadType", "upload_protocol",
	"$alt", "$callback", "$fields", "$key", "$prettyPrint", "$quotaUser", "userIp",
}

// callbackName is what a callback parameter may be.
var callbackName = regexp.MustCompile(`^[A-Za-z0-9_$.\[\]]{1,100}$`)

// checkQuery refuses parameters that neither all methods nor this one have.
func (c *call) checkQuery() error {
	for name, values := range c.query {
		switch {
		case !slices.Contains(systemQuery, name) && !slices.Contains(c.method.query, name):
			return invalidArgument("Invalid JSON payload received. Unknown name \"%s\": Cannot bind query parameter. "+
				"Field '%s' could not be found in request message.", bound(name), bound(name))
		case len(values) > 1 && name != "mediaItemIds" && name != "updateMask":
			return invalidArgument("Invalid value for query parameter '%s': given more than once.", name)
		}
	}
	if alt := c.query.Get("alt"); alt != "" && alt != "json" {
		return invalidArgument("Invalid value \"%s\" for query parameter \"alt\"", bound(alt))
	}
	if name := c.query.Get("callback"); name != "" && !callbackName.MatchString(name) {
		return invalidArgument("Invalid value \"%s\" for query parameter \"callback\"", bound(name))
	}
	return nil
}

const typeJSON = "application/json; charset=UTF-8"

// sendJSON sends v as Google does: indented unless prettyPrint is false, and with the headers of its front end,
// https://github.com/ShareX/ShareX/issues/5097. A GET with a callback gets a script, which has no other status than 200.
func (x *exchange) sendJSON(code int, v any) {
	q := x.r.URL.Query()
	body := pretty(v)
	if q.Get("prettyPrint") == "false" {
		var small bytes.Buffer
		_ = json.Compact(&small, body) // is valid JSON
		body = small.Bytes()
	}
	h := x.w.Header()
	h["Vary"] = []string{"Origin", "X-Origin", "Referer"}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("X-Xss-Protection", "0")
	if name := q.Get("callback"); x.r.Method == http.MethodGet && callbackName.MatchString(name) {
		write(x.w, http.StatusOK, "text/javascript; charset=UTF-8", fmt.Appendf(nil, "// API callback\n%s(%s);", name, bytes.TrimSpace(body)))
		return
	}
	write(x.w, code, typeJSON, body)
}

// pretty is JSON as Google sends it: indented by two spaces, nothing escaped for HTML. The structs leave default values out, as
// proto3 JSON does.
func pretty(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("photosim: encode %T: %v", v, err)) // wire types always encode
	}
	return buf.Bytes()
}

// overridden is the request that a POST with X-HTTP-Method-Override stands for; generated clients send their GETs so when the
// address is longer than 2048 bytes, with the query as a form. Any other request is returned as it is.
// https://github.com/googleapis/google-api-python-client/blob/main/googleapiclient/http.py
func overridden(r *http.Request) *http.Request {
	method := strings.ToUpper(r.Header.Get("X-Http-Method-Override"))
	if r.Method != http.MethodPost || method != http.MethodGet && method != http.MethodPatch {
		return r
	}
	out := r.Clone(r.Context())
	out.Method = method
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return out
	}
	form, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if _, bad := url.ParseQuery(string(form)); err != nil || bad != nil {
		return out
	}
	out.URL.RawQuery = strings.Trim(out.URL.RawQuery+"&"+string(form), "&")
	out.Body, out.ContentLength = http.NoBody, 0
	return out
}
