// Charts of bars.

package present

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// Ours is the row that is ours, shown in another colour; Floor is what no server can be expected to beat.
const Ours, Floor = "lurcher", "floor"

// Sizes of all charts, in pixels.
const (
	chartWidth = 760
	edge       = 16 // around everything
	headHeight = 56 // of the title and the line below it
	rowHeight  = 22
	barHeight  = 13
	footHeight = 40 // of the ticks' labels and what the axis is
)

// cutAt is how many times ours a bar may be: one that is far out would make all others look the same.
const cutAt = 6

// SVG draws the grid's chart: bars of one metric, the best on top, with quartiles as whiskers; or lines
// over the X of its metrics. It is nil if there is nothing to draw.
func (g *Grid) SVG() []byte {
	if g.Line {
		return g.lines()
	}
	return g.bars()
}

// A bar is one row of a chart.
type bar struct {
	name string
	sum  measure.Summary
}

func (g *Grid) bars() []byte {
	i := slices.IndexFunc(g.Metrics, func(m Metric) bool { return m.Key == g.Chart })
	if i < 0 {
		return nil
	}
	var rows []bar
	rounds := 0
	for _, row := range g.Rows {
		if s := measure.Summarize(g.Samples[row][g.Chart]); s.N > 0 {
			rows = append(rows, bar{row, s})
			rounds = max(rounds, s.N)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	left := 0.0
	for _, r := range rows {
		left = max(left, width(r.name))
	}
	left = edge + min(left, 250) + 10
	c := newCanvas(chartWidth, headHeight+rowHeight*float64(len(rows))+footHeight+8, g.Title, g.about(g.Metrics[i].Title, g.Metrics[i].Lower))
	c.plotBars(left, headHeight, chartWidth-edge-left, rows, 6)
	var foot []string
	if rounds > 1 {
		foot = append(foot, fmt.Sprintf("medians of %d rounds; whiskers are the quartiles", rounds))
	}
	if most := reach(rows); slices.ContainsFunc(rows, func(r bar) bool { return r.sum.Median > most }) {
		foot = append(foot, fmt.Sprintf("bars with two strokes are cut off: over %d times lurcher's", cutAt))
	}
	c.text(edge, c.h-12, "dim", "start", strings.Join(foot, "; "))
	return c.done()
}

// about is what stands below a title: what is measured, on which processor, and when.
func (g *Grid) about(what string, less bool) string {
	better := "more is better"
	if less {
		better = "less is better"
	}
	if what != g.Title {
		better = what + ", " + better
	}
	if g.Where != "" {
		better += " · " + g.Where
	}
	return better
}

// plotBars draws rows with their names, values, whiskers and an axis, in a field at left, top.
func (c *canvas) plotBars(left, top, w float64, rows []bar, ticks int) {
	most := reach(rows)
	const room = 62 // for the value beyond the longest bar
	x := scale{0, most, w - room, false}
	bottom := top + rowHeight*float64(len(rows))
	for _, t := range x.ticks(ticks) {
		c.line("grid", left+x.at(t), top, left+x.at(t), bottom+4)
		c.text(left+x.at(t), bottom+16, "dim", "middle", round(t))
	}
	for i, r := range rows {
		mid := top + rowHeight*(float64(i)+0.5)
		class := ""
		if r.name == Ours {
			class = "ours"
		}
		c.text(left-8, mid+4, class, "end", fit(r.name, left-edge-8))
		end := x.at(max(min(r.sum.Median, most), 0))
		c.add(`<rect class="%s" x="%s" y="%s" width="%s" height="%d"/>`, r.class(), px(left), px(mid-barHeight/2.0), px(end), barHeight)
		if r.sum.Median > most {
			for _, dx := range []float64{14, 20} { // two strokes say that it goes on
				c.line("cut", left+end-dx-4, mid+barHeight, left+end-dx+4, mid-barHeight)
			}
		} else if r.sum.N > 1 {
			low, high := x.at(max(min(r.sum.Q1, most), 0)), x.at(max(min(r.sum.Q3, most), 0))
			c.add(`<path class="whisker" d="M%s %sH%sM%[1]s %[4]sv6M%[3]s %[4]sv6"/>`, px(left+low), px(mid), px(left+high), px(mid-3))
			end = max(end, high)
		}
		c.text(left+end+7, mid+4, class, "start", measure.Short(r.sum.Median))
	}
	c.line("axis", left, top, left, bottom)
}

// reach is where bars are cut off: at cutAt times ours, or else the median one.
func reach(rows []bar) float64 {
	var all []float64
	most := 0.0
	for _, r := range rows {
		all = append(all, r.sum.Median)
		most = max(most, r.sum.Median, r.sum.Q3)
	}
	base := measure.Summarize(all).Median
	if i := slices.IndexFunc(rows, func(r bar) bool { return r.name == Ours }); i >= 0 && rows[i].sum.Median > 0 {
		base = rows[i].sum.Median
	}
	if base > 0 {
		most = min(most, cutAt*base)
	}
	if most <= 0 {
		return 1
	}
	return most
}

func (b bar) class() string {
	switch {
	case b.name == Ours:
		return "b0"
	case strings.HasPrefix(b.name, Floor):
		return "b1"
	}
	return "b2"
}
