package e2etest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A Chromium is a browser of its own, with one tab.
type Chromium struct {
	tb  testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in it
}

// StartChromium starts a Chromium that ends with the test; flags are NAME=VALUE.
func StartChromium(tb testing.TB, flags ...string) *Chromium {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], // headless, no first run, no background networking
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(tb.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WindowSize(1280, 800),
	)
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, "=")
		options = append(options, chromedp.Flag(name, value))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(allocator)
	tb.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for Chromium's end
		leave()
		stop()
	})
	Must(tb, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the first action starts Chromium
	return &Chromium{tb: tb, ctx: ctx}
}

// Do carries out steps within the test's patience.
func (c *Chromium) Do(steps ...chromedp.Action[chromedp.Void]) {
	c.tb.Helper()
	Ask(c, chromedp.Steps(steps...))
}

// Ask carries out an action within the test's patience and returns its value.
func Ask[T any](c *Chromium, action chromedp.Action[T]) T {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	Must(c.tb, err)
	return value
}

// Try is Ask for what fails while a page goes and another comes.
func Try[T any](c *Chromium, action chromedp.Action[T]) (T, error) {
	return chromedp.Run(c.ctx, action)
}

// Tab does what opens a tab of its own, and gives that.
func (c *Chromium) Tab(open func()) *Chromium {
	c.tb.Helper()
	opened := chromedp.WaitNewTarget(c.ctx, func(i *target.Info) bool { return i.Type == "page" })
	open()
	select {
	case id := <-opened:
		ctx, leave := chromedp.NewContext(c.ctx, chromedp.WithTargetID(id))
		c.tb.Cleanup(leave)
		tab := *c
		tab.ctx = ctx
		return &tab
	case <-time.After(Patience):
		c.tb.Fatal("no tab opens")
		return nil
	}
}

// Close closes the tab.
func (c *Chromium) Close() {
	c.tb.Helper()
	Must(c.tb, chromedp.Cancel(c.ctx))
}
