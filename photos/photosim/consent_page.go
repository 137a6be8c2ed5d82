package photosim

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
)

// consentPage works without scripts: one form with the accounts, a box per scope, and two buttons. It posts to its own address,
// which carries the request.
var consentPage = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
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
<h1>{{.App}} wants to access your Google Account</h1>
<form method="post" action="{{.Action}}">
<fieldset>
<legend>Choose an account</legend>
{{range .Accounts}}<label><input type="radio" name="account" value="{{.ID}}" required{{if .Chosen}} checked{{end}}><span>{{.Name}}<br><small>{{.Email}}</small></span></label>
{{end}}</fieldset>
<fieldset>
<legend>Select what {{.App}} can access</legend>
{{range .Fixed}}<div class="fixed"><span>{{.Title}}<br><small>{{.Short}}</small></span></div>
{{end}}{{range .Boxes}}<label><input type="checkbox" name="scope" value="{{.Scope}}" checked><span>{{.Title}}<br><small>{{.Short}}</small></span></label>
{{end}}</fieldset>
<div class="buttons">
<button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
<button type="submit" name="decision" value="allow">Allow</button>
</div>
</form>
</main>
</body>
</html>
`))

type pageAccount struct {
	Account
	Chosen bool
}

type pageScope struct{ Scope, Short, Title string }

// showConsent draws the page. The boxes are ticked; a person may untick any of them.
func (s *Server) showConsent(x *exchange, req *authRequest) {
	page := struct {
		App, Action  string
		Accounts     []pageAccount
		Fixed, Boxes []pageScope
	}{App: req.redirect.Host, Action: "?" + x.r.URL.RawQuery}
	for n, a := range s.cfg.Accounts {
		page.Accounts = append(page.Accounts, pageAccount{a, a.ID == req.hint || req.hint == "" && n == 0})
	}
	for _, name := range req.scopes {
		scope := pageScope{name, strings.TrimPrefix(name, authPrefix), scopeTitles[name]}
		if signIn(name) {
			page.Fixed = append(page.Fixed, scope)
		} else {
			page.Boxes = append(page.Boxes, scope)
		}
	}
	var buf bytes.Buffer
	if err := consentPage.Execute(&buf, page); err != nil {
		writeConsentError(x.w, err)
		return
	}
	h := x.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	write(x.w, http.StatusOK, "text/html; charset=utf-8", buf.Bytes())
}
