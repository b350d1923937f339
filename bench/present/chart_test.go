package present

import (
	"encoding/xml"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// extremes are charts of what is hard to draw: long names, many rows, the tiny beside the huge.
func extremes() (out []*Grid) {
	rng := rand.New(rand.NewPCG(3, 3))
	long := func(i int) string {
		return fmt.Sprintf("%d: a contender with a name that nobody would give it, but a test <%d>", i, i)
	}
	values := map[string]func(row, round int) float64{
		"usual":    func(row, _ int) float64 { return float64(row+1) * (3 + rng.Float64()) },
		"tiny":     func(row, _ int) float64 { return float64(row+1) * 1e-9 },
		"huge":     func(row, _ int) float64 { return float64(row+1) * 1e12 },
		"far":      func(row, _ int) float64 { return math.Pow(10, float64(row-4)) },
		"zero":     func(int, int) float64 { return 0 },
		"equal":    func(int, int) float64 { return 5 },
		"negative": func(row, _ int) float64 { return float64(row - 3) },
		"spread":   func(row, round int) float64 { return math.Pow(10, float64(round)) },
	}
	for name, value := range values {
		for _, rows := range []int{1, 5, 30} {
			for _, line := range []bool{false, true} {
				g := &Grid{Suite: "servers", Name: fmt.Sprintf("x-%s-%d-%v", name, rows, line), Title: "What is measured here, in some words: " + strings.Repeat("a title ", 2*rows) + name, Line: line,
					Chart: "m0", XLabel: "connections", Where: "Intel Xeon Platinum 8481C, 2 cores, 2026-11-26"}
				for m, x := range []float64{1, 1000, 1100, 5000, 1e6}[:1+rng.IntN(5)] {
					g.Metrics = append(g.Metrics, Metric{Key: fmt.Sprint("m", m), Title: "CPU µs each", X: x, Lower: true})
				}
				for row := range rows {
					who := long(row)
					switch row {
					case 1:
						who = Ours
					case 2:
						who = Floor
					}
					for _, m := range g.Metrics {
						for round := range 3 {
							g.Add(who, m.Key, round, value(row, round))
						}
					}
				}
				out = append(out, g)
			}
		}
	}
	return out
}

// TestChartsCanBeRead holds all texts within the picture, and none over another; and the values of bars
// clear of the whiskers. With LURCHER_CHARTS=dir they are kept, to be looked at.
func TestChartsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, g := range extremes() {
		t.Run(g.Name, func(t *testing.T) {
			svg := string(g.SVG())
			if dir := os.Getenv("LURCHER_CHARTS"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, g.Name+".svg"), []byte(svg), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			readable(t, svg)
			if !g.Line {
				clearOfWhiskers(t, svg)
			}
		})
	}
}

// A box is a text of a chart and about how much room it takes.
type box struct {
	left, top, right, bottom float64
	text                     string
}

func readable(t *testing.T, svg string) {
	t.Helper()
	wellFormed(t, svg)
	if bad := regexp.MustCompile(`="[^"]*(NaN|Inf|[0-9]e[-+]?[0-9])[^"]*"`).FindString(svg); bad != "" {
		t.Fatalf("%s in the picture", bad)
	}
	var size struct {
		W float64 `xml:"width,attr"`
		H float64 `xml:"height,attr"`
	}
	if err := xml.Unmarshal([]byte(svg), &size); err != nil {
		t.Fatal(err)
	}
	all := boxes(t, svg)
	for i, a := range all {
		if a.left < 0 || a.right > size.W || a.top < 0 || a.bottom > size.H {
			t.Errorf("%q leaves the picture of %v by %v: %+v", a.text, size.W, size.H, a)
		}
		for _, b := range all[:i] {
			if a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom {
				t.Errorf("%q runs into %q", a.text, b.text)
			}
		}
	}
}

func boxes(t *testing.T, svg string) (all []box) {
	t.Helper()
	for _, m := range regexp.MustCompile(`<text x="([^"]*)" y="([^"]*)"(?: class="(\w+)")?(?: text-anchor="(\w+)")?>([^<]*)</text>`).FindAllStringSubmatch(svg, -1) {
		x, y, s := number(t, m[1]), number(t, m[2]), m[5]
		var plain struct {
			S string `xml:",chardata"`
		}
		if err := xml.Unmarshal([]byte("<s>"+s+"</s>"), &plain); err != nil {
			t.Fatal(err)
		}
		w := width(plain.S) * map[string]float64{"title": bold * 15 / 12, "head": bold * 13 / 12, "dim": 11. / 12}[m[3]]
		if w == 0 {
			w = width(plain.S)
		}
		switch m[4] {
		case "middle":
			x -= w / 2
		case "end":
			x -= w
		}
		all = append(all, box{x, y - 9, x + w, y + 2, plain.S})
	}
	if len(all) < 3 {
		t.Fatalf("%d texts", len(all))
	}
	return all
}

func clearOfWhiskers(t *testing.T, svg string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`<path class="whisker" d="M[^H]*H([-0-9.]+)[^>]*>\n<text x="([^"]*)"`).FindAllStringSubmatch(svg, -1) {
		if number(t, m[1])+4 > number(t, m[2]) {
			t.Errorf("a value at %s beside a whisker that ends at %s", m[2], m[1])
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
