package page

import (
	"bytes"
	"fmt"
	"image/color"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"gphotos2mqtt/e2e/bench/figures"
)

// The colours of Okabe and Ito, which people who are colour-blind can tell apart.
// Source: https://jfly.uni-koeln.de/color/
var colors = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xB2, A: 255},
	color.RGBA{R: 0xD5, G: 0x5E, B: 0x00, A: 255},
	color.RGBA{R: 0x00, G: 0x9E, B: 0x73, A: 255},
	color.RGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 255},
}

var gray = color.Gray{Y: 0x70}

// pictures draws all that the figures are enough for, as SVG by names.
func pictures(t *testing.T, all figures.Results) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range []struct {
		name, scenario string
		draw           func(s *figures.Scenario) *plot.Plot // nil where what it shows was not measured
	}{
		{"uploads", "uploads", uploads},
		{"lone", "lone", lone},
		{"lone-parts", "lone", loneParts},
		{"peers", "peer", peers},
		{"growth-entries", "growth-entries", growth("linked entries", 0, map[int]string{1: "all online (s)", 2: "idle memory (MB)", 4: "idle processor (% of a core)", 5: "idle wake-ups a second"})},
		{"growth-items", "growth-items", growth("items in the library", 40, map[int]string{1: "first start, all listings (s)", 2: "memory at most (MB)", 3: "requests of the first start"})},
		{"growth-queued", "growth-queued", growth("queued uploads", 45, map[int]string{1: "online (s)", 2: "memory at most (MB)"})},
		{"binary", "binary", program},
	} {
		s, ok := all[p.scenario]
		if !ok || len(s.Tables) == 0 {
			continue
		}
		if drawn := p.draw(s); drawn != nil {
			out[p.name] = svg(t, drawn)
		}
	}
	return out
}

// A canvas knows how wide each of its texts is.
type canvas struct {
	*vgsvg.Canvas
	widths []vg.Length
}

// FillString is vg.Canvas.
func (c *canvas) FillString(face font.Face, at vg.Point, text string) {
	c.widths = append(c.widths, face.Width(text))
	c.Canvas.FillString(face, at, text)
}

var (
	family = regexp.MustCompile(`font-family:[^;"]*`)
	label  = regexp.MustCompile(`<text `)
)

// svg writes a picture that is dark where the reader's system is.
func svg(t *testing.T, p *plot.Plot) string {
	t.Helper()
	c := &canvas{Canvas: vgsvg.New(600, 340)}
	p.Draw(draw.Crop(draw.New(c), 10, -20, 10, -10))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	text := family.ReplaceAllString(buf.String(), "font-family:Liberation Sans,Arial,Helvetica,sans-serif")
	n := 0
	text = label.ReplaceAllStringFunc(text, func(begin string) string { // as wide as it was planned, in any font
		n++
		return fmt.Sprintf(`%slengthAdjust="spacingAndGlyphs" textLength="%.1f" `, begin, c.widths[n-1].Points())
	})
	head, body, _ := strings.Cut(text, "\n<g ")
	return head + "\n<style>@media (prefers-color-scheme: dark) { svg { filter: invert(0.9) hue-rotate(180deg) } }</style>\n" +
		`<rect width="100%" height="100%" fill="white"/>` + "\n<g " + body
}

// newPlot has titles and axes in a font without serifs.
func newPlot(title, x, y string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font.Size, p.Title.Padding = 16, 8
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size, axis.Tick.Label.Font.Size = 13, 12
		axis.Label.Padding, axis.Tick.Marker = 4, plain{}
	}
	// Its texts are on the right of their lines: with another font they need another width.
	p.Legend.TextStyle.Font.Size, p.Legend.Left, p.Legend.Top, p.Legend.Padding = 12, true, true, 3
	p.Add(grid())
	return p
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = color.Gray{Y: 0xDD}, color.Gray{Y: 0xDD}
	return g
}

// line adds points that belong together.
func line(p *plot.Plot, name string, n int, points plotter.XYs) {
	l, dots, err := plotter.NewLinePoints(points)
	must(err)
	l.Color, l.Width = colors[n%len(colors)], 2
	dots.Color, dots.Shape, dots.Radius = l.Color, draw.CircleGlyph{}, 3
	p.Add(l, dots)
	p.Legend.Add(name, l, dots)
}

