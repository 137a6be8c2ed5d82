package photosim

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// consentPage works without scripts: one form with the accounts, a box per scope, and two buttons. It posts to its own address,
// which carries the request.
const consentHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Sign in - simulated Google Accounts</title>
<style>
:root { color-scheme: light dark; --line: #8886; --blue: #0b57d0; --on-blue: #fff }
@media (prefers-color-scheme: dark) { :root { --blue: #a8c7fa; --on-blue: #062e6f } }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; overflow-wrap: anywhere }
main { max-width: 30rem; margin: 0 auto; border: 1px solid var(--line); border-radius: 1rem; padding: 1.25rem }
h1 { font-size: 1.4rem; line-height: 1.25; margin: .25rem 0 .75rem }
small { opacity: .75 }
fieldset { border: 0; margin: 1.25rem 0 0; padding: 0 }
legend { font-weight: 600; padding: 0 }
label, .fixed { display: flex; gap: .75rem; align-items: flex-start; padding: .7rem .25rem; min-height: 3rem; border-bottom: 1px solid var(--line) }
label { cursor: pointer }
input { flex: none; width: 1.25rem; height: 1.25rem; margin: .15rem 0; accent-color: var(--blue) }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem }
button { flex: 1 1 8rem; min-height: 3rem; font: inherit; font-weight: 600; border-radius: 1.5rem; border: 1px solid var(--line); background: none; color: inherit; cursor: pointer }
button[value=allow] { background: var(--blue); color: var(--on-blue); border-color: transparent }
</style>
</head>
<body>
<main>
<small>photosim: a simulated Google, for tests</small>
`

const consentButtons = `<div class="buttons">
<button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
<button type="submit" name="decision" value="allow">Allow</button>
</div>
</form>
</main>
</body>
</html>
`

// showConsent draws the page. The boxes are ticked; a person may untick any of them. Every value is escaped.
func (s *Server) showConsent(x *exchange, req *authRequest) {
	var buf bytes.Buffer
	put := func(format string, values ...string) {
		var escaped []any
		for _, v := range values {
			escaped = append(escaped, html.EscapeString(v))
		}
		fmt.Fprintf(&buf, format, escaped...)
	}
	app := req.redirect.Host
	buf.WriteString(consentHead)
	put("<h1>%s wants to access your Google Account</h1>\n<form method=\"post\" action=\"%s\">\n<fieldset>\n<legend>Choose an account</legend>\n",
		app, "?"+x.r.URL.RawQuery)
	for n, a := range s.cfg.Accounts {
		checked := ""
		if a.ID == req.hint || req.hint == "" && n == 0 {
			checked = " checked"
		}
		put("<label><input type=\"radio\" name=\"account\" value=\"%s\" required%s><span>%s<br><small>%s</small></span></label>\n",
			a.ID, checked, a.Name, a.Email)
	}
	put("</fieldset>\n<fieldset>\n<legend>Select what %s can access</legend>\n", app)
	for _, fixed := range []bool{true, false} {
		for _, name := range req.scopes {
			title, short := scopeTitles[name], strings.TrimPrefix(name, authPrefix)
			switch {
			case signIn(name) != fixed:
			case fixed:
				put("<div class=\"fixed\"><span>%s<br><small>%s</small></span></div>\n", title, short)
			default:
				put("<label><input type=\"checkbox\" name=\"scope\" value=\"%s\" checked><span>%s<br><small>%s</small></span></label>\n", name, title, short)
			}
		}
	}
	buf.WriteString("</fieldset>\n" + consentButtons)
	h := x.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	write(x.w, http.StatusOK, "text/html; charset=utf-8", buf.Bytes())
}
