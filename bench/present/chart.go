package present

import (
	"bytes"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/lurcher-net/lurcher/bench/measure"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Ours is the row that is ours, shown in another colour; Floor is what no server can be expected to beat.
const Ours, Floor = "lurcher", "floor"

func init() {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	plotter.DefaultFont = plot.DefaultFont
}

var (
	ourColour   = color.RGBA{0xc8, 0x50, 0x1e, 0xff}
	floorColour = color.RGBA{0xb0, 0xb0, 0xb0, 0xff}
	peerColour  = color.RGBA{0x4a, 0x7a, 0xa8, 0xff}
)

// SVG draws the grid's chart: bars of one metric, the best on top, with quartiles as whiskers; or lines
// over the X of its metrics. It is nil if there is nothing to draw.
func (g *Grid) SVG() ([]byte, error) {
	if g.Line {
		return g.lines()
	}
	return g.bars()
}

func (g *Grid) bars() ([]byte, error) {
	i := slices.IndexFunc(g.Metrics, func(m Metric) bool { return m.Key == g.Chart })
	if i < 0 {
		return nil, nil
	}
	var rows []string
	var sums []measure.Summary
	for _, row := range g.Rows {
		if s := measure.Summarize(g.Samples[row][g.Chart]); s.N > 0 {
			rows, sums = append(rows, row), append(sums, s)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	slices.Reverse(rows) // the axis goes up
	slices.Reverse(sums)
	p := plot.New()
	p.Title.Text = g.Title
	p.X.Label.Text = g.Metrics[i].Title
	most := reach(rows, sums)
	var whiskers whisker
	var labels plotter.XYLabels
	for y, s := range sums {
		end := min(s.Median, most)
		bar, err := plotter.NewBarChart(plotter.Values{end}, vg.Points(14))
		if err != nil {
			return nil, err
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(y), 0
		bar.Color = colourOf(rows[y])
		p.Add(bar)
		label := " " + measure.Short(s.Median)
		if end < s.Median {
			label += " →" // the bar is cut off
		} else {
			whiskers.XYs = append(whiskers.XYs, plotter.XY{X: s.Median, Y: float64(y)})
			whiskers.XErrors = append(whiskers.XErrors, struct{ Low, High float64 }{s.Q1 - s.Median, min(s.Q3, most) - s.Median})
			end = min(s.Q3, most)
		}
		labels.XYs = append(labels.XYs, plotter.XY{X: end, Y: float64(y) - 0.15})
		labels.Labels = append(labels.Labels, label)
	}
	if len(whiskers.XYs) > 0 {
		errs, err := plotter.NewXErrorBars(whiskers)
		if err != nil {
			return nil, err
		}
		p.Add(errs)
	}
	values, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	p.Add(values)
	p.X.Min, p.X.Max = 0, max(most, math.SmallestNonzeroFloat32)*1.15 // and room for the last label
	p.NominalY(rows...)
	return render(p, vg.Points(560), vg.Points(70+22*float64(len(rows))))
}

// reach is where bars are cut off, lest one that is far out makes all others look the same: at six times
// ours, or else the median one.
func reach(rows []string, sums []measure.Summary) float64 {
	var all []float64
	most := 0.0
	for _, s := range sums {
		all = append(all, s.Median)
		most = max(most, s.Median, s.Q3)
	}
	base := measure.Summarize(all).Median
	if i := slices.Index(rows, Ours); i >= 0 && sums[i].Median > 0 {
		base = sums[i].Median
	}
	return max(min(most, 6*base), 0)
}

// whisker is the data of error bars.
type whisker struct {
	plotter.XYs
	plotter.XErrors
}

func colourOf(row string) color.Color {
	switch {
	case row == Ours:
		return ourColour
	case strings.HasPrefix(row, Floor):
		return floorColour
	}
	return peerColour
}

func (g *Grid) lines() ([]byte, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = g.Title, g.XLabel, g.Chart
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	low, high := math.Inf(1), 0.0
	for _, row := range g.Rows {
		for _, m := range g.Metrics {
			if y := g.Median(row, m.Key); m.X > 0 && y > 0 {
				low, high = min(low, y), max(high, y)
			}
		}
	}
	// A logarithmic axis where one would press the lines below into one; what is not above 0 is not on it.
	logarithmic := high > 30*low
	if logarithmic {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Legend.Top = true
	drawn := 0
	for i, row := range g.Rows {
		var pts plotter.XYs
		for _, m := range g.Metrics {
			if y := g.Median(row, m.Key); m.X > 0 && !math.IsNaN(y) && (y > 0 || !logarithmic) {
				pts = append(pts, plotter.XY{X: m.X, Y: y})
			}
		}
		if len(pts) == 0 {
			continue
		}
		line, points, err := plotter.NewLinePoints(pts)
		if err != nil {
			return nil, err
		}
		line.Color, points.Shape = plotutil.Color(i), draw.CircleGlyph{}
		switch row {
		case Ours:
			line.Color, line.Width = ourColour, vg.Points(2.5)
		case Floor:
			line.Color = floorColour
		}
		points.Color = line.Color
		p.Add(line, points)
		p.Legend.Add(row, line, points)
		drawn++
	}
	if drawn == 0 {
		return nil, nil
	}
	if logarithmic {
		p.Y.Min, p.Y.Max = low/2, high*2
	} else {
		p.Y.Min, p.Y.Max = min(p.Y.Min, 0), max(p.Y.Max, 0)+math.SmallestNonzeroFloat32
	}
	p.X.Max *= 3 // room for the legend
	return render(p, vg.Points(560), vg.Points(360))
}

func render(p *plot.Plot, w, h vg.Length) ([]byte, error) {
	c := vgsvg.New(w, h)
	p.Draw(draw.Crop(draw.New(c), vg.Points(6), vg.Points(-18), vg.Points(4), vg.Points(-6)))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	// The page's reader may not have that font: these have the same widths.
	return bytes.ReplaceAll(b.Bytes(), []byte("Liberation Sans"), []byte("Liberation Sans,Arial,Helvetica,sans-serif")), err
}
