// SVG: styles and shapes for the charts.

package present

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// style holds both colour schemes. A class says what something is; the reader's system says which scheme.
// The ground is painted too: on a page of the other scheme the chart can still be read.
const style = `<style>
text{font-family:-apple-system,"Segoe UI","Liberation Sans",Arial,Helvetica,sans-serif;font-size:12px;fill:#1f2328}
.title{font-size:15px;font-weight:600}.head{font-size:13px;font-weight:600}.ours{font-weight:700}
.dim{font-size:11px;fill:#59636e}
.ground{fill:#fff;stroke:#d1d9e0}.cut{stroke:#fff;stroke-width:2.5}
.grid{stroke:#e6eaef}.axis{stroke:#8c959f}.whisker{stroke:#1f2328;stroke-width:1.2;fill:none}.lead,.one{stroke:#afb8c1;stroke-dasharray:2 2}
.b0{fill:#d1501b}.b1{fill:#afb8c1}.b2{fill:#5b8db8}
.line{fill:none;stroke-width:1.8}.wide{stroke-width:3.2}.dash{stroke-dasharray:6 3}
%s@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}
.ground{fill:#0d1117;stroke:#3d444d}.cut{stroke:#0d1117}
.grid{stroke:#262c36}.axis{stroke:#6e7681}.whisker{stroke:#e6edf3}.lead,.one{stroke:#59636e}
.b0{fill:#f0713a}.b1{fill:#59636e}.b2{fill:#4a7fb0}
%s}</style>
`

// hues are the colours of lines, light and dark: ours, the floor's, and the others' in turn.
var hues = [][2]string{
	{"#d1501b", "#f0713a"}, {"#8c959f", "#848d97"},
	{"#0969da", "#58a6ff"}, {"#1a7f37", "#3fb950"}, {"#8250df", "#bc8cff"}, {"#9a6700", "#d29922"}, {"#bf3989", "#f778ba"},
	{"#0e7490", "#39c5cf"}, {"#57606a", "#c9d1d9"}, {"#6b3f1d", "#c69c6d"}, {"#4d7c0f", "#a3d65c"}, {"#7c2d4f", "#ffa7b8"},
}

// bold letters are wider than others by as much.
const bold = 1.08

// A canvas is an SVG that is being drawn. Distances are in CSS pixels.
type canvas struct {
	bytes.Buffer
	w, h float64
}

// newCanvas is a picture of that size with a title, which is also what a screen reader says.
func newCanvas(w, h float64, title, about string) *canvas {
	c := &canvas{w: w, h: h}
	var light, dark strings.Builder
	for i, hue := range hues {
		for scheme, b := range []*strings.Builder{&light, &dark} {
			fmt.Fprintf(b, ".s%d{stroke:%s}.f%d{fill:%s}", i, hue[scheme], i, hue[scheme])
		}
		if i == len(hues)-1 {
			light.WriteString("\n")
		}
	}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img">`+"\n", px(w), px(h))
	fmt.Fprintf(c, "<title>%s</title>\n"+style, escape(title), &light, &dark)
	c.add(`<rect class="ground" x=".5" y=".5" width="%s" height="%s" rx="6"/>`, px(w-1), px(h-1))
	class, size := "title", 15./12
	if width(title)*size*bold > w-2*edge {
		class, size = "head", 13./12
	}
	c.text(edge, 26, class, "start", fit(title, (w-2*edge)/size/bold))
	c.text(edge, 43, "dim", "start", fit(about, (w-2*edge)*12/11))
	return c
}

func (c *canvas) done() []byte {
	c.WriteString("</svg>\n")
	return c.Bytes()
}

// add writes one element. Numbers go through px, so that a chart is small and its differences can be read.
func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text writes s at a baseline; anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, s string) {
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	if anchor != "start" {
		class += fmt.Sprintf(` text-anchor="%s"`, anchor)
	}
	c.add(`<text x="%s" y="%s"%s>%s</text>`, px(x), px(y), class, escape(s))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<path class="%s" d="M%s %sL%s %s"/>`, class, px(x1), px(y1), px(x2), px(y2))
}

// glyph marks a point. Shapes differ too: for those who do not see the colours apart, and where there are
// more series than colours.
func (c *canvas) glyph(hue, shape int, x, y float64) {
	paths := []string{
		"m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", // a circle
		"m-3-3h6v6h-6z", "m0-4.5l4 7h-8z", "m0-4.5l4.5 4.5l-4.5 4.5l-4.5-4.5z", "m0 4.5l4-7h-8z",
		"m-1.2-4h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z", // a plus
	}
	c.add(`<path class="f%d" d="M%s %s%s"/>`, hue, px(x), px(y), paths[shape%len(paths)])
}

// px writes a distance with at most one digit after the point.
func px(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		x = 0
	}
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// width is about how wide s is at a size of 12 pixels: the fonts that a page's reader may have differ.
func width(s string) (w float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune("ijlI.,:;'|!()[] ftr", r):
			w += 4.7
		case strings.ContainsRune("mwMW%µ→", r):
			w += 10.8
		case r >= 'A' && r <= 'Z':
			w += 8.7
		default:
			w += 7.4
		}
	}
	return w
}

// fit cuts s so that it takes no more than most.
func fit(s string, most float64) string {
	if width(s) <= most {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && width(string(r))+8 > most {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + "…"
}

// A scale maps the values from low to high to the pixels from 0 to size.
type scale struct {
	low, high, size float64
	log             bool
}

func (s scale) at(x float64) float64 {
	if s.log {
		x = max(x, s.low)
		return s.size * (math.Log(x) - math.Log(s.low)) / (math.Log(s.high) - math.Log(s.low))
	}
	return s.size * (x - s.low) / (s.high - s.low)
}

// ticks are round values on the scale, each of which gets a label: about n, and at least two.
func (s scale) ticks(n int) (out []float64) {
	if !s.log {
		step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/float64(n))))
		for _, f := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
			if (s.high-s.low)/step > float64(n) {
				step *= f
			}
		}
		for i := math.Ceil(s.low/step - 1e-9); i*step <= s.high*(1+1e-9); i++ {
			out = append(out, i*step+0) // + 0: no negative zero
		}
		return out
	}
	for _, steps := range [][]float64{{1}, {1, 3}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 5, 6, 8}} {
		out = out[:0]
		for e := math.Floor(math.Log10(s.low)); e <= math.Ceil(math.Log10(s.high)); e++ {
			for _, f := range steps {
				if x := f * math.Pow(10, e); x >= s.low*(1-1e-9) && x <= s.high*(1+1e-9) {
					out = append(out, x)
				}
			}
		}
		if len(out) >= min(n, 3) {
			break
		}
	}
	return out
}

// round writes a tick: no digits that say nothing.
func round(x float64) string {
	unit := ""
	for _, u := range []string{"k", "M", "G", "T"} {
		if math.Abs(x) < 9999.5 && !(math.Abs(x) >= 1000 && math.Mod(x, 1000) == 0) {
			break
		}
		x, unit = x/1000, u
	}
	return strconv.FormatFloat(x, 'g', 4, 64) + unit
}
