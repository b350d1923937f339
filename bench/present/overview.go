// The chart at the top of the project's README.

package present

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// Overview is the name of the chart at the top of the project's README: a few disciplines, in each of them
// lurcher and those whom most would take instead, with lurcher as 1.
const Overview = "overview"

// A panel is one discipline of it: a metric of a grid, and at most panelRows who take part.
type panel struct {
	title  string
	grid   string
	metric string // empty: the last
	unit   string
	who    []string
}

const panelRows = 6

var panels = []panel{
	{"Parsing a request head", "parsers-mix", "ns", "ns", []string{"picohttpparser (C)", "httparse (Rust)", "llhttp (C)", "fasthttp", "net/http"}},
	{"Server: CPU of a hello", "hello-64", "cpu", "µs", []string{"gnet", "nginx", "h2o", "fasthttp", "net"}},
	{"Server: 16 pipelined", "pipelined-16", "cpu", "µs", []string{"gnet", "fasthttp", "nginx", "h2o", "net"}},
	{"Client: CPU of a request", "client-64", "cpu", "µs", []string{"fasthttp", "hertz", "net", "undici", "node"}},
	{"WebSocket: CPU of an echo", "ws-64-64", "cpu", "µs", []string{"gws", "nbio", "gorilla", "coder", "node ws"}},
	{"Memory of an idle connection", "idle-rss", "", "bytes", []string{"gnet", "nginx", "h2o", "fasthttp", "net"}},
}

// shown are the names that most readers know a contender by.
var shown = map[string]string{
	"net": "net/http", "node ws": "ws (node)", "undici": "undici (node)", "node": "node's http",
	"picohttpparser (C)": "picohttpparser", "httparse (Rust)": "httparse", "llhttp (C)": "llhttp",
}

func name(row string) string {
	if s := shown[row]; s != "" {
		return s
	}
	return row
}

// Grid is the grid of that name, nil if there is none.
func (r *Report) Grid(name string) *Grid {
	for _, g := range r.Grids {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// Ratio is how many times lurcher's a row's metric is: the median of the ratios by round.
func (g *Grid) Ratio(row, metric string) float64 {
	return measure.Summarize(measure.Ratios(g.Samples[row][metric], g.Samples[Ours][metric])).Median
}

// overview draws the panels of which something was measured; nil if there are none.
func (r *Report) overview() []byte {
	const columns, gap, high = 3, 14, 40 + 20*panelRows
	type drawn struct {
		panel
		g *Grid
	}
	var all []drawn
	for _, p := range panels {
		g := r.Grid(p.grid)
		if g == nil || len(g.Metrics) == 0 {
			continue
		}
		if p.metric == "" {
			p.metric = g.last()
		}
		if !math.IsNaN(g.Median(Ours, p.metric)) {
			all = append(all, drawn{p, g})
		}
	}
	if len(all) == 0 {
		return nil
	}
	const w = 920
	rows := (len(all) + columns - 1) / columns
	about := "times lurcher's, less is better · " + all[0].g.Where
	c := newCanvas(w, headHeight+float64(rows)*(high+10)+4, "lurcher beside its peers", about)
	wide := (w - 2*edge - (columns-1)*gap) / float64(columns)
	for i, p := range all {
		c.panel(p.g, p.panel, edge+float64(i%columns)*(wide+gap), headHeight+float64(i/columns)*(high+10), wide)
	}
	return c.done()
}

// last is the last metric with an X, the largest number of connections say.
func (g *Grid) last() string {
	key := g.Metrics[0].Key
	for _, m := range g.Metrics {
		if m.X > 0 {
			key = m.Key
		}
	}
	return key
}

// panel draws one discipline. All have the same scale, so that they can be compared.
func (c *canvas) panel(g *Grid, p panel, left, top, w float64) {
	const names, room, pitch = 104, 42, 20
	x := scale{0, cutAt, w - names - room, false}
	c.text(left, top+14, "head", "start", p.title)
	c.text(left, top+29, "dim", "start", fmt.Sprintf("lurcher: %s %s", measure.Short(g.Median(Ours, p.metric)), p.unit))
	left += names
	rows := append([]string{Ours}, p.who...)
	rows = slices.DeleteFunc(rows, func(row string) bool { return math.IsNaN(g.Ratio(row, p.metric)) })
	slices.SortStableFunc(rows, func(a, b string) int { return cmp.Compare(g.Ratio(a, p.metric), g.Ratio(b, p.metric)) })
	for i, row := range rows[:min(len(rows), panelRows)] {
		ratio := g.Ratio(row, p.metric)
		mid := top + 36 + pitch*(float64(i)+0.5)
		class := ""
		if row == Ours {
			class = "ours"
		}
		c.text(left-7, mid+4, class, "end", fit(name(row), names-9))
		end := x.at(max(min(ratio, cutAt), 0))
		c.add(`<rect class="%s" x="%s" y="%s" width="%s" height="12"/>`, bar{name: row}.class(), px(left), px(mid-6), px(end))
		if ratio > cutAt {
			for _, dx := range []float64{12, 18} {
				c.line("cut", left+end-dx-4, mid+11, left+end-dx+4, mid-11)
			}
		}
		c.text(left+end+6, mid+4, class, "start", times(ratio))
	}
	bars := min(len(rows), panelRows)
	c.line("one", left+x.at(1), top+36, left+x.at(1), top+36+pitch*float64(bars))
	c.line("axis", left, top+36, left, top+36+pitch*float64(bars))
}

// times writes a ratio: as many digits as one would say.
func times(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x == 1:
		return "1"
	case x >= 9.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 1.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
