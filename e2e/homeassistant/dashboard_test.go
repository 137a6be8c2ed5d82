package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.yaml.in/yaml/v3"

	"gphotos2mqtt/e2e/e2etest"
	"gphotos2mqtt/photos/photosim"
)

// TestHomeAssistantDashboard pastes the example of a view into a new dashboard, as a
// user does, and looks at it in a browser. With -update it takes the pictures of docs/images.
func TestHomeAssistantDashboard(t *testing.T) {
	h := newHome(t, "", nil)
	b := &frontend{e2etest.StartChromium(t), h}
	for n, album := range []string{"Front door", "Front door", "Garden", "Cat", "Garden", "Front door", "Garden", "Cat", "Front door"} {
		name := strings.ReplaceAll(strings.ToLower(album), " ", "_") + "_" + time.Date(2026, 11, n+1, 8, n*7, 0, 0, time.UTC).Format("20060102_1504") + ".jpg"
		e2etest.Must(t, os.WriteFile(filepath.Join("/media", name), scene(t, n), 0o644))
		h.send("upload", `{"path": "/media/`+name+`", "album": "`+album+`"}`)
		h.uploaded(album)
	}
	h.everything()
	h.until("sensor.gphotos_home_recent_media", "all", func(e entity) bool { return e.State == "9" })
	h.until("sensor.gphotos_home_albums", "all", func(e entity) bool { return e.State == "3" })
	var view fields
	e2etest.Must(t, yaml.Unmarshal([]byte(example(t, []string{"dashboard.yaml"})), &view))
	h.ask("lovelace/dashboards/create", fields{"url_path": "google-photos", "title": "Google Photos", "icon": view["icon"], "mode": "storage"}, nil)
	h.ask("lovelace/config/save", fields{"url_path": "google-photos", "config": fields{"views": []any{view}}}, nil)

	b.login()
	h.run(t, "linked", func() {
		b.open("/google-photos/google-photos", 2+9+3, "Latest upload", "Front door", "Garden", "Cat", "Uploaded")
		if b.has("Link account", "waits", "Google has ended") {
			h.t.Error("the dashboard speaks of a problem that there is none of")
		}
		b.pictured("home-assistant-dashboard")
	})
	h.run(t, "media browser", func() {
		b.open("/media-browser/browser/app%2Cmedia-source%3A%2F%2Fimage", 0, "Latest upload", "Front door")
		b.pictured("home-assistant-media")
	})
	h.run(t, "relink", func() {
		h.Google.Revoke(photosim.DefaultAccountID)
		h.press("refresh")
		h.becomes("sensor.gphotos_home_link_status", "relink")
		b.open("/google-photos/google-photos", 0, "Link account", "appears here")
		h.press("link")
		h.until("sensor.gphotos_home_link_status", "with an address, while it is still to be linked again", func(e entity) bool {
			return e.State == "relink" && e.Attributes["url"] != ""
		})
		b.open("/google-photos/google-photos", 0, "Open this address")
		b.pictured("home-assistant-linking")
	})
}

// A frontend is Home Assistant's own, in a browser.
type frontend struct {
	*e2etest.Chromium
	h *home
}

// login gives the browser the owner's tokens, as if it had logged in.
func (f *frontend) login() {
	f.h.t.Helper()
	tokens, err := json.Marshal(fields{
		"access_token": f.h.token, "refresh_token": f.h.refresh, "token_type": "Bearer", "expires_in": 1800,
		"expires": time.Now().Add(25 * time.Minute).UnixMilli(), "hassUrl": origin, "clientId": origin + "/", "ha_auth_provider": "homeassistant",
	})
	e2etest.Must(f.h.t, err)
	text, err := json.Marshal(string(tokens))
	e2etest.Must(f.h.t, err)
	f.Do(chromedp.Navigate(origin + "/manifest.json"))
	e2etest.Ask(f.Chromium, chromedp.Evaluate[bool](`localStorage.setItem("hassTokens", `+string(text)+`), true`))
}

// shown is what a person sees of the page.
type shown struct {
	Text    string
	Images  int      // that are drawn
	Broken  []string // cards that say they are, and pictures that did not load
	Loading int      // pictures
	Icons   []string // that have no drawing
}