// goal adds a line that should not be passed.
func goal(p *plot.Plot, name string, n int, y, from, to float64) {
	l, err := plotter.NewLine(plotter.XYs{{X: from, Y: y}, {X: to, Y: y}})
	must(err)
	l.Color, l.Width, l.Dashes = colors[n%len(colors)], 1.5, []vg.Length{6, 4}
	p.Add(l)
	p.Legend.Add(name, l)
}

func must(err error) {
	if err != nil {
		panic(err) // figures that cannot be drawn are a mistake in this package
	}
}

// column is one column of a table against another.
func column(t figures.Table, x, y int) (points plotter.XYs) {
	for _, row := range t.Rows {
		points = append(points, plotter.XY{X: row.Cells[x], Y: row.Cells[y]})
	}
	return points
}

func uploads(s *figures.Scenario) *plot.Plot {
	t := s.Tables[0]
	p := newPlot("200 photos of 27 KB into a new album", "uploads at the same time (GPHOTOS_UPLOADS)", "seconds")
	for n := 1; n < len(t.Columns); n++ {
		if name, ok := strings.CutSuffix(t.Columns[n], " (s)"); ok {
			line(p, name, n-1, column(t, 0, n))
		}
	}
	from, to := t.Rows[0].Cells[0], t.Rows[len(t.Rows)-1].Cells[0]
	goal(p, "goal A, quiet", 0, 3.9, from, to)
	goal(p, "goal B, quiet", 1, 9, from, to)
	p.Y.Min, p.Y.Max = 0, max(20, p.Y.Max) // room for the legend
	mark, err := plotter.NewLine(plotter.XYs{{X: byDefault(), Y: 0}, {X: byDefault(), Y: 0.5 * p.Y.Max}})
	must(err)
	mark.Color, mark.Width, mark.Dashes = gray, 1.5, []vg.Length{2, 3}
	p.Add(mark)
	p.Legend.Add("default", mark)
	p.Legend.XOffs = 330
	return p
}

// byDefault is how many uploads there are at the same time when nothing is set.
func byDefault() float64 {
	text, err := os.ReadFile("../../../README.md")
	must(err)
	found := regexp.MustCompile("\\| `GPHOTOS_UPLOADS` \\| `(\\d+)` \\|").FindSubmatch(text)
	uploads, err := strconv.ParseFloat(string(found[1]), 64)
	must(err)
	return uploads
}

func lone(s *figures.Scenario) *plot.Plot {
	t := s.Tables[0]
	p := newPlot("A lone photo of 200 KB, from publish to done", "milliseconds", "photos that are done by then (%)")
	points := plotter.XYs{}
	for _, row := range t.Rows {
		points = append(points, plotter.XY{X: row.Cells[1], Y: row.Cells[0]})
	}
	l, err := plotter.NewLine(points)
	must(err)
	l.Color, l.Width = colors[0], 2
	p.Add(l)
	for n, at := range []struct {
		name string
		x, y float64
	}{{"goal: half of them within 5 ms", 5, 50}, {"goal: 99 of 100 within 15 ms", 15, 99}} {
		mark, err := plotter.NewLine(plotter.XYs{{X: 0, Y: at.y}, {X: at.x, Y: at.y}, {X: at.x, Y: 0}})
		must(err)
		mark.Color, mark.Width, mark.Dashes = colors[n+1], 1.5, []vg.Length{6, 4}
		p.Add(mark)
		p.Legend.Add(at.name, mark)
	}
	p.Legend.Top, p.Legend.XOffs = false, 280
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0, 100
	p.X.Max = max(16, points[len(points)-1].X)
	return p
}

