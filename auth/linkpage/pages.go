package linkpage

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"gphotos2mqtt/auth"
)

// The one page with its style: no script, no image, nothing from elsewhere, and a policy that lets nothing else in.
var (
	//go:embed page.css
	pageCSS string

	styleHash = sha256.Sum256([]byte(pageCSS))
	policy    = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(styleHash[:]) +
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

type page struct {
	Status       int
	Good         bool
	Title, Entry string
	Text         []string // what happened
	Off          []string // features without their scope
	Steps        []string // what to do, in order
	Next         string   // what to do
	Go           string   // Google's page; in a tab of its own, so that this one and its form stay
	Begin        []string // entries that a button begins to link
	Form         bool     // takes the address on which the browser ended
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
	Status: http.StatusTooManyRequests, Title: "Too many requests", Text: []string{"Wait ten seconds, then load this page again."},
}

var homePage = page{Status: http.StatusOK, Good: true, Title: "gphotos2mqtt", Text: []string{
	"This bridge uploads photos to Google Photos; how an entry is linked stands at /entry/ followed by its name, such as /entry/home.",
}}

const nothingLeft = "Nothing is left to do: you can close this page."

func linkedPage(l *auth.Link) page {
	s := l.State()
	p := page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Linked to Google Photos", Off: s.Off(), Next: nothingLeft,
		Text: []string{"Entry " + l.Entry() + " now uses the account of " + s.Account.String() + "."},
	}
	if len(p.Off) > 0 {
		p.Good, p.Title = false, "Linked, but not everything is allowed"
		p.Next = "To turn them on, ask for a new link and tick every box. If that is what you wanted, close this page."
	}
	return p
}

// errorPage says what went wrong, and how the entry stands now. The entry is unknown (nil) when the address holds no valid code or state.
func errorPage(l *auth.Link, err error) page {
	e, _ := errors.AsType[*auth.Error](err)
	e = cmp.Or(e, auth.ErrUnavailable)
	p := page{Status: titles[e.Code].status, Title: titles[e.Code].title, Text: []string{e.Message}, Next: howToAsk("the entry")}
	p.Form = errors.Is(err, auth.ErrAddress)
	if l == nil {
		return p
	}
	p.Entry, p.Next = l.Entry(), howToAsk("entry "+l.Entry())
	switch s := l.State(); {
	case errors.Is(err, auth.ErrUsed) && !s.Expires.IsZero(): // a telephone forgets pages, and loads them again
		p.Good, p.Form, p.Text = true, true, []string{"This address works once and has led to Google. Go on in the tab with Google's page."}
	case s.Status == auth.Relink:
		p.Text = append(p.Text, "Entry "+l.Entry()+" still has to be linked to "+s.Account.String()+" again.")
	case s.Status != auth.Linked:
		p.Text = append(p.Text, "Entry "+l.Entry()+" is not linked.")
	case errors.Is(err, auth.ErrWrongAccount): // its sentence says it
	case errors.Is(err, auth.ErrUsed): // a page that is loaded again
		p.Good, p.Text, p.Next = true, []string{"This address works once and has been used."}, nothingLeft
		fallthrough
	default:
		p.Text = append(p.Text, "Entry "+l.Entry()+" is linked to "+s.Account.String()+".")
	}
	return p
}

// awayPage goes before Google's page when the way back may not load in this browser.
func awayPage(l *auth.Link, consent string) page {
	redirect, _ := l.Redirect()
	return page{
		Status: http.StatusOK, Good: true, Entry: l.Entry(), Title: "Link entry " + l.Entry() + " to Google Photos", Go: consent, Form: true,
		Steps: []string{
			"Continue to Google, which opens in a new tab. Choose the account and allow every box.",
			"If that tab then says “Linked to Google Photos”, all is done. On a phone it shows a page that does not load, and that is as it " +
				"should be: its address starts with " + redirect,
			"Copy that whole address, come back to this page, and paste it below within ten minutes.",
		},
	}
}

// entryPage says how the entry stands and what to do, to anybody: not which account it has, and no secret. The way to Google is not here
// either, or a neighbour could link an account of their own while somebody in the house has asked for a link.
func entryPage(l *auth.Link) page {
	s, name := l.State(), "Entry "+l.Entry()
	p := page{Status: http.StatusOK, Entry: l.Entry(), Good: s.Status == auth.Linked, Next: howToAsk("entry " + l.Entry())}
	switch s.Status {
	case auth.Linked:
		p.Title, p.Text, p.Off = name+" is linked", []string{"It is linked to a Google account. Nothing has to be done."}, s.Off()
	case auth.Relink:
		p.Title, p.Text = name+" has to be linked again", []string{"Its link to Google Photos has ended. Uploads wait until it is linked again."}
	case auth.Unlinked, auth.Linking:
		p.Title, p.Text = name+" is not linked", []string{"It has no Google account yet."}
	}
	if s.Failure != "" {
		p.Text = append(p.Text, "Something went wrong last: link.problem in the entry's topic state says what.")
	}
	if s.Expires.IsZero() {
		return p
	}
	minutes := max(1, int(time.Until(s.Expires).Round(time.Minute).Minutes()))
	p.Form, p.Next = true, ""
	p.Text = append(p.Text, "A link was asked for, which can be finished for "+strconv.Itoa(minutes)+" more minutes:")
	p.Steps = []string{
		"Open the one-time address. In Home Assistant it is the attribute url of “Link status”; on MQTT it is link.url in the " +
			"entry's topic state; the log has it, too. It works once.",
		"If the browser ends on a page that does not load, copy the whole address of that page and paste it below.",
	}
	return p
}

func howToAsk(entry string) string {
	return "A new link: press “Link account” of " + entry + " in Home Assistant, publish an empty message to the entry's topic " +
		"request/link, or run gphotos2mqtt link in a terminal."
}

func (p page) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, p.html()) //nolint:gosec // every value is escaped; it fails when the visitor has gone
}