// look goes through the page with its shadow roots, after a pause that lets it get on.
const look = `new Promise(done => setTimeout(() => {
	const out = {Text: "", Images: 0, Broken: [], Loading: 0, Icons: []};
	const walk = node => {
		if (node.nodeType === Node.TEXT_NODE) { out.Text += node.textContent + "\n"; return; }
		const name = (node.localName || "");
		if (["style", "script", "template"].includes(name)) return;
		if (name === "hui-error-card" || name === "hui-warning") out.Broken.push(name + " " + node.textContent);
		if (name === "img") {
			if (!node.complete) out.Loading++;
			else if (node.naturalWidth === 0) out.Broken.push("img " + node.src);
			else out.Images++;
		}
		if (name === "ha-icon" && node.icon?.startsWith("mdi:") && node.shadowRoot && !node.shadowRoot.querySelector("ha-svg-icon")?.shadowRoot?.querySelector("path")?.getAttribute("d"))
			out.Icons.push(node.icon);
		for (const child of (node.shadowRoot ? [...node.shadowRoot.childNodes] : [])) walk(child);
		for (const child of node.childNodes) walk(child);
	};
	walk(document.body);
	done(out);
}, 100))`

// open goes to a page and waits until it shows all words and so many pictures, every
// picture that it has and every icon.
func (f *frontend) open(path string, images int, words ...string) {
	f.h.t.Helper()
	f.Do(chromedp.Navigate(origin + path))
	var last shown
	defer func() {
		if f.h.t.Failed() {
			last.Text = strings.Join(strings.Fields(last.Text), " ")
			f.h.t.Logf("the page shows %+v", last)
		}
	}()
	e2etest.Until(f.h.t, path+" to be complete", func() bool {
		var err error
		last, err = e2etest.Try(f.Chromium, chromedp.Evaluate[shown](look, chromedp.EvalAwaitPromise))
		for _, word := range words {
			if !strings.Contains(last.Text, word) {
				return false
			}
		}
		return err == nil && last.Images >= images && last.Loading == 0 && len(last.Broken) == 0 && len(last.Icons) == 0
	})
}

// has reports whether the page shows any of the words.
func (f *frontend) has(words ...string) bool {
	f.h.t.Helper()
	page := e2etest.Ask(f.Chromium, chromedp.Evaluate[shown](look, chromedp.EvalAwaitPromise))
	for _, word := range words {
		if strings.Contains(page.Text, word) {
			f.h.t.Logf("the page shows %q", word)
			return true
		}
	}
	return false
}

// pictured takes the pictures of a page for the docs, when they are wanted.
func (f *frontend) pictured(name string) {
	f.h.t.Helper()
	if !*update {
		return
	}
	for width, size := range map[string][2]int64{"phone": {412, 915}, "desktop": {1440, 900}} {
		f.Do(chromedp.EmulateViewport(size[0], size[1], chromedp.EmulateScale(1)))
		e2etest.Ask(f.Chromium, chromedp.Evaluate[bool](`new Promise(done => setTimeout(() => done(true), 1500))`, chromedp.EvalAwaitPromise))
		png := e2etest.Ask(f.Chromium, chromedp.CaptureScreenshot())
		f.Do(chromedp.EmulateReset())
		e2etest.Must(f.h.t, os.WriteFile(filepath.Join("..", "..", "docs", "images", name+"-"+width+".png"), png, 0o644))
	}
}

// scene is a picture that can be told from others: a sun above hills.
func scene(tb testing.TB, n int) []byte {
	tb.Helper()
	const width, height = 960, 640
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	sky := [3]float64{90 + 16*float64(n%8), 150 - 9*float64(n%7), 220 - 18*float64(n%9)}
	sunX, sunY := 120+float64(n*97%720), 120+float64(n*53%160)
	for y := range height {
		for x := range width {
			at, hill := [3]float64{}, 0.62+0.12*math.Sin(float64(x)/(110+float64(n*13))+float64(n))
			down := float64(y) / height
			switch {
			case down > hill+0.15:
				at = [3]float64{40, 84 + 8*float64(n%5), 52}
			case down > hill:
				at = [3]float64{70, 120 + 9*float64(n%6), 78}
			case math.Hypot(float64(x)-sunX, float64(y)-sunY) < 54:
				at = [3]float64{252, 226, 140}
			default:
				for i := range at {
					at[i] = sky[i] + (245-sky[i])*down
				}
			}
			img.SetRGBA(x, y, color.RGBA{uint8(at[0]), uint8(at[1]), uint8(at[2]), 255})
		}
	}
	var b bytes.Buffer
	e2etest.Must(tb, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}