// bars draws one bar for each row of a table, the first on top, in the colour of its kind.
func bars(p *plot.Plot, t figures.Table, cell int, kind func(name string) int) {
	names, values := make([]string, len(t.Rows)), make(plotter.Values, len(t.Rows))
	kinds := map[int]plotter.Values{}
	for i, row := range slices.Backward(t.Rows) {
		at := len(names) - 1 - i
		names[at], values[at] = row.Name+" ", row.Cells[cell]
		of := kind(row.Name)
		if kinds[of] == nil {
			kinds[of] = make(plotter.Values, len(t.Rows))
		}
		kinds[of][at] = row.Cells[cell]
	}
	for _, of := range slices.Sorted(maps.Keys(kinds)) {
		b, err := plotter.NewBarChart(kinds[of], vg.Points(min(18, 200/float64(len(values)))))
		must(err)
		b.Color, b.Horizontal, b.LineStyle.Width = colors[of], true, 0
		p.Add(b)
	}
	p.NominalY(names...)
	labels := plotter.XYLabels{XYs: make(plotter.XYs, len(values)), Labels: make([]string, len(values))}
	for i, v := range values {
		labels.XYs[i], labels.Labels[i] = plotter.XY{X: v, Y: float64(i)}, number(v)
	}
	l, err := plotter.NewLabels(labels)
	must(err)
	l.Offset.X = 4
	for i := range l.TextStyle {
		l.TextStyle[i].YAlign, l.TextStyle[i].Font.Size = draw.YCenter, 11
	}
	p.Add(l)
	p.X.Min, p.X.Max = 0, slices.Max(values)*1.12
}

func one(string) int { return 0 }

func loneParts(s *figures.Scenario) *plot.Plot {
	if len(s.Tables) < 2 {
		return nil
	}
	p := newPlot("Where the time of a lone photo goes", "milliseconds (median)", "")
	bars(p, s.Tables[1], 0, one)
	return p
}

func program(s *figures.Scenario) *plot.Plot {
	p := newPlot("What the program consists of", "MB, each with its part of Go's tables", "")
	bars(p, grouped(s.Tables[0], 0.1), 1, one)
	return p
}

// grouped adds the rows up that have little in the second cell.
func grouped(t figures.Table, little float64) (few figures.Table) {
	rest := figures.Row{Name: "all others", Cells: make([]float64, len(t.Columns))}
	for _, row := range t.Rows {
		if row.Cells[1] >= little {
			few.Rows = append(few.Rows, row)
			continue
		}
		for n, cell := range row.Cells {
			rest.Cells[n] += cell
		}
	}
	rest.Cells[1] = math.Round(rest.Cells[1]*1000) / 1000
	few.Rows = append(few.Rows, rest)
	return few
}

func peers(s *figures.Scenario) *plot.Plot {
	p := newPlot("Into a new album: how long it takes, beside rclone", "seconds", "")
	all := figures.Table{}
	for _, t := range s.Tables {
		for _, row := range t.Rows {
			kind, _, _ := strings.Cut(t.Name, ":")
			name := strings.NewReplacer("--transfers 16", "16 transfers", "--transfers 50 --gphotos-batch-size 50", "50, in batches of 50").Replace(row.Name)
			if _, settings, ok := strings.Cut(name, " "); ok && strings.HasPrefix(name, "rclone") { // without its version
				_, settings, _ = strings.Cut(settings, " ")
				name = "rclone " + settings
			}
			row.Name = kind + ": " + name
			all.Rows = append(all.Rows, row)
		}
	}
	bars(p, all, 0, func(name string) int {
		if strings.Contains(name, "gphotos2mqtt") {
			return 0
		}
		return 1
	})
	return p
}

// growth draws columns against the first, both by powers of ten, what grows as fast as
// that, and how much memory there may be in the end (0 = no goal).
func growth(what string, memory float64, columns map[int]string) func(s *figures.Scenario) *plot.Plot {
	return func(s *figures.Scenario) *plot.Plot {
		t := s.Tables[len(s.Tables)-1]
		p := newPlot("Growth with "+what, what, "units as in the legend")
		lowest, from, to := math.Inf(1), t.Rows[0].Cells[0], t.Rows[len(t.Rows)-1].Cells[0]
		n := 0
		for at := range t.Columns {
			name, ok := columns[at]
			if !ok {
				continue
			}
			points := column(t, 0, at)
			for i := range points {
				points[i].Y = max(points[i].Y, 0.001) // a logarithm has no zero
				lowest = min(lowest, points[i].Y)
			}
			line(p, name, n, points)
			n++
		}
		l, err := plotter.NewLine(plotter.XYs{{X: from, Y: lowest}, {X: to, Y: lowest * to / from}})
		must(err)
		l.Color, l.Dashes = gray, []vg.Length{2, 3}
		p.Add(l)
		p.Legend.Add("linear", l)
		if memory > 0 {
			goal(p, fmt.Sprintf("goal: %v MB with %s", memory, number(to)), 1, memory, from, to)
		}
		p.Legend.XOffs = 10
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = tens{}, tens{}
		return p
	}
}
