package present

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// random makes a report of some shape: rows without samples, rounds that were missed, names that
// Markdown and XML have to be kept from.
func random(rng *rand.Rand) *Report {
	r := &Report{Started: time.Unix(1e9, 0).UTC(), Took: time.Minute, Command: "go run ."}
	names := []string{Ours, Floor, "net/http", "a|b", "<tag> & \"more\"", "node cluster"}
	for i := range 1 + rng.IntN(4) {
		g := &Grid{Suite: suites[rng.IntN(len(suites))][0], Name: fmt.Sprintf("grid-%d", i), Title: fmt.Sprintf("Grid %d <&>", i), Line: rng.IntN(2) == 0, Chart: "m0"}
		for m := range 1 + rng.IntN(4) {
			g.Metrics = append(g.Metrics, Metric{Key: fmt.Sprint("m", m), Title: fmt.Sprint("metric ", m), X: float64(m * 10), Lower: rng.IntN(2) == 0})
		}
		g.Metrics[0].Versus = []string{Floor, Ours}[:rng.IntN(3)]
		for _, at := range rng.Perm(len(names))[:rng.IntN(len(names))] {
			for round := range rng.IntN(5) {
				for _, m := range g.Metrics {
					if rng.IntN(4) > 0 {
						g.Add(names[at], m.Key, round, rng.Float64()*1e6)
					}
				}
			}
			if rng.IntN(3) == 0 {
				g.Note(names[at], "a note | of it")
			}
		}
		r.Grids = append(r.Grids, g)
	}
	return r
}

func TestEveryReportIsWhole(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for range 40 {
		r, dir := random(rng), t.TempDir()
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
		page := read(t, dir, "README.md")
		tablesAreRectangular(t, page)
		for _, g := range r.Grids {
			for _, row := range g.Rows {
				if len(g.Samples[row]) > 0 && !strings.Contains(page, cell(row)) {
					t.Fatalf("%q is not in the page:\n%s", row, page)
				}
			}
		}
		for _, m := range regexp.MustCompile(`!\[.*\]\((.*)\)`).FindAllStringSubmatch(page, -1) {
			wellFormed(t, read(t, dir, m[1]))
		}
		again, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		other := t.TempDir()
		if err := again.Write(other); err != nil {
			t.Fatal(err)
		}
		if read(t, other, "README.md") != page {
			t.Fatal("the page written from data.json is another one")
		}
		for line := range strings.Lines(read(t, dir, "data.json")) {
			if regexp.MustCompile(`^\t*-?[0-9.]+,?$`).MatchString(line) {
				t.Fatalf("data.json: %q stands alone on a line", line)
			}
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tablesAreRectangular: each line of a table has as many cells as the line above it.
func tablesAreRectangular(t *testing.T, page string) {
	t.Helper()
	cells := 0
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells != 0 && n != cells {
			t.Fatalf("%d cells behind lines of %d: %s", n, cells, line)
		}
		cells = n
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for tags := 0; ; tags++ {
		_, err := d.Token()
		if errors.Is(err, io.EOF) && tags > 10 {
			return
		}
		if err != nil {
			t.Fatalf("after %d tags: %v", tags, err)
		}
	}
}

func TestRowsAreSortedAndThoseWithoutSamplesLast(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		g := &Grid{}
		for i := range rng.IntN(10) {
			row := fmt.Sprint(i)
			g.Note(row, "there")
			if rng.IntN(3) > 0 {
				g.Add(row, "m", 0, float64(rng.IntN(5)))
			}
		}
		m := Metric{Key: "m", Lower: rng.IntN(2) == 0}
		g.Sort(m)
		var xs []float64
		for _, row := range g.Rows {
			xs = append(xs, g.Median(row, "m"))
		}
		first := slices.IndexFunc(xs, math.IsNaN)
		if first < 0 {
			first = len(xs)
		}
		for _, x := range xs[first:] {
			if !math.IsNaN(x) {
				t.Fatalf("a row with samples behind one without: %v", xs)
			}
		}
		known := xs[:first]
		if !m.Lower {
			slices.Reverse(known)
		}
		if !slices.IsSorted(known) {
			t.Fatalf("not sorted (lower is better: %v): %v", m.Lower, xs)
		}
	}
}

func TestSamplesStayInTheirRounds(t *testing.T) {
	t.Parallel()
	g := &Grid{}
	g.Add("a", "m", 2, 7) // rounds 0 and 1 failed
	g.Add("a", "m", 4, 9)
	s := g.Samples["a"]["m"]
	if len(s) != 5 || !math.IsNaN(s[0]) || !math.IsNaN(s[1]) || s[2] != 7 || !math.IsNaN(s[3]) || s[4] != 9 {
		t.Fatalf("%v", s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Samples
	if err := json.Unmarshal(b, &back); err != nil || len(back) != 5 || !math.IsNaN(back[3]) || back[4] != 9 {
		t.Fatalf("%s came back as %v, %v", b, back, err)
	}
}

func TestRatiosStandBesideWhatTheyAreOf(t *testing.T) {
	t.Parallel()
	g := &Grid{Suite: "servers", Name: "x", Title: "x", Chart: "cpu", Metrics: []Metric{{Key: "cpu", Title: "CPU", Versus: []string{Floor}}}}
	for round, slow := range []float64{1, 10, 100} { // the machine gets slower; the ratio does not change
		g.Add(Floor, "cpu", round, 2*slow)
		g.Add("net", "cpu", round, 6*slow)
	}
	dir := t.TempDir()
	if err := (&Report{Grids: []*Grid{g}}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if page := read(t, dir, "README.md"); !regexp.MustCompile(`(?m)^\| net \| 60\.0 \([^|]*\) \| 3\.00 \|$`).MatchString(page) {
		t.Fatalf("no ratio of 3:\n%s", page)
	}
}

func TestMergeKeepsTheSuitesThatWereNotRun(t *testing.T) {
	t.Parallel()
	r := &Report{Grids: []*Grid{{Suite: "echo", Name: "new"}}, Versions: [][2]string{{"Go", "2"}}, Commands: []string{"a", "b"}}
	old := &Report{Grids: []*Grid{{Suite: "echo", Name: "old"}, {Suite: "idle", Name: "kept"}},
		Versions: [][2]string{{"Go", "1"}, {"nginx", "1"}}, Commands: []string{"b", "c"}}
	r.Merge(old)
	if !slices.Equal(r.Commands, []string{"a", "b", "c"}) || !slices.Equal(r.Versions, [][2]string{{"Go", "2"}, {"nginx", "1"}}) {
		t.Errorf("%v, %v", r.Commands, r.Versions)
	}
	if about := r.Grids[1].About; !strings.Contains(about, earlier) {
		t.Errorf("it does not say that it is from an earlier run: %q", about)
	}
	var names []string
	for _, g := range r.Grids {
		names = append(names, g.Name)
	}
	if !slices.Equal(names, []string{"new", "kept"}) {
		t.Errorf("%v", names)
	}
}
