// Package present writes what was measured as a page of Markdown with charts beside it, and as JSON from
// which the page can be written again.
package present

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// A Report is everything that one run found.
type Report struct {
	Started  time.Time
	Took     time.Duration
	Command  string      // what started the run
	Machine  [][2]string // name and value
	Versions [][2]string
	Who      [][2]string // contenders, and what has to be known of them
	Skipped  [][2]string // who, and why
	Commands []string    // every command line, once, in order
	Grids    []*Grid
}

// A Grid is one table: contenders down, metrics across, and for each the samples by round.
type Grid struct {
	Suite   string
	Name    string // of the chart's file, unique in the report
	Title   string
	About   string
	Metrics []Metric
	Rows    []string
	Samples map[string]map[string]Samples // row, metric
	Marks   map[string]string             // row: what stands behind its name, a dagger say
	Notes   map[string]string             // row: what it does not do, or why it has no figures
	Foot    string                        // what the marks mean
	Line    bool                          // chart all metrics that have an X as lines, not Chart as bars
	Chart   string                        // metric
	Where   string                        // processor, cores and day, for the chart; the report fills it in
	XLabel  string
}

// A Metric is one column, and one more for each row that it is compared with.
type Metric struct {
	Key, Title string
	Versus     []string // rows: a column of ratios to that row, round by round
	Lower      bool     // less is better
	X          float64  // for lines
	Once       bool     // sampled once: no spread
}

// Samples are by round; NaN where a round has none, which JSON has as null.
type Samples []float64

// MarshalJSON writes NaN as null.
func (s Samples) MarshalJSON() ([]byte, error) {
	p := make([]*float64, len(s))
	for i := range s {
		if !math.IsNaN(s[i]) && !math.IsInf(s[i], 0) {
			p[i] = &s[i]
		}
	}
	return json.Marshal(p)
}

// UnmarshalJSON reads null as NaN.
func (s *Samples) UnmarshalJSON(b []byte) error {
	var p []*float64
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*s = make(Samples, len(p))
	for i := range p {
		if (*s)[i] = math.NaN(); p[i] != nil {
			(*s)[i] = *p[i]
		}
	}
	return nil
}

// Add puts a sample in its round, and fills rounds that were missed with NaN.
func (g *Grid) Add(row, metric string, round int, x float64) {
	g.row(row)
	s := g.Samples[row][metric]
	for len(s) < round {
		s = append(s, math.NaN())
	}
	g.Samples[row][metric] = append(s[:round], x)
}

// Note says something of a row, which need not have samples.
func (g *Grid) Note(row, note string) {
	if note == "" {
		return
	}
	g.row(row)
	if old := g.Notes[row]; !strings.Contains(old, note) {
		g.Notes[row] = strings.TrimPrefix(old+"; "+note, "; ")
	}
}

// Mark puts a mark behind a row's name, and says below the table what it means.
func (g *Grid) Mark(row, mark, meaning string) {
	if g.Marks == nil {
		g.Marks = map[string]string{}
	}
	g.Marks[row] += mark
	if !strings.Contains(g.Foot, meaning) {
		g.Foot = strings.TrimSpace(g.Foot + " " + meaning)
	}
}

func (g *Grid) row(row string) {
	if g.Samples == nil {
		g.Samples, g.Notes = map[string]map[string]Samples{}, map[string]string{}
	}
	if g.Samples[row] == nil {
		g.Samples[row] = map[string]Samples{}
		g.Rows = append(g.Rows, row)
	}
}

// Median of a row's metric; NaN if it has none.
func (g *Grid) Median(row, metric string) float64 {
	return measure.Summarize(g.Samples[row][metric]).Median
}

