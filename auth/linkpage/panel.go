package linkpage

import (
	"net/http"
	"net/netip"
	"strings"

	"gphotos2mqtt/auth"
)

// Supervisor is the only one who may open the panel: it lets in those who administer Home Assistant, and nobody else. So a page here may
// say which account an entry has, and begin a link. https://developers.home-assistant.io/docs/apps/presentation#ingress
var Supervisor = netip.MustParseAddr("172.30.32.2")

// PanelPath is the panel's first page, two levels deep as all are: Home Assistant shows it below a prefix of its own.
const PanelPath = "/panel/entries"

// Panel serves PanelPath, which shows how all entries stand, with a button for each that has no link, and what its forms send to. From
// is who is let in. Links and report are as in Handler.
func Panel(links func() []*auth.Link, from netip.Addr, report func(entry string, err error)) http.Handler {
	own, mux := &pages{links: links, report: report}, http.NewServeMux()
	mux.HandleFunc("GET "+PanelPath, func(w http.ResponseWriter, _ *http.Request) { panelPage(links()).write(w) })
	mux.HandleFunc("POST /panel/begin", func(w http.ResponseWriter, r *http.Request) {
		for _, l := range links() {
			if l.Entry() == r.PostFormValue("entry") {
				awayPage(l, l.Start().Consent).write(w)
				return
			}
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("POST "+finishPath, func(w http.ResponseWriter, r *http.Request) {
		own.finish(w, r, r.PostFormValue("address"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if visitor(r) != from {
			http.Error(w, "This page is for Home Assistant alone.", http.StatusForbidden)
			return
		}
		guard(w.Header(), strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1)) // it is shown within a frame
		mux.ServeHTTP(w, r)
	})
}

func panelPage(links []*auth.Link) page {
	p := page{Status: http.StatusOK, Good: true, Title: "Google Photos"}
	for _, l := range links {
		s, name := l.State(), "Entry "+l.Entry()
		var text string
		switch s.Status {
		case auth.Unlinked, auth.Linking:
			text = name + " has no Google account yet."
		case auth.Linked:
			text = name + " uses the account of " + s.Account.String() + "."
			if off := s.Off(); len(off) > 0 {
				text += " Boxes were left unticked, so these are off: " + strings.Join(off, "; ") + "."
			}
		case auth.Relink:
			text = name + " has to be linked to " + s.Account.String() + " again. Uploads wait until then."
		}
		if s.Failure != "" {
			text += " " + s.Failure
		}
		p.Text = append(p.Text, text)
		if s.Status != auth.Linked || len(s.Off()) > 0 {
			p.Good, p.Begin = false, append(p.Begin, l.Entry())
		}
	}
	return p
}
