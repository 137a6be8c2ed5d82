package browser_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

const (
	ada, ben    = "1", "2"
	adaAddress  = "ada@example.com"
	wantsAccess = "localhost" // begins the heading of Google's page
)

// contains fails the test unless the text says all of it.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said in:\n%s", part, text)
		}
	}
}

// The browser runs on the bridge's machine: the one-time address leads to Google
// and Google back to the bridge. Everything that a person may do instead of what
// was expected is answered with what happened and what to do.
func TestBrowserHere(t *testing.T) {
	e := newEnv(t, "", "")
	b := newBrowser(t)
	link := func() string {
		t.Helper()
		return e.Request("link", "").Data.URL
	}

	b.open(link(), wantsAccess)
	b.press("deny")
	contains(t, b.sees("Not linked: access was not allowed"), "Google was told not to allow the access", "Entry home is not linked.", "Link account")
	b.pictured("link-denied")
	e.state("unlinked", "", "told not to allow")

	b.open(link(), wantsAccess)
	b.choose(ada)
	e2etest.Must(t, e.Google.Faults(photosim.Fault{Route: "oauth.token", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 503}))
	b.press("allow")
	contains(t, b.sees("Not linked: Google could not be reached"), "try again")
	e2etest.Must(t, e.Google.Faults())

	b.open(link(), wantsAccess)
	b.press("allow")
	contains(t, b.sees("Linked to Google Photos"), "Entry home now uses the account of Ada Example (ada@example.com).", "you can close this page")
	b.pictured("link-done")
	e.state("linked", adaAddress, "")

	// Reloading the last page, and going back to Google's and allowing once more.
	b.Do(chromedp.Reload())
	contains(t, b.sees("This link has been used"), "Entry home is linked to Ada Example", "Nothing is left to do")
	b.pictured("link-used")
	b.back()
	b.sees(wantsAccess)
	b.press("allow")
	contains(t, b.sees("This link has been used"), "Entry home is linked to Ada Example")
	e.state("linked", adaAddress, "")

	b.open(link(), wantsAccess)
	b.choose(ben)
	b.press("allow")
	contains(t, b.sees("Not linked: this is another account"), "linked to Ada Example", "was Ben Example", "Nothing was changed")
	b.pictured("link-other-account")
	e.state("linked", adaAddress, "Ben Example")

	b.open(link(), wantsAccess)
	b.choose(ada, "appendonly", "edit.appcreateddata")
	b.press("allow")
	contains(t, b.sees("Linked, but not everything is allowed"), "uploading photos and creating albums", "changing descriptions")
	b.pictured("link-partly")
	e.state("linked", adaAddress, "")

	// A code that Google gave too long ago, and an address that nobody asked for.
	used := link()
	b.open(used, wantsAccess)
	b.open(used, "This link has been used")
	b.back()
	b.sees(wantsAccess)
	e.expireCode()
	b.press("allow")
	contains(t, b.sees("This link is no longer valid"), "used before or is too old", "within ten minutes")
	b.pictured("link-expired")
	b.open(strings.TrimSuffix(used, "/"+filepath.Base(used))+"/"+strings.Repeat("A", 26), "This link is no longer valid")
	e.searchAll()
}

// The browser runs elsewhere: Google opens in a tab of its own, the last page does not load, and its address is pasted into the form of the
// first tab. So it is on pages that listen on one address, and on every address. The entry's own page always says what is to be done.
func TestBrowserElsewhere(t *testing.T) {
	for _, every := range []bool{false, true} {
		host := otherHost(t)
		port := e2etest.Port(t)
		if *update && !every {
			port = "8099"
		}
		listen := net.JoinHostPort(host, port)
		if every {
			listen = "0.0.0.0:" + port
		}
		e := newEnv(t, listen, "")
		b := newBrowser(t, "host-resolver-rules=MAP localhost:"+port+" 127.0.0.1:"+e2etest.Port(t)) // its localhost is another one
		pictured := func(name string) {
			if !every {
				b.pictured(name)
			}
		}
		stands := "http://" + host + ":" + port + "/entry/home"
		b.open(stands, "Entry home is not linked")
		pictured("entry-unlinked")
		answer := e.Request("link", "")
		contains(t, answer.Data.URL, "http://"+host+":"+port+"/link/")
		b.open(stands, "Entry home is not linked")
		contains(t, b.sees("Entry home"), "A link was asked for", "Open the one-time address")
		pictured("entry-linking")

		b.open(answer.Data.URL, "Link entry home to Google Photos")
		contains(t, b.sees("Link entry home"), "http://localhost:"+port+"/oauth/callback", "opens in a new tab", "paste it below")
		pictured("link-elsewhere")
		google := b.tab("a.go")
		google.sees(wantsAccess)
		google.press("allow")
		last := google.addressBar()
		google.Close()
		contains(t, last, "http://localhost:"+port+"/oauth/callback?", "code=", "state=")
		b.paste("http://" + host)
		contains(t, b.sees("This address is incomplete"), "copy the whole of it")
		pictured("link-incomplete")
		b.paste(last)
		contains(t, b.sees("Linked to Google Photos"), adaAddress)
		e.state("linked", adaAddress, "")
		b.open(stands, "Entry home is linked")
		pictured("entry-linked")

		// A phone that has forgotten the page loads it again.
		again := e.Request("link", "").Data.URL
		b.open(again, "Link entry home")
		google = b.tab("a.go")
		google.sees(wantsAccess)
		google.press("allow")
		last = google.addressBar()
		google.Close()
		b.open(again, "This link has been used")
		pictured("link-again")
		b.paste(last)
		b.sees("Linked to Google Photos")
		b.open(stands, "Entry home is linked")
		b.open(answer.Data.URL, "This link has been used")
		e.searchAll()
	}
}

