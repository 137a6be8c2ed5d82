package browser_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gphotos2mqtt/e2e/e2etest"
)

// A browser is a Chromium that finds its way on our pages and on Google's.
type browser struct {
	t *testing.T
	*e2etest.Chromium
}

// newBrowser starts Chromium; flags are NAME=VALUE.
func newBrowser(t *testing.T, flags ...string) *browser {
	t.Helper()
	return &browser{t, e2etest.StartChromium(t, flags...)}
}

// ask carries out an action and returns its value.
func ask[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	return e2etest.Ask(b.Chromium, action)
}

// open goes to an address and waits for the heading.
func (b *browser) open(address, heading string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(address))
	b.sees(heading)
}

// sees waits until the page's heading begins so, and returns the page's text.
func (b *browser) sees(heading string) string {
	b.t.Helper()
	var last shown
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the browser shows %s\n%s", last.Address, last.Text)
		}
	}()
	e2etest.Until(b.t, "the heading "+strconv.Quote(heading), func() bool {
		page, err := e2etest.Try(b.Chromium, chromedp.Evaluate[shown](look))
		if err == nil { // else the page has just gone
			last = page
		}
		return err == nil && page.Ready && strings.HasPrefix(page.Heading, heading)
	})
	return last.Text
}

type shown struct {
	Ready                  bool
	Address, Heading, Text string
}

const look = `({Ready: document.readyState === "complete", Address: location.href,
	Heading: document.querySelector("h1")?.innerText ?? "", Text: document.body?.innerText ?? ""})`

// addressBar is what a person copies from a page that did not load.
func (b *browser) addressBar() string {
	b.t.Helper()
	b.sees("This site can")
	history := ask(b, chromedp.NavigationEntries())
	return history.Entries[history.CurrentIndex].URL
}

// choose picks an account and leaves boxes unticked on Google's page.
func (b *browser) choose(account string, without ...string) {
	b.t.Helper()
	b.click(`input[name=account][value="` + account + `"]`)
	for _, scope := range without {
		b.click(`input[name=scope][value$="` + scope + `"]`)
	}
}

// press presses Allow or Deny.
func (b *browser) press(decision string) {
	b.t.Helper()
	b.click(`button[value=` + decision + `]`)
}

// click clicks on what a CSS selector finds. A mouse is not simulated, because
// Chromium does not acknowledge its click when the page is gone by then.
func (b *browser) click(selector string) {
	b.t.Helper()
	found := ask(b, chromedp.Evaluate[bool](`(e => { setTimeout(() => e?.click()); return e !== null })(document.querySelector(`+strconv.Quote(selector)+`))`))
	if !found {
		b.t.Fatalf("the page has no %s", selector)
	}
}

// tab clicks on a link that opens a tab of its own, and gives that.
func (b *browser) tab(selector string) *browser {
	b.t.Helper()
	return &browser{b.t, b.Tab(func() { b.click(selector) })}
}

// paste puts a text into the form and sends it.
func (b *browser) paste(text string) {
	b.t.Helper()
	b.Do(chromedp.SetValue("#address", text))
	b.click("button")
}

// back presses the back button. The page may come out of Chromium's memory, which
// no event of loading tells.
func (b *browser) back() {
	b.t.Helper()
	ask(b, chromedp.Evaluate[bool](`setTimeout(() => history.back()), true`))
}

// pictured takes the pictures of a page for the docs, when they are wanted.
func (b *browser) pictured(name string) {
	b.t.Helper()
	if !*update {
		return
	}
	for width, size := range map[string][2]int64{"phone": {390, 844}, "desktop": {1280, 800}} {
		scale := 1.0
		if width == "phone" {
			scale = 2
		}
		b.Do(chromedp.EmulateViewport(size[0], size[1], chromedp.EmulateScale(scale)))
		png := ask(b, chromedp.CaptureScreenshot())
		b.Do(chromedp.EmulateReset())
		path := filepath.Join("..", "..", "docs", "images", name+"-"+width+".png")
		if err := os.WriteFile(path, png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}
