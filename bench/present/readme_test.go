package present

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeHasTheReportsFigures: the project's README and its chart are what data.json makes of them.
func TestReadmeHasTheReportsFigures(t *testing.T) {
	t.Parallel()
	r, err := Read("../report")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Readme(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(page, want) {
		t.Errorf("README.md differs from the report: run `go run . -render` in bench")
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	if read(t, dir, Overview+".svg") != read(t, "../report", Overview+".svg") {
		t.Errorf("the chart of README.md differs from the report: run `go run . -render` in bench")
	}
	readable(t, read(t, dir, Overview+".svg"))
}

func TestReadmeWithoutItsMarksIsLeftAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("no marks\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := new(Report).UpdateReadme(file); err == nil {
		t.Error("no error")
	}
	if got := read(t, filepath.Dir(file), "README.md"); got != "no marks\n" {
		t.Errorf("it says %q", got)
	}
}

// everything is a report of all that README shows.
func everything() *Report {
	r := &Report{Machine: [][2]string{{"processor", "Intel(R) Xeon(R) Processor, 2 cores (sse4_2 avx2)"}}}
	add := func(grid, metric string, rows []string) {
		g := r.Grid(grid)
		if g == nil {
			g = &Grid{Suite: "servers", Name: grid, Title: grid, Chart: metric}
			r.Grids = append(r.Grids, g)
		}
		if metric == "" {
			metric = "19000"
		}
		g.Metrics = append(g.Metrics, Metric{Key: metric, Title: metric, Lower: true, X: 19000})
		for i, row := range append(rows, Ours) {
			g.Add(row, metric, 0, float64(1+i)*1.5)
		}
	}
	for _, s := range summaries {
		for _, c := range s.columns {
			add(c.grid, c.metric, s.rows)
		}
	}
	for _, p := range panels {
		add(p.grid, p.metric, p.who)
	}
	g := &Grid{Suite: "fairness", Name: "fairness"}
	for _, who := range crowds {
		g.Add("64 clients that come and go", who+" p99", 0, 1.5)
	}
	r.Grids = append(r.Grids, g)
	return r
}

func TestReadmeShowsAllThatWasMeasured(t *testing.T) {
	t.Parallel()
	page, err := everything().Readme([]byte("before\n" + readmeBegin + "old\n" + readmeEnd + "after\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") || strings.Contains(text, "old\n") {
		t.Errorf("the rest of the page is another one: %s", text)
	}
	tablesAreRectangular(t, text)
	for _, s := range summaries {
		if !strings.Contains(text, s.title) {
			t.Errorf("no table %q", s.title)
		}
		for _, c := range s.columns {
			if !strings.Contains(text, " "+c.title+" |") {
				t.Errorf("no column %q", c.title)
			}
		}
	}
	if want := "| 64 clients that come and go |" + strings.Repeat(" 1.50 |", len(crowds)); !strings.Contains(text, want) {
		t.Errorf("no line %q", want)
	}
	svg := string(everything().overview())
	readable(t, svg)
	for _, p := range panels {
		if !strings.Contains(svg, escape(p.title)) {
			t.Errorf("no panel %q", p.title)
		}
	}
}