// In a terminal it goes by Google's own address, whose end is pasted there; and from Home Assistant, that is published.
func TestBrowserWithoutThePages(t *testing.T) {
	e := newEnv(t, net.JoinHostPort(otherHost(t), e2etest.Port(t)), "")
	b := newBrowser(t)
	b.open(e.Request("link", "").Data.ConsentURL, wantsAccess)
	b.press("allow")
	if finished := e.Request("link/finish", b.addressBar()); finished.Data.Account.Email != adaAddress {
		t.Errorf("%+v", finished)
	}

	terminal := e.Run("link", "home")
	b.open(address(t, terminal, "http://127.0.0.1:"), wantsAccess)
	b.press("allow")
	_, err := io.WriteString(terminal.Stdin, b.addressBar()+"\n")
	e2etest.Must(t, err)
	terminal.Expect("^Linked: entry home uses the account of Ada Example \\(" + regexp.QuoteMeta(adaAddress) + `\).$`)
	terminal.Exited(0)
	e.secrets.search(t, "the terminal", []byte(terminal.Output()))
	e.state("linked", adaAddress, "")
	e.searchAll()
}

// Everything goes through a reverse proxy with a public name, and afterwards no
// secret of the whole life of a link is anywhere but under the seal.
func TestBrowserBehindReverseProxy(t *testing.T) {
	port := e2etest.Port(t)
	bridge, err := url.Parse("http://127.0.0.1:" + port)
	e2etest.Must(t, err)
	proxy := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(bridge))
	proxy.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	proxy.StartTLS()
	defer proxy.Close()
	e := newEnv(t, "127.0.0.1:"+port, "https://photos.example.org")
	b := newBrowser(t, "host-resolver-rules=MAP photos.example.org:443 "+proxy.Listener.Addr().String(), "ignore-certificate-errors=1")

	terminal := e.Run("link", "home")
	b.open(address(t, terminal, "https://photos.example.org/link/"), "photos.example.org")
	b.press("allow")
	contains(t, b.sees("Linked to Google Photos"), adaAddress)
	terminal.Expect("^Linked: entry home uses the account of Ada Example")
	terminal.Exited(0)

	// A session for the large one, a receipt for the small one.
	small, large := filepath.Join(e.Media, "small.jpg"), filepath.Join(e.Media, "large.jpg")
	e2etest.Must(t, os.WriteFile(small, e2etest.Photo(1, 1<<10), 0o600))
	e2etest.Must(t, os.WriteFile(large, e2etest.Photo(6, 6<<20), 0o600))
	e.upload(small, "done")
	e.upload(large, "done")
	if !e.Google.Revoke(ada) {
		t.Fatal("nothing was revoked")
	}
	e2etest.Must(t, os.WriteFile(small, e2etest.Photo(2, 2<<10), 0o600))
	e.upload(small, "accepted")
	e.state("relink", adaAddress, "")
	b.open(e.Request("link", "").Data.URL, "photos.example.org")
	b.press("allow")
	b.sees("Linked to Google Photos")
	e.answered("done")
	e.searchAll("upload token", "session")
	e.Request("unlink", "")
	e.state("unlinked", "", "")
	e.searchAll("upload token", "session")
}
