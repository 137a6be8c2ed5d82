package auth

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// maxQuery bounds what comes back from Google by way of a browser: codes have up to 256 bytes, and the rest
// are scopes and small parameters. https://developers.google.com/identity/protocols/oauth2#size
const maxQuery = 8 << 10

// answer is what Google sends the browser back with: a code, or why there is none.
type answer struct {
	state   Secret
	code    Secret
	refusal string // Google's `error`, such as access_denied
}

// parseAddress reads what a person pasted.
func (l *Link) parseAddress(address string) (answer, error) {
	address = strings.Trim(strings.TrimSpace(address), `"'<>`)
	query := address
	if _, after, ok := strings.Cut(address, "?"); ok {
		query = after
	}
	query, _, _ = strings.Cut(query, "#")
	query = strings.ReplaceAll(query, "&amp;", "&") // copied out of a page's source or a chat
	ans, err := parseAnswer(query)
	if err == nil {
		return ans, nil
	}
	if code := consentError(query); code != "" {
		return answer{}, explain(code, "", l.cfg.RedirectURL, nil)
	}
	if strings.Contains(query, "response_type=") { // Google's page itself
		err = because(ErrAddress, "This is the address of Google's page. Go through that page first; the browser "+
			"then ends on an address that starts with "+l.cfg.RedirectURL+", and that one is needed.", nil)
	}
	return answer{}, err
}

// parseAnswer reads the query of the redirect address. Parameters that are not ours are ignored: Google adds
// scope, authuser, prompt, hd and iss. Nothing of the query is ever in the error.
func parseAnswer(query string) (answer, error) {
	if len(query) > maxQuery {
		return answer{}, ErrAddress
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return answer{}, ErrAddress // the parser's own error quotes the query
	}
	for _, name := range []string{"state", "code", "error"} {
		if len(q[name]) > 1 {
			return answer{}, ErrAddress
		}
	}
	ans := answer{state: Secret(q.Get("state")), code: Secret(q.Get("code")), refusal: q.Get("error")}
	if (ans.code == "") == (ans.refusal == "") || ans.code != "" && ans.state == "" {
		return answer{}, ErrAddress
	}
	return ans, nil
}

// consentError finds the error code in the address of Google's own error page, whose authError parameter is
// base64 of a message that begins with field 1, the code. Seen in practice, not documented; "" when it is not so.
func consentError(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	text := strings.NewReplacer("-", "+", "_", "/", " ", "+", "=", "").Replace(q.Get("authError"))
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != 0x0a || int(b[1]) > len(b)-2 {
		return ""
	}
	code := string(b[2 : 2+int(b[1])])
	if _, known := refusals[code]; !known {
		return ""
	}
	return code
}
