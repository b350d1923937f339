// Charts of lines, for what grows.

package present

import (
	"math"
	"slices"
	"strings"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// A series is one line of a chart.
type series struct {
	name   string
	hue    int
	shape  int
	xs, ys []float64
}

// label is what stands beside the line: its name and its last value.
func (s series) label() string {
	return fit(s.name, 190) + " " + measure.Short(s.ys[len(s.ys)-1])
}

// lines draws each row over the X of its metrics; the names are to the right of the field.
func (g *Grid) lines() []byte {
	all := g.series()
	if len(all) == 0 {
		return nil
	}
	names := 0.0
	for _, s := range all {
		names = max(names, width(s.label()))
	}
	const gap, swatch = 26, 16 // between the field and the names, and before each name
	left, top := float64(edge+40), float64(headHeight)
	high := max(300, 17*float64(len(all)))
	x, y := scales(all)
	x.size, y.size = chartWidth-edge-names-swatch-gap-left, high
	c := newCanvas(chartWidth, top+high+footHeight+6, g.Title, g.about(g.Chart, slices.ContainsFunc(g.Metrics, func(m Metric) bool { return m.X > 0 && m.Lower })))
	for _, t := range y.ticks(6) {
		c.line("grid", left, top+high-y.at(t), left+x.size, top+high-y.at(t))
		c.text(left-7, top+high-y.at(t)+4, "dim", "end", round(t))
	}
	c.ticksBelow(measured(all), x, left, top+high)
	c.line("axis", left, top+high, left+x.size, top+high)
	c.text(left+x.size/2, c.h-9, "dim", "middle", g.XLabel)
	at := func(s series, i int) (float64, float64) { return left + x.at(s.xs[i]), top + high - y.at(s.ys[i]) }
	c.names(all, at, left+x.size+gap, top, high)
	for _, s := range slices.Backward(all) { // the best is drawn last, over the others
		c.series(s, at)
	}
	return c.done()
}

// series are the rows that have something to draw, in the grid's order.
func (g *Grid) series() (all []series) {
	next := 2 // the first two hues are taken
	for _, row := range g.Rows {
		s := series{name: row, hue: next, shape: len(all)}
		switch {
		case row == Ours:
			s.hue = 0
		case strings.HasPrefix(row, Floor):
			s.hue = 1
		}
		for _, m := range g.Metrics {
			if v := g.Median(row, m.Key); m.X > 0 && !math.IsNaN(v) {
				s.xs, s.ys = append(s.xs, m.X), append(s.ys, v)
			}
		}
		if len(s.xs) == 0 {
			continue
		}
		if s.hue == next {
			if next++; next == len(hues) {
				next = 2
			}
		}
		all = append(all, s)
	}
	return all
}

// measured are all X, in order.
func measured(all []series) (xs []float64) {
	for _, s := range all {
		xs = append(xs, s.xs...)
	}
	slices.Sort(xs)
	return slices.Compact(xs)
}

// scales takes a logarithmic Y where another would press the lower lines into one. What is not above 0
// has no place on it, and is drawn at its lower end; so is a floor that is far below all others.
func scales(all []series) (x, y scale) {
	xs := measured(all)
	x = scale{low: xs[0], high: xs[len(xs)-1], log: true}
	if x.low == x.high {
		x.low, x.high = x.low/2, x.high*2
	}
	low, floor, least, high := math.Inf(1), math.Inf(1), 0.0, 0.0
	for _, s := range all {
		for _, v := range s.ys {
			least, high = min(least, v), max(high, v)
			switch {
			case v > 0 && s.hue == 1:
				floor = min(floor, v)
			case v > 0:
				low = min(low, v)
			}
		}
	}
	if low = min(low, max(floor, low/10)); math.IsInf(low, 1) {
		low = floor
	}
	if high > 30*low {
		return x, scale{low: low / 1.3, high: high * 1.3, log: true}
	}
	if high == least {
		high = least + 1
	}
	return x, scale{low: least, high: high * 1.05}
}

// ticksBelow labels what was measured, where labels do not run into each other.
func (c *canvas) ticksBelow(xs []float64, x scale, left, y float64) {
	free := math.Inf(-1)
	for _, t := range xs {
		at, w := left+x.at(t), width(round(t))
		c.line("axis", at, y, at, y+4)
		if at-w/2 > free {
			c.text(at, y+17, "dim", "middle", round(t))
			free = at + w/2 + 4
		}
	}
}

// names writes the series' names beside the field, each as near to its line's end as the others let it,
// with a thin line between the two if it ends at the field's edge.
func (c *canvas) names(all []series, at func(series, int) (float64, float64), left, top, high float64) {
	const pitch = 17
	order := slices.Clone(all)
	end := func(s series) float64 { _, y := at(s, len(s.xs)-1); return y }
	slices.SortStableFunc(order, func(a, b series) int {
		if end(a) < end(b) {
			return -1
		}
		return 1
	})
	ys := make([]float64, len(order))
	for i, s := range order {
		ys[i] = max(end(s), top+pitch/2)
		if i > 0 {
			ys[i] = max(ys[i], ys[i-1]+pitch)
		}
	}
	for i, floor := len(ys)-1, top+high; i >= 0; i, floor = i-1, floor-pitch { // and back up, what went too far down
		if i+1 < len(ys) {
			floor = min(floor, ys[i+1]-pitch)
		}
		ys[i] = min(ys[i], floor)
	}
	for i, s := range order {
		if x, y := at(s, len(s.xs)-1); x > left-40 {
			c.line("lead", x+5, y, left-3, ys[i])
		}
		c.glyph(s.hue, s.shape, left+4, ys[i])
		class := ""
		if s.name == Ours {
			class = "ours"
		}
		c.text(left+16, ys[i]+4, class, "start", s.label())
	}
}

func (c *canvas) series(s series, at func(series, int) (float64, float64)) {
	class := "line"
	switch s.hue {
	case 0:
		class += " wide"
	case 1:
		class += " dash"
	}
	var path strings.Builder
	for i := range s.xs {
		x, y := at(s, i)
		path.WriteString(map[bool]string{true: "M", false: "L"}[i == 0] + px(x) + " " + px(y))
	}
	if len(s.xs) > 1 {
		c.add(`<path class="%s s%d" d="%s"/>`, class, s.hue, &path)
	}
	for i := range s.xs {
		x, y := at(s, i)
		c.glyph(s.hue, s.shape, x, y)
	}
}
