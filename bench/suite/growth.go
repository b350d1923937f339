// The suite growth: what a request costs as something else becomes more and more.

package suite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// active is how many connections make requests while there is more and more beside them.
const active = 10

// growing are the servers that are measured in growth, if the run is not told whom to take.
var growing = []string{"lurcher", "floor", "gnet", "fasthttp", "net", "nginx"}

// A growth is one thing of which there is more and more.
type growth struct {
	name, title, about, xlabel string
	chart                      string // the unit of what is measured
	xs, quick                  []int
	needs                      []string
	// at takes one sample: a turn of a server with x of them.
	at func(b *Bench, ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error
}

const cpuOfRequest = "CPU µs per request"

var growths = []growth{
	{name: "growth-connections", title: cpuOfRequest + ", 10 connections active among many", xlabel: "connections", chart: cpuOfRequest,
		xs: []int{10, 1000, 5000, 19000}, quick: []int{10, 1000},
		at: func(b *Bench, ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error {
			return b.among(ctx, g, c, s, load.Job{Conns: x}, x, round)
		}},
	{name: "growth-timers", title: cpuOfRequest + ", 10 connections active beside answers that wait for a timer", xlabel: "answers waiting and connections active",
		chart: cpuOfRequest, xs: []int{10, 1000, 5000, 19000}, needs: []string{contender.Delay},
		at: func(b *Bench, ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error {
			return b.among(ctx, g, c, s, load.Job{Conns: x, Hang: peer.DelayPath + "?ms=60000"}, x, round)
		}},
	{name: "growth-many-timers", title: cpuOfRequest + ", 10 connections active beside timers of the program's", xlabel: "timers that wait", chart: cpuOfRequest,
		about: "The timers are set by one request, and due in 10 to 70 minutes: by conn.Loop.After, or time.AfterFunc. Each request sets deadlines too.",
		xs:    []int{10, 1000, 100_000, 1_000_000}, needs: []string{contender.Timers},
		at: func(b *Bench, ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error {
			set := load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: fmt.Sprintf("%s?n=%d", peer.TimersPath, x), Conns: 1}
			if _, err := b.Load.Run(ctx, set); err != nil {
				return err
			}
			return b.among(ctx, g, c, s, load.Job{Conns: active}, x, round)
		}},
	{name: "growth-backlog", title: cpuOfRequest + ", 10 connections with more and more pipelined", xlabel: "requests in flight on a connection", chart: cpuOfRequest,
		xs: []int{1, 4, 16, 64, 256},
		at: func(b *Bench, ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error {
			return b.among(ctx, g, c, s, load.Job{Conns: active, Pipeline: x}, x, round)
		}},
	{name: "growth-hub", title: "CPU µs per member and message, a hub with more and more members", xlabel: "members", chart: "CPU µs per member and message",
		about: "server.Hub: 512 bytes to each, and again as soon as all have them.",
		xs:    []int{10, 100, 1000, 10_000}, quick: []int{10, 200}, needs: []string{contender.Hub}, at: (*Bench).toAll},
}

// Growth measures whether a request costs more when there is more of everything.
func Growth(ctx context.Context, b *Bench) error {
	for _, w := range growths {
		if b.Quick {
			w.xs = w.quick
		}
		if len(w.xs) == 0 {
			continue
		}
		if err := b.grow(ctx, w); err != nil {
			return err
		}
	}
	return b.loops(ctx)
}

func (b *Bench) grow(ctx context.Context, w growth) error {
	g := &present.Grid{Suite: "growth", Name: w.name, Title: w.title, About: w.about, Line: true, XLabel: w.xlabel, Chart: w.chart}
	if w.name != "growth-backlog" && w.name != "growth-many-timers" { // those are no descriptors
		w.xs = scaled(g, w.xs)
	}
	for _, x := range w.xs {
		g.Metrics = append(g.Metrics, present.Metric{Key: fmt.Sprint(x), Title: fmt.Sprint(x), X: float64(x), Lower: true})
	}
	b.Report.Grids = append(b.Report.Grids, g)
	who := b.growing(ctx, g, w.needs...)
	for round := range b.few() {
		for _, x := range w.xs {
			for _, c := range who {
				err := b.take(ctx, g, c, contender.HTTP, func(s *contender.Server) error { return w.at(b, ctx, g, c, s, x, round) })
				if err != nil {
					return err
				}
			}
		}
	}
	g.Sort(g.Metrics[len(g.Metrics)-1])
	g.Foot = trend(g)
	return nil
}

// growing are the contenders that are measured here and can do what is needed.
func (b *Bench) growing(ctx context.Context, g *present.Grid, needs ...string) []*contender.Contender {
	who := slices.DeleteFunc(b.who(ctx, g, append(needs, contender.HTTP)...), func(c *contender.Contender) bool {
		return !slices.Contains(growing, c.Name)
	})
	g.Rows = slices.DeleteFunc(g.Rows, func(row string) bool { return !slices.Contains(growing, row) }) // notes on others
	return who
}

// among lets 10 connections ask beside others. It opens the others first, and counts CPU only once they are there.
func (b *Bench) among(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, job load.Job, x, round int) error {
	job.Kind, job.Addr, job.Path, job.Active = contender.HTTP, s.Addr, peer.HelloPath, active
	rest := job
	rest.Conns, rest.Active, rest.Hold = job.Conns-active, 0, true
	if rest.Conns > 0 {
		_, done, err := b.Load.Start(ctx, rest)
		defer done()
		if err != nil {
			return err
		}
	}
	job.Conns, job.Hang = active, ""
	job.Warm, job.For = b.growTime()
	var res load.Result
	used, err := watch(s, func() (err error) {
		res, err = b.Load.Run(ctx, job)
		return err
	})
	if err != nil {
		return err
	}
	g.Add(c.Name, fmt.Sprint(x), round, used.each(res.All))
	b.Progress("%s: %d, round %d: %s %.2f µs", g.Title, x, round+1, c.Name, used.each(res.All))
	return nil
}

// growTime is how long a turn warms up, and how long it is counted.
func (b *Bench) growTime() (warm, count time.Duration) {
	if b.Quick {
		return 50 * time.Millisecond, 300 * time.Millisecond
	}
	return 200 * time.Millisecond, time.Duration(b.Seconds) * time.Second
}

// toAll lets one speak to x members. The generator reads the server's CPU itself, when they are all there.
func (b *Bench) toAll(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, x, round int) error {
	job := load.Job{Kind: "hub", Addr: s.Addr, Conns: x, Group: s.Group()}
	job.Warm, job.For = b.growTime()
	res, err := b.Load.Run(ctx, job)
	if err != nil {
		return err
	}
	each := micros(res.CPU) / float64(res.Requests)
	g.Add(c.Name, fmt.Sprint(x), round, each)
	b.Progress("%s: %d, round %d: %s %.2f µs, %.0f messages a second", g.Title, x, round+1, c.Name, each, res.Rate()/float64(x))
	return nil
}
