package auth

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
)

// The one page with its style: no script, no image, nothing from elsewhere.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
)

// page is what one outcome says.
type page struct {
	Status int
	Good   bool
	Title  string
	Text   []string // what happened
	Off    []string // features without their scope
	Steps  []string // what to do, in order
	Next   string   // what to do
	Go     string   // Google's page
	Entry  string
	Style  template.CSS
}

// titles says per error code what happened; the error's own sentence says what to do.
var titles = map[string]struct {
	status int
	title  string
}{
	"link_denied":        {http.StatusForbidden, "Not linked: access was not allowed"},
	"link_expired":       {http.StatusGone, "This link is no longer valid"},
	"link_used":          {http.StatusGone, "This link has been used"},
	"bad_address":        {http.StatusBadRequest, "This address is incomplete"},
	"wrong_account":      {http.StatusConflict, "Not linked: this is another account"},
	"client_refused":     {http.StatusBadGateway, "Not linked: Google does not accept the settings"},
	"google_refused":     {http.StatusBadGateway, "Not linked: Google refused"},
	"google_unavailable": {http.StatusBadGateway, "Not linked: Google could not be reached"},
	"internal":           {http.StatusInternalServerError, "Not linked: the link could not be stored"},
}

var hastyPage = page{
	Status: http.StatusTooManyRequests, Title: "Too many requests",
	Text: []string{"Wait ten seconds, then load this page again."},
}

const nothingLeft = "Nothing is left to do: you can close this page."

// linkedPage says what is linked, and which features are off.
func linkedPage(l *Link) page {
	s := l.State()
	p := page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Linked to Google Photos", Off: s.Off(),
		Text: []string{"Entry " + l.Entry() + " now uses the account of " + s.Account.String() + "."},
		Next: nothingLeft,
	}
	if len(p.Off) > 0 {
		p.Title = "Linked, but not everything is allowed"
		p.Good = false
		p.Next = "To turn them on, ask for a new link and tick every box. If that is what you wanted, close this page."
	}
	return p
}

// errorPage says what went wrong, and how the entry stands now. The entry is unknown (nil) when the address holds
// no valid code or state.
func errorPage(l *Link, err error) page {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = because(ErrUnavailable, "", err)
	}
	t := titles[e.Code]
	p := page{Status: t.status, Title: t.title, Text: []string{e.Message}}
	if l == nil {
		p.Next = howToAsk("the entry")
		return p
	}
	p.Entry = l.Entry()
	p.Next = howToAsk("entry " + l.Entry())
	switch s := l.State(); s.Status {
	case Linked:
		switch {
		case errors.Is(err, ErrWrongAccount): // its sentence says it
			return p
		case errors.Is(err, ErrUsed): // a page that is loaded again
			p.Good, p.Text, p.Next = true, []string{"This address works once and has been used."}, nothingLeft
		}
		p.Text = append(p.Text, "Entry "+l.Entry()+" is linked to "+s.Account.String()+".")
	case Relink:
		p.Text = append(p.Text, "Entry "+l.Entry()+" still has to be linked to "+s.Account.String()+" again.")
	case Unlinked, Linking:
		p.Text = append(p.Text, "Entry "+l.Entry()+" is not linked.")
	}
	return p
}

// awayPage goes before Google's page when the way back will not load in this browser.
func awayPage(l *Link, address string) page {
	return page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Link entry " + l.Entry() + " to Google Photos",
		Text: []string{"gphotos2mqtt seems to run on another machine than this browser, so there is one more step at the end."},
		Steps: []string{
			"Continue to Google, choose the account and allow every box.",
			"The browser then ends on a page that does not load. That is as it should be: its address starts with " +
				l.cfg.RedirectURL,
			"Within ten minutes, copy that whole address and send it to “Finish linking” of entry " + l.Entry() +
				" in Home Assistant, publish it to the entry's topic request/link/finish, or paste it into the terminal " +
				"where gphotos2mqtt link runs.",
		},
		Go: address,
	}
}

func howToAsk(entry string) string {
	return "A new link: press “Link account” of " + entry + " in Home Assistant, publish an empty message to " +
		"the entry's topic request/link, or run gphotos2mqtt link in a terminal."
}

// pages writes pages.
type pages struct {
	template *template.Template
	style    template.CSS
	policy   string // Content-Security-Policy: this one style, and nothing else from anywhere
}

func newPages() *pages {
	sum := sha256.Sum256([]byte(pageCSS))
	return &pages{
		template: template.Must(template.New("page").Parse(pageHTML)),
		style:    template.CSS(pageCSS), //nolint:gosec // G203: it is a file of this package
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

func (ps *pages) write(w http.ResponseWriter, p page) {
	p.Style = ps.style
	var b bytes.Buffer
	if err := ps.template.Execute(&b, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes())
}
