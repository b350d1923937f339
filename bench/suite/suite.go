// Package suite holds the measurements: one file for each, all of them rounds in which the contenders
// take turns.
package suite

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A Bench is one run.
type Bench struct {
	Env        *contender.Env
	Load       load.Runner
	Report     *present.Report
	Contenders []*contender.Contender
	Quick      bool // little of everything, within a minute
	Rounds     int
	Seconds    int // of load for one figure
	Progress   func(format string, args ...any)
	skipped    map[string]bool
}

// A Suite is one kind of measurement.
type Suite struct {
	Name string
	Run  func(context.Context, *Bench) error
}

// All are the suites, in the order in which they run.
func All() []Suite {
	return []Suite{
		{"parsers", Parsers},
		{"servers", Servers},
		{"upload", Uploads},
		{"echo", Echo},
		{"ws", Sockets},
		{"client", Clients},
		{"proxy", Proxies},
		{"idle", Idle},
		{"delay", Delay},
		{"fairness", Fairness},
		{"growth", Growth},
	}
}

// Quick are the contenders that a quick run takes, if it is not told whom to take.
var Quick = []string{"lurcher", "floor", "gnet", "fasthttp", "net", "nginx"}

// who are the contenders that can do all of what, found on this machine. Those that are missing are
// reported as skipped, once; those that lack an ability get a note in the grid.
func (b *Bench) who(ctx context.Context, g *present.Grid, what ...string) []*contender.Contender {
	var out []*contender.Contender
	for _, c := range b.Contenders {
		if i := slices.IndexFunc(what, func(w string) bool { return c.Can(w) != "" }); i >= 0 {
			if !slices.Contains([]string{contender.HTTP, contender.Echo, contender.WS, contender.Cast}, what[i]) { // those would be noted everywhere
				g.Note(c.Name, "not measured: "+c.Can(what[i]))
			}
			continue
		}
		if _, err := b.Env.Find(ctx, c); err != nil {
			b.skip(c.Name, err.Error())
			continue
		}
		if c.Less && slices.Contains(what, contender.HTTP) {
			g.Mark(c.Name, "\\*", "\\* Does less than HTTP asks for: see [contenders](#contenders).")
		}
		out = append(out, c)
	}
	return out
}

func (b *Bench) skip(name, why string) {
	if b.skipped == nil {
		b.skipped = map[string]bool{}
	}
	if !b.skipped[name] {
		b.skipped[name] = true
		b.Report.Skipped = append(b.Report.Skipped, [2]string{name, why})
		b.Progress("skipped: %s: %s", name, why)
	}
}

// take runs one turn of a contender and puts up with its failure, which is noted in the grid.
func (b *Bench) take(ctx context.Context, g *present.Grid, c *contender.Contender, mode string, turn func(*contender.Server) error) error {
	s, err := b.Env.Start(ctx, c, mode)
	if err == nil {
		err = turn(s)
		s.Stop()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		b.Progress("%s: %s: %v", g.Title, c.Name, err)
		g.Note(c.Name, "failed: "+err.Error())
	}
	return nil
}

// A spent is what a server has used while something ran.
type spent struct {
	cpu  measure.CPU
	wall time.Duration
}

// watch measures the server's CPU while fn runs.
func watch(s *contender.Server, fn func() error) (spent, error) {
	before, start := s.CPU(), time.Now()
	err := fn()
	return spent{s.CPU().Sub(before), time.Since(start)}, err
}

func (s spent) each(n int) float64 { return micros(s.cpu.Total()) / float64(n) }
func (s spent) busy() float64      { return float64(s.cpu.Total()) / float64(s.wall) }

// few is how many rounds slower suites and lesser scenarios make: two thirds of them all.
func (b *Bench) few() int { return max(b.Rounds*2/3, 1) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// descriptors is how many connections one process may have here, some descriptors kept for the rest.
func descriptors() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 1000
	}
	return int(min(r.Cur, 1<<20)) - 500
}

// scaled cuts numbers of connections down to what descriptors allow, and says so.
func scaled(g *present.Grid, ns []int) []int {
	most := descriptors()
	var out []int
	for _, n := range ns {
		if n > most {
			g.About += fmt.Sprintf(" Descriptors allow %d connections here, not %d.", most, n)
			n = most
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// saturated marks the rows whose generator was busy while the server was not: their rate is a lower bound.
func saturated(g *present.Grid) {
	for _, row := range g.Rows {
		if g.Median(row, "generator") > 0.95 && g.Median(row, "busy") < 0.95 {
			g.Mark(row, " †", "† The load generator was the bottleneck: the rate is a lower bound, the CPU is what to compare.")
		}
	}
}
