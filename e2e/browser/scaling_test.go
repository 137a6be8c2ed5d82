package browser_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"gphotos2mqtt/e2e/e2etest"
)

const scalingPage = "../../docs/scaling.html"

// TestBrowserScalingArithmetic runs the script of the page in Node: what is simple enough to be known beforehand comes out.
func TestBrowserScalingArithmetic(t *testing.T) {
	page, err := os.ReadFile(scalingPage)
	e2etest.Must(t, err)
	script := regexp.MustCompile(`(?s)<script id="arithmetic">(.*?)</script>`).FindSubmatch(page)
	figures, err := os.ReadFile("../../docs/scaling.json")
	e2etest.Must(t, err)
	dir := t.TempDir()
	e2etest.Must(t, os.WriteFile(filepath.Join(dir, "arithmetic.js"), script[1], 0o600))
	const load = `{entries: 1000, uploads: 0, together: 1, size: 0.5, busiest: 15, albums: 0, items: 0, pictures: 0, outage: 24,
		use: 100, verified: true`
	for expression, want := range map[string]string{
		// At rest: 30 pages of the library and 0 of albums a day; 10,000 / 30 entries of a project.
		`compute(f, ` + load + `}).each`:                                                     "30",
		`compute(f, ` + load + `}).projects`:                                                 "4",
		`compute(f, ` + load + `}).rate`:                                                     "0",
		`compute(f, ` + load + `}).clusters`:                                                 "1",
		`compute(f, ` + load + `, albums: 51, items: 100}).each`:                             "150", // 30 * (1 + 2 + 2)
		`compute(f, ` + load + `, uploads: 10}).each`:                                        "60",  // and for each the bytes, an item, a look
		`compute(f, ` + load + `, uploads: 10, size: 6}).each`:                               "70",
		`compute(f, ` + load + `, uploads: 100, together: 50}).each`:                         "134", // 30 + 100 + 2 + 2
		`compute(f, ` + load + `, verified: false}).projects`:                                "10",  // of 100 users each
		`compute(f, ` + load + `, pictures: 750}).entriesPerProject`:                         "100",
		`compute(f, ` + load + `, pictures: 80000}).projects`:                                "null", // one entry is too much for a project
		`compute(f, ` + load + `, uploads: 36, busiest: 100}).rate`:                          "10",
		`compute(f, ` + load + `, uploads: 36, busiest: 100}).messages`:                      "161",
		`compute(f, ` + load + `, uploads: 36, busiest: 100, size: 1}).messages`:             "171", // a second piece
		`compute(f, ` + load + `, uploads: 36000, busiest: 100}).clusters`:                   "43",  // 161,000 messages / 3,800
		`Math.round(compute(f, ` + load + `, uploads: 36, size: 1, outage: 12}).diskServer)`: "18",  // 1000 * 36 MB / 2
		`compute(f, ` + load + `}).processes`:                                                "3",
		`compute(f, ` + load + `}).held`:                                                     "500",
		`compute(f, {...` + load + `}, entries: 10000}).processes`:                           "11",
		`compute(f, ` + load + `}).connections`:                                              "1001",
		`limits(f, ` + load + `}).map((l) => l.at).join()`:                                   `"333,1000,1000"`,
		`limits(f, {...` + load + `}, uploads: 36, busiest: 100}).length`:                    "4",
	} {
		code := `const {compute, limits} = require("./arithmetic.js"); const f = {};
			for (const {id, value} of ` + string(figures) + `) f[id] = value;
			console.log(JSON.stringify(` + expression + `))`
		cmd := exec.CommandContext(t.Context(), "node", "-e", code)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s = %s, want %s (%v)", expression, got, want, err)
		}
	}
}

// TestBrowserScaling opens the page from the disk: narrow and wide, light and dark, it has its results, nothing sticks out, and it asks for
// nothing.
func TestBrowserScaling(t *testing.T) {
	path, err := filepath.Abs(scalingPage)
	e2etest.Must(t, err)
	for _, width := range []int64{360, 1280} {
		for scheme, paper := range map[string]string{"0": "rgb(20, 23, 27)", "1": "rgb(255, 255, 255)"} { // dark, light
			c := e2etest.StartChromium(t, "blink-settings=preferredColorScheme="+scheme)
			c.Do(chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+path))
			if got := evaluate(c, `getComputedStyle(document.body).backgroundColor`); got != paper {
				t.Errorf("the paper is %s, not %s", got, paper)
			}
			cells := evaluate(c, `document.querySelectorAll("#results tbody td").length + ", " + document.documentElement.scrollWidth`)
			if cells != fmt.Sprintf("72, %d", width) {
				t.Errorf("%d wide: cells and width are %s", width, cells)
			}
			if got := evaluate(c, `String(performance.getEntriesByType("resource").length)`); got != "0" {
				t.Errorf("the page asks for %s", got)
			}
			evaluate(c, `const e = document.getElementById("entries"); e.value = "50"; e.dispatchEvent(new Event("input", {bubbles: true})); ""`)
			if got := evaluate(c, `document.getElementById("next").textContent`); !strings.HasPrefix(got, "With 50 entries the next limit is at") {
				t.Errorf("the next limit: %s", got)
			}
			evaluate(c, `e.value = "-1"; e.dispatchEvent(new Event("input", {bubbles: true})); ""`)
			if got := evaluate(c, `document.getElementById("wrong").textContent`); !strings.HasPrefix(got, "Entries: ") {
				t.Errorf("what is wrong: %q", got)
			}
		}
	}
}

func evaluate(c *e2etest.Chromium, expression string) string {
	return e2etest.Ask(c, chromedp.Evaluate[string](expression))
}
