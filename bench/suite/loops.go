// A part of the suite growth: what a request costs on several processors.

package suite

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// multicore are the servers that use as many processors as GOMAXPROCS says.
var multicore = []string{present.Ours, "gnet", "evio", "fasthttp", "net"}

// loops measures whether a request costs more when several processors serve. Server and generator have all processors
// and share them, or a machine of two could not show it: the generator takes a part of what a second loop adds, so
// that CPU per request says what a server loses by sharing, and the rate only what this machine has for both.
func (b *Bench) loops(ctx context.Context) error {
	if !load.Has("wrk") || runtime.NumCPU() < 2 || b.Quick {
		if !b.Quick {
			b.skip("growth-loops", "it takes wrk and two processors")
		}
		return nil
	}
	g := &present.Grid{Suite: "growth", Name: "growth-loops", Title: "CPU µs per request on more and more processors", Line: true,
		XLabel: "GOMAXPROCS of the server", Chart: cpuOfRequest,
		About: fmt.Sprintf("Hello, 64 connections, by wrk with as many threads. Server and generator share all %d processors: the rate is "+
			"what the machine has for both. The share is CPU with 1 ÷ (CPU with more): 1 would be twice as many requests from twice the processors.", runtime.NumCPU())}
	var ns []int
	for n := 1; n <= runtime.NumCPU(); n *= 2 {
		ns = append(ns, n)
		g.Metrics = append(g.Metrics, present.Metric{Key: fmt.Sprint(n), Title: fmt.Sprintf("CPU µs, %d", n), X: float64(n), Lower: true})
	}
	for _, n := range ns {
		g.Metrics = append(g.Metrics, present.Metric{Key: fmt.Sprint("rate ", n), Title: fmt.Sprintf("per second, %d", n)})
	}
	share := present.Metric{Key: "share", Title: fmt.Sprintf("share of %dx", ns[len(ns)-1])}
	g.Metrics = append(g.Metrics, share)
	b.Report.Grids = append(b.Report.Grids, g)
	who := slices.DeleteFunc(b.who(ctx, g, contender.HTTP), func(c *contender.Contender) bool { return !slices.Contains(multicore, c.Name) })
	for round := range b.few() {
		for _, n := range ns {
			for _, c := range who {
				if err := b.unpinned(n).onLoops(ctx, g, c, n, round); err != nil {
					return err
				}
			}
		}
	}
	for _, c := range who {
		for round, x := range measure.Ratios(g.Samples[c.Name]["1"], g.Samples[c.Name][fmt.Sprint(ns[len(ns)-1])]) {
			g.Add(c.Name, share.Key, round, x)
		}
	}
	g.Sort(share)
	g.Foot = strings.TrimSpace(g.Foot + " " + shares(g, ns[len(ns)-1]))
	return nil
}

// unpinned is the same on all processors, with n of them for the server's loops and as many threads of the generator.
func (b *Bench) unpinned(n int) *Bench {
	c := *b
	c.Env = b.Env.On(nil)
	c.Env.Procs = fmt.Sprint(n)
	c.Load.Pin, c.Load.Threads = nil, n
	return &c
}

func (b *Bench) onLoops(ctx context.Context, g *present.Grid, c *contender.Contender, n, round int) error {
	return b.take(ctx, g, c, contender.HTTP, func(s *contender.Server) error {
		var res load.Result
		used, err := watch(s, func() (err error) {
			res, err = b.Load.Wrk(ctx, "http://"+s.Addr+peer.HelloPath, 64, b.Seconds, "")
			return err
		})
		if err != nil {
			return err
		}
		g.Add(c.Name, fmt.Sprint(n), round, used.each(res.All))
		g.Add(c.Name, fmt.Sprint("rate ", n), round, res.Rate())
		b.Progress("%s: %d, round %d: %s %.2f µs, %.0f/s", g.Title, n, round+1, c.Name, used.each(res.All), res.Rate())
		return nil
	})
}

// shares says what more processors are worth.
func shares(g *present.Grid, n int) string {
	var parts []string
	for _, row := range g.Rows {
		if x := g.Median(row, "share"); !math.IsNaN(x) {
			parts = append(parts, fmt.Sprintf("%s %.2f", row, x))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Of %d times the work, %d processors do by their CPU: %s.", n, n, strings.Join(parts, ", "))
}