// Sort puts the best first by a metric, and those without it last.
func (g *Grid) Sort(m Metric) {
	slices.SortStableFunc(g.Rows, func(a, b string) int {
		x, y := g.Median(a, m.Key), g.Median(b, m.Key)
		switch {
		case math.IsNaN(x) && math.IsNaN(y):
			return 0
		case math.IsNaN(x):
			return 1
		case math.IsNaN(y):
			return -1
		case x == y:
			return 0
		case (x < y) == m.Lower:
			return -1
		}
		return 1
	})
}

// Write writes README.md, data.json and the charts into dir, which is made if need be.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	r.locate()
	data, err := r.data()
	if err != nil {
		return fmt.Errorf("present: %w", err)
	}
	pictures := map[string][]byte{Overview: r.overview()}
	for _, g := range r.Grids {
		pictures[g.Name] = g.SVG()
	}
	charts := map[string]bool{}
	for name, svg := range pictures {
		if svg == nil {
			continue
		}
		charts[name] = true
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), svg, 0o644); err != nil {
			return err
		}
	}
	var page bytes.Buffer
	r.markdown(&page, charts)
	if err := os.WriteFile(filepath.Join(dir, "README.md"), page.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "data.json"), data, 0o644)
}

// locate says of each grid where and when it was measured, unless it is known.
func (r *Report) locate() {
	for _, g := range r.Grids {
		if g.Where == "" {
			g.Where = strings.Trim(r.Processor()+", "+r.Started.Format(time.DateOnly), ", ")
		}
	}
}

// Processor is its name and the number of its cores, without what vendors add to it.
func (r *Report) Processor() string {
	for _, m := range r.Machine {
		if m[0] == "processor" {
			name, _, _ := strings.Cut(m[1], " (sse")
			return strings.NewReplacer("(R)", "", "(TM)", "", " Processor", "", " CPU", "").Replace(name)
		}
	}
	return ""
}

// data is the report as JSON, indented but for lists of plain values: a series is one line, so that the
// difference between two reports can be read.
func (r *Report) data() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, err
	}
	b = plainList.ReplaceAllFunc(b, func(list []byte) []byte {
		list = lineBreak.ReplaceAll(list, []byte(" ")) // no string has one: JSON escapes them
		return bytes.ReplaceAll(bytes.ReplaceAll(list, []byte("[ "), []byte("[")), []byte(" ]"), []byte("]"))
	})
	return append(b, '\n'), nil
}

var (
	plainList = regexp.MustCompile(`\[\n[^\[\]{}]*\n\t*\]`)
	lineBreak = regexp.MustCompile(`\n\t*`)
)

// Read reads the data.json of an earlier run.
func Read(dir string) (*Report, error) {
	b, err := os.ReadFile(filepath.Join(dir, "data.json"))
	if err != nil {
		return nil, err
	}
	r := new(Report)
	return r, json.Unmarshal(b, r)
}

// Merge takes over what an earlier run found in suites that r has not run itself.
func (r *Report) Merge(old *Report) {
	old.locate()
	ran := map[string]bool{}
	for _, g := range r.Grids {
		ran[g.Suite] = true
	}
	kept := false
	for _, g := range old.Grids {
		if ran[g.Suite] {
			continue
		}
		kept = true
		if !strings.Contains(g.About, earlier) {
			g.About = strings.TrimSpace(g.About + " (" + earlier + old.Started.Format(time.DateTime) + ".)")
		}
		r.Grids = append(r.Grids, g)
	}
	if !kept {
		return
	}
	r.Versions, r.Who, r.Skipped = union(r.Versions, old.Versions), union(r.Who, old.Who), union(r.Skipped, old.Skipped)
	for _, c := range old.Commands {
		if !slices.Contains(r.Commands, c) {
			r.Commands = append(r.Commands, c)
		}
	}
}

const earlier = "Measured in an earlier run, of "

// union appends to ps those of more whose names it does not have.
func union(ps, more [][2]string) [][2]string {
	for _, p := range more {
		if !slices.ContainsFunc(ps, func(q [2]string) bool { return q[0] == p[0] }) {
			ps = append(ps, p)
		}
	}
	return ps
}
