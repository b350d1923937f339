// The tables in the project's README.

package present

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// What stands between these lines of the project's README is written from the report.
const (
	readmeBegin = "<!-- From bench/report/data.json, by `go run . -render` in bench. Not to be edited. -->\n"
	readmeEnd   = "<!-- To here. -->\n"
)

// A column of a table of README is one metric of a grid.
type column struct{ title, grid, metric string }

// A summary is one table of README: contenders down, grids across. Columns and rows of which nothing was
// measured are left out.
type summary struct {
	title   string
	ratio   bool // ÷ lurcher's, not the figure itself
	rows    []string
	columns []column
}

var summaries = []summary{
	{"CPU of a plain hello, ÷ lurcher's", true, []string{"floor", "gnet", "nginx", "h2o", "haproxy", "fasthttp", "net", "lurcher NetHTTP"}, []column{
		{"64 connections", "hello-64", "cpu"}, {"512", "hello-512", "cpu"}, {"16 pipelined", "pipelined-16", "cpu"},
		{"ten requests a connection", "limited-64", "cpu"}, {"a connection each", "close-64", "cpu"}, {"in three pieces", "pieces-64", "cpu"}}},
	{"CPU of other answers, ÷ lurcher's", true, []string{"floor", "gnet", "nginx", "h2o", "lighttpd", "fasthttp", "net", "lurcher NetHTTP"}, []column{
		{"1 KB", "json-64", "cpu"}, {"64 KB", "large-64", "cpu"}, {"POST of 4 KB", "post-64", "cpu"},
		{"JSON made for each", "api-64", "cpu"}, {"64 KB from a file", "file-64", "cpu"}, {"20 MB up", "upload", "cpu"}}},
	{"ns for a request head", false, []string{Ours, "picohttpparser (C)", "httparse (Rust)", "lurcher, portable (-tags purego)", "llhttp (C)", "fasthttp", "net/http"}, []column{
		{"curl, 77 B", "parsers-curl", "ns"}, {"TechEmpower, 165 B", "parsers-plain", "ns"}, {"nine fields, 703 B", "parsers-nine", "ns"},
		{"a browser's, 1.2 KB", "parsers-browser", "ns"}, {"a 4 KB cookie", "parsers-cookie", "ns"}, {"512 different ones", "parsers-mix", "ns"}}},
	{"Memory and time", false, []string{Ours, "gnet", "nginx", "fasthttp", "net"}, []column{
		{"bytes of an idle keep-alive connection", "idle-rss", ""}, {"256 uploads of 20 MB: peak, MB", "upload", "peak"},
		{"10,000 answers after 2 s: the latest, ms late", "delay-10000", "worst"}, {"their peak, bytes each", "delay-10000", "peak"}}},
	{"CPU of a client's request, ÷ lurcher's", true, []string{"floor", "fasthttp", "hertz", "net", "lurcher Transport", "undici", "node"}, []column{
		{"1 connection", "client-1", "cpu"}, {"64", "client-64", "cpu"}, {"512", "client-512", "cpu"}, {"1 KB", "client-1k", "cpu"},
		{"memory of an idle connection", "client-idle", "rss"}}},
	{"CPU of WebSocket, ÷ lurcher's", true, []string{"floor", "gws", "nbio", "gorilla", "coder", "node ws"}, []column{
		{"echo of 64 B, 64 connections", "ws-64-64", "cpu"}, {"10,000 connections", "ws-64-10000", "cpu"}, {"16 KB", "ws-16384-64", "cpu"},
		{"to 10,000 at a time", "ws-cast", "cpu"}, {"memory of an idle connection", "ws-idle", "rss"}}},
	{"CPU of a reverse proxy, ÷ lurcher's", true, []string{"nginx", "haproxy", "h2o", "fasthttp", "ReverseProxy"}, []column{
		{"hello", "proxy-hello", "cpu"}, {"1 KB", "proxy-1k", "cpu"}, {"64 KB", "proxy-64k", "cpu"}, {"POST of 4 KB", "proxy-post", "cpu"}}},
}

// UpdateReadme writes anew what the README in that file has from the report.
func (r *Report) UpdateReadme(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page, err := r.Readme(old)
	if err != nil {
		return fmt.Errorf("present: %s: %w", file, err)
	}
	return os.WriteFile(file, page, 0o644)
}

