// The page of the report: its headings and tables.

package present

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// suites are the headings of the page, in order.
var suites = [][3]string{
	{"parsers", "Parsers", "Nanoseconds of CPU time for one request head. The inputs are the same bytes for all; the last is 512 different requests in an order drawn at random, the same for all, which is to be trusted most: a single input in a loop teaches the branch predictor that input by heart. The floors copy the bytes, or search them for CRLFCRLF: with bytes.Index in Go, memmem in C."},
	{"servers", "HTTP servers", "All servers get one core, the load generator another. CPU is what the server's processes spent, user and system time together, divided by the answers; it shows what a server costs also where the generator was the limit. Ratios are of the same round, and the median is taken of those."},
	{"upload", "Uploads", "Large bodies from many clients at once: what a server holds of them, and what reading them costs."},
	{"echo", "TCP echo", "Each connection sends a message, waits for all of it to come back, and sends the next."},
	{"ws", "WebSocket", "An echo of messages, a message of one to all, and what an idle connection holds. The floor sends as many bytes over TCP and knows no frames."},
	{"client", "HTTP clients", "CPU is that of the program that asks, which has the core that servers have otherwise; the server it asks, lurcher's hello, has the generator's. The floor is conn and parser without a pool."},
	{"proxy", "Reverse proxies", "CPU is that of the proxy. The upstream, lurcher's hello, shares the generator's core, so that the rate says little."},
	{"fairness", "A client beside a heavy or hostile one", "How long the answers to a light client take while another one does its worst."},
	{"idle", "Idle keep-alive connections", "What a server holds for a connection that has made one request and now waits: resident memory beyond that of the server before the connections came, divided by their number. The kernel's own memory for a socket, the same for all, is not in it. Heap, after a garbage collection, where the server is a Go program."},
	{"delay", "Answers from a timer", "Each answer is given after a delay. How late the worst one is, on the generator's clock from sending the request to having read the answer; the rate against the ideal of connections divided by the delay; and the server's highest resident memory beyond what it was before, for each connection."},
	{"growth", "Cost as work grows", "Microseconds of CPU for a request, as there is more that the server has to keep: a row should be flat, and fall where more is pipelined."},
}

// Knows reports whether the page has a place for a suite.
func Knows(suite string) bool {
	return slices.ContainsFunc(suites, func(s [3]string) bool { return s[0] == suite })
}

func (r *Report) markdown(b *bytes.Buffer, charts map[string]bool) {
	fmt.Fprintf(b, "# lurcher beside its peers\n\nMeasured %s in %s with `%s`. ", r.Started.Format("2006-01-02 15:04 MST"), r.Took.Round(time.Second), r.Command)
	b.WriteString("Contenders take turns in rounds (A B C, A B C, ...). Figures are medians, with the quartiles in parentheses; " +
		"k and M are thousands and millions. See [how to read and run this](../README.md); [data.json](data.json) holds every sample.\n")
	if charts[Overview] {
		fmt.Fprintf(b, "\n![lurcher beside its peers](%s.svg)\n", Overview)
	}
	for _, s := range suites {
		first := true
		for _, g := range r.Grids {
			if g.Suite != s[0] {
				continue
			}
			if first {
				fmt.Fprintf(b, "\n## %s\n\n%s\n", s[1], s[2])
				first = false
			}
			g.markdown(b, charts[g.Name])
		}
	}
	pairs(b, "Contenders", r.Who)
	if len(r.Skipped) > 0 {
		b.WriteString("\n## Skipped\n\n")
		for _, s := range r.Skipped {
			fmt.Fprintf(b, "- %s: %s\n", cell(s[0]), cell(s[1]))
		}
	}
	pairs(b, "Machine", r.Machine)
	pairs(b, "Versions", r.Versions)
	if len(r.Commands) > 0 {
		b.WriteString("\n## Command lines\n\nEach once, with addresses and the scratch directory as they happened to be.\n\n```\n")
		for _, c := range r.Commands {
			b.WriteString(strings.ReplaceAll(c, "\n", " ") + "\n")
		}
		b.WriteString("```\n")
	}
}

func pairs(b *bytes.Buffer, title string, ps [][2]string) {
	if len(ps) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| | |\n|---|---|\n", title)
	for _, p := range ps {
		fmt.Fprintf(b, "| %s | %s |\n", cell(p[0]), cell(p[1]))
	}
}

func (g *Grid) markdown(b *bytes.Buffer, chart bool) {
	fmt.Fprintf(b, "\n### %s\n\n", g.Title)
	if g.About != "" {
		fmt.Fprintf(b, "%s\n\n", g.About)
	}
	head, rule := "| |", "|---|"
	for _, m := range g.Metrics {
		head += " " + cell(m.Title) + " |"
		rule += "---:|"
		for _, v := range m.Versus {
			head += " ÷ " + cell(v) + " |"
			rule += "---:|"
		}
	}
	fmt.Fprintf(b, "%s\n%s\n", head, rule)
	var notes []string
	for _, row := range g.Rows {
		if len(g.Samples[row]) > 0 {
			g.line(b, row)
		}
		if note := g.Notes[row]; note != "" {
			notes = append(notes, fmt.Sprintf("- %s: %s", cell(row), cell(note)))
		}
	}
	if g.Foot != "" {
		fmt.Fprintf(b, "\n%s\n", g.Foot)
	}
	if len(notes) > 0 {
		fmt.Fprintf(b, "\n%s\n", strings.Join(notes, "\n"))
	}
	if chart {
		fmt.Fprintf(b, "\n![%s](%s.svg)\n", cell(g.Title), g.Name)
	}
}

func (g *Grid) line(b *bytes.Buffer, row string) {
	name := cell(row)
	if row == Ours {
		name = "**" + name + "**"
	}
	fmt.Fprintf(b, "| %s%s |", name, g.Marks[row])
	for _, m := range g.Metrics {
		xs := g.Samples[row][m.Key]
		fmt.Fprintf(b, " %s |", measure.Summarize(xs))
		for _, v := range m.Versus {
			fmt.Fprintf(b, " %s |", measure.Short(measure.Summarize(measure.Ratios(xs, g.Samples[v][m.Key])).Median))
		}
	}
	b.WriteString("\n")
}

// cell makes s fit for a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}
