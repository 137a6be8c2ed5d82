package browser_test

import (
	"crypto/tls"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

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
	h := newHouse(t, "127.0.0.1", freePort(t, "127.0.0.1"), "")
	b := newBrowser(t)
	link := func() string {
		t.Helper()
		return h.request("link", "").Data.URL
	}

	b.open(link(), wantsAccess)
	b.press("deny")
	contains(t, b.sees("Not linked: access was not allowed"), "Google was told not to allow the access", "Entry home is not linked.", "Link account")
	b.pictured("link-denied")
	h.state("unlinked", "", "told not to allow")

	b.open(link(), wantsAccess)
	b.choose(ada)
	h.must(h.sim.Faults(photosim.Fault{Route: "oauth.token", Calls: photosim.Calls{1}, Mode: photosim.Refuse, Status: 503}))
	b.press("allow")
	contains(t, b.sees("Not linked: Google could not be reached"), "try again")
	h.must(h.sim.Faults())

	b.open(link(), wantsAccess)
	b.press("allow")
	contains(t, b.sees("Linked to Google Photos"), "Entry home now uses the account of Ada Example (ada@example.com).", "you can close this page")
	b.pictured("link-done")
	h.state("linked", adaAddress, "")

	// Reloading the last page, and going back to Google's and allowing once more.
	b.do(chromedp.Reload())
	contains(t, b.sees("This link has been used"), "Entry home is linked to Ada Example", "Nothing is left to do")
	b.pictured("link-used")
	b.back()
	b.sees(wantsAccess)
	b.press("allow")
	contains(t, b.sees("This link has been used"), "Entry home is linked to Ada Example")
	h.state("linked", adaAddress, "")

	b.open(link(), wantsAccess)
	b.choose(ben)
	b.press("allow")
	contains(t, b.sees("Not linked: this is another account"), "linked to Ada Example", "was Ben Example", "Nothing was changed")
	b.pictured("link-other-account")
	h.state("linked", adaAddress, "Ben Example")

	b.open(link(), wantsAccess)
	b.choose(ada, "appendonly", "edit.appcreateddata")
	b.press("allow")
	contains(t, b.sees("Linked, but not everything is allowed"), "uploading photos and creating albums", "changing descriptions")
	b.pictured("link-partly")
	h.state("linked", adaAddress, "")

	// A code that Google gave too long ago, and an address that nobody asked for.
	used := link()
	b.open(used, wantsAccess)
	b.open(used, "This link has been used")
	b.back()
	b.sees(wantsAccess)
	h.expireCode()
	b.press("allow")
	contains(t, b.sees("This link is no longer valid"), "used before or is too old", "within ten minutes")
	b.pictured("link-expired")
	b.open(strings.TrimSuffix(used, "/"+filepath.Base(used))+"/"+strings.Repeat("A", 26), "This link is no longer valid")
	h.searchAll()
}

// The browser runs elsewhere: a page says first that the last one will not load,
// and its address is pasted into Home Assistant, that is published.
func TestBrowserElsewhere(t *testing.T) {
	host := otherHost(t)
	port := freePort(t, host)
	if *update {
		port = "8099"
	}
	h := newHouse(t, host, port, "")
	b := newBrowser(t)
	answer := h.request("link", "")
	contains(t, answer.Data.URL, "http://"+host+":"+port+"/link/")
	b.open(answer.Data.URL, "Link entry home to Google Photos")
	contains(t, b.sees("Link entry home"), "http://localhost:"+port+"/oauth/callback", "Finish linking", "request/link/finish")
	b.pictured("link-elsewhere")
	b.click("a.go")
	b.sees(wantsAccess)
	b.press("allow")
	address := b.addressBar()
	contains(t, address, "http://localhost:"+port+"/oauth/callback?", "code=", "state=")
	if finished := h.request("link/finish", address); finished.Data.Account.Email != adaAddress {
		t.Errorf("%+v", finished)
	}
	h.state("linked", adaAddress, "")
	if again := h.request("link/finish", address); again.Error.Code != "link_failed" {
		t.Errorf("the address worked twice: %+v", again)
	}

	// The same in a terminal, by Google's own address.
	terminal := h.run("link", "home")
	b.open(terminal.line("  http://127.0.0.1:"), wantsAccess)
	b.press("allow")
	_, err := terminal.stdin.Write([]byte(b.addressBar() + "\n"))
	h.must(err)
	terminal.line("Linked: entry home uses the account of Ada Example (" + adaAddress + ").")
	terminal.end(0, 0)
	h.secrets.search(t, "the terminal", []byte(terminal.text()))
	h.searchAll()
}

// Everything goes through a reverse proxy with a public name, and afterwards no
// secret of the whole life of a link is anywhere but under the seal.
func TestReverseProxyAndSecrets(t *testing.T) {
	port := freePort(t, "127.0.0.1")
	bridge, err := url.Parse("http://127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(bridge))
	proxy.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	proxy.StartTLS()
	defer proxy.Close()
	h := newHouse(t, "127.0.0.1", port, "https://photos.example.org")
	b := newBrowser(t, "host-resolver-rules=MAP photos.example.org:443 "+proxy.Listener.Addr().String(), "ignore-certificate-errors=1")
	media := h.media

	terminal := h.run("link", "home")
	b.open(terminal.line("  https://photos.example.org/link/"), "photos.example.org")
	b.press("allow")
	contains(t, b.sees("Linked to Google Photos"), adaAddress)
	terminal.line("Linked: entry home uses the account of Ada Example")
	terminal.end(0, 0)

	// A session for the large one, a receipt for the small one.
	small, large := filepath.Join(media, "small.jpg"), filepath.Join(media, "large.jpg")
	h.must(os.WriteFile(small, photo(t, 1<<10), 0o600))
	h.must(os.WriteFile(large, photo(t, 6<<20), 0o600))
	h.upload(small, "done")
	h.upload(large, "done")
	if !h.sim.Revoke(ada) {
		t.Fatal("nothing was revoked")
	}
	h.must(os.WriteFile(small, photo(t, 2<<10), 0o600))
	h.upload(small, "accepted")
	h.state("relink", adaAddress, "")
	b.open(h.request("link", "").Data.URL, "photos.example.org")
	b.press("allow")
	b.sees("Linked to Google Photos")
	h.uploaded("done", 3)
	h.searchAll("upload token", "session")
	h.request("unlink", "")
	h.state("unlinked", "", "")
	h.searchAll("upload token", "session")
}