// Readme is that page with the report's figures in the place of those that it has.
func (r *Report) Readme(page []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(readmeBegin))
	_, after, ok2 := bytes.Cut(rest, []byte(readmeEnd))
	if !ok || !ok2 {
		return nil, errors.New("the two lines are missing between which the report's figures stand")
	}
	var b bytes.Buffer
	how := "with `" + strings.TrimSpace(r.Command) + "`"
	if strings.Contains(r.Command, " -only ") { // the last of several runs
		how = "with `go run .` in bench, a few suites at a time: the report says when each was measured"
	}
	fmt.Fprintf(&b, "\nMeasured on %s, %s, %s.\n", r.Processor(), r.Started.Format(time.DateOnly), how)
	for _, s := range summaries {
		s.write(&b, r)
	}
	r.beside(&b)
	r.ahead(&b)
	b.WriteString("\n")
	return slices.Concat(before, []byte(readmeBegin), b.Bytes(), []byte(readmeEnd), after), nil
}

func (s summary) write(b *bytes.Buffer, r *Report) {
	var columns []column
	for _, col := range s.columns {
		g := r.Grid(col.grid)
		if g == nil || len(g.Metrics) == 0 {
			continue
		}
		if col.metric == "" {
			col.metric = g.last()
		}
		if !math.IsNaN(g.Median(Ours, col.metric)) {
			columns = append(columns, col)
		}
	}
	if len(columns) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s |", s.title)
	for _, col := range columns {
		fmt.Fprintf(b, " %s |", col.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, row := range s.rows {
		line, any := "", false
		for _, col := range columns {
			g := r.Grid(col.grid)
			cell := measure.Short(g.Median(row, col.metric))
			if s.ratio {
				cell = times(g.Ratio(row, col.metric))
			}
			any = any || cell != "-"
			line += " " + cell + " |"
		}
		if any {
			fmt.Fprintf(b, "| %s |%s\n", emphasized(row), line)
		}
	}
}

func emphasized(row string) string {
	switch row {
	case Ours:
		return "**lurcher**"
	case "lurcher NetHTTP":
		return "lurcher, `nethttp`"
	case "lurcher Transport":
		return "lurcher, `nethttp.Transport`"
	case "gnet":
		return "gnet (its sample hardly parses)"
	}
	return name(row)
}

// crowds are the contenders of the table of fairness.
var crowds = []string{Ours, "net", "nginx", "fasthttp"}

// beside writes how long a light client waits beside others: the grid fairness has its rows already.
func (r *Report) beside(b *bytes.Buffer) {
	g := r.Grid("fairness")
	if g == nil || len(g.Rows) == 0 {
		return
	}
	b.WriteString("\n| p99 of a light client, ms, beside |")
	for _, who := range crowds {
		fmt.Fprintf(b, " %s |", emphasized(who))
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(crowds)) + "\n")
	for _, row := range g.Rows {
		fmt.Fprintf(b, "| %s |", cell(row))
		for _, who := range crowds {
			fmt.Fprintf(b, " %s |", measure.Short(g.Median(row, who+" p99")))
		}
		b.WriteString("\n")
	}
}

// near is the ratio up to which a peer does as well as lurcher.
const near = 1.02

// ahead lists where others do as well or better in what a chart shows. The floors, and lurcher by other ways, are no
// others.
func (r *Report) ahead(b *bytes.Buffer) {
	var lines []string
	for _, g := range r.Grids {
		key := g.Chart
		if g.Line && len(g.Metrics) > 0 {
			key = g.last()
		}
		i := slices.IndexFunc(g.Metrics, func(m Metric) bool { return m.Key == key })
		if i < 0 || !g.Metrics[i].Lower {
			continue
		}
		var who []string
		for _, row := range g.Rows {
			if strings.HasPrefix(row, Ours) || strings.HasPrefix(row, Floor) {
				continue
			}
			if ratio := g.Ratio(row, key); ratio <= near {
				if g.Suite != "echo" { // where net is package net
					row = name(row)
				}
				who = append(who, fmt.Sprintf("%s %.2f", row, ratio))
			}
		}
		if len(who) > 0 {
			lines = append(lines, fmt.Sprintf("- %s: %s", g.Title, strings.Join(who, ", ")))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "\nWhere others do as well or better, ÷ lurcher's:\n\n%s\n", strings.Join(lines, "\n"))
	}
}
