// The sentence below a table of the suite growth: which rows are flat.

package suite

import (
	"fmt"
	"math"
	"strings"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A row grows if a point is more than this much above one before it, and falls if the last is as much below the first.
const flatWithin = 1.25

// trend says of a grid of costs over X which rows are flat, which fall, and which grow: one that is flat costs the same
// for each, however many there are.
func trend(g *present.Grid) string {
	var flat, falls, grows []string
	for _, row := range g.Rows {
		xs, ys := points(g, row)
		if len(xs) < 2 {
			continue
		}
		first, last, lowest, rise := ys[0], ys[len(ys)-1], ys[0], 1.0
		for _, y := range ys {
			lowest = min(lowest, y)
			rise = max(rise, y/lowest)
		}
		what := fmt.Sprintf("%s %s to %s", row, measure.Short(first), measure.Short(last))
		switch by := xs[len(xs)-1] / xs[0]; {
		case rise > flatWithin && math.Log(last/first) > 0.8*math.Log(by):
			grows = append(grows, what+", in proportion")
		case rise > flatWithin:
			grows = append(grows, fmt.Sprintf("%s, at most %.2f times what it was", what, rise))
		case last < first/flatWithin:
			falls = append(falls, what)
		default:
			flat = append(flat, what)
		}
	}
	var text []string
	for _, part := range []struct {
		name string
		rows []string
	}{{"Flat", flat}, {"Falling", falls}, {"Growing", grows}} {
		if len(part.rows) > 0 {
			text = append(text, part.name+": "+strings.Join(part.rows, "; ")+".")
		}
	}
	if len(text) == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s, from %s to %s %s. %s", g.Foot, g.Chart, short(g, 0), short(g, -1), g.XLabel, strings.Join(text, " ")))
}

// points are the medians of a row's metrics that have an X.
func points(g *present.Grid, row string) (xs, ys []float64) {
	for _, m := range g.Metrics {
		if y := g.Median(row, m.Key); m.X > 0 && y > 0 {
			xs, ys = append(xs, m.X), append(ys, y)
		}
	}
	return xs, ys
}

// short is an X of the grid: the first, or with -1 the last.
func short(g *present.Grid, at int) string {
	var xs []float64
	for _, m := range g.Metrics {
		if m.X > 0 {
			xs = append(xs, m.X)
		}
	}
	return measure.Short(xs[(at+len(xs))%len(xs)])
}
