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
var growing = []string{"lurcher", "floor", "gnet", "evio", "fasthttp", "nbio", "net", "nginx", "node"}

// Growth measures whether a request costs more when there is more of everything.
func Growth(ctx context.Context, b *Bench) error {
	idle, timers, backlog := []int{10, 1000, 5000, 19000}, []int{10, 1000, 5000, 19000}, []int{1, 4, 16, 64, 256}
	if b.Quick {
		idle, timers, backlog = []int{10, 1000}, nil, nil
	}
	http := func(addr string) load.Job {
		return load.Job{Kind: contender.HTTP, Addr: addr, Path: peer.HelloPath, Active: active, Conns: active}
	}
	err := b.grow(ctx, "growth-connections", "CPU µs per request, 10 connections active among many", "connections", idle, nil,
		func(addr string, n int) load.Job {
			j := http(addr)
			j.Conns = n
			return j
		})
	if err != nil {
		return err
	}
	err = b.grow(ctx, "growth-timers", "CPU µs per request, 10 connections active beside answers that wait for a timer", "answers waiting and connections active", timers,
		[]string{contender.Delay}, func(addr string, n int) load.Job {
			j := http(addr)
			j.Conns, j.Hang = n, peer.DelayPath+"?ms=60000"
			return j
		})
	if err != nil {
		return err
	}
	return b.grow(ctx, "growth-backlog", "CPU µs per request, 10 connections with more and more pipelined", "requests in flight on a connection", backlog, nil,
		func(addr string, n int) load.Job {
			j := http(addr)
			j.Pipeline = n
			return j
		})
}

func (b *Bench) grow(ctx context.Context, name, title, xlabel string, xs []int, needs []string, job func(addr string, n int) load.Job) error {
	if len(xs) == 0 {
		return nil
	}
	g := &present.Grid{Suite: "growth", Name: name, Title: title, Line: true, XLabel: xlabel, Chart: "CPU µs per request"}
	xs = scaled(g, xs)
	for _, x := range xs {
		g.Metrics = append(g.Metrics, present.Metric{Key: fmt.Sprint(x), Title: fmt.Sprint(x), X: float64(x), Lower: true})
	}
	b.Report.Grids = append(b.Report.Grids, g)
	who := slices.DeleteFunc(b.who(ctx, g, append(needs, contender.HTTP)...), func(c *contender.Contender) bool {
		return !slices.Contains(growing, c.Name)
	})
	for round := range min(b.Rounds, 3) {
		for _, x := range xs {
			for _, c := range who {
				err := b.take(ctx, g, c, contender.HTTP, func(s *contender.Server) error {
					return b.atSize(ctx, g, c, s, job(s.Addr, x), x, round)
				})
				if err != nil {
					return err
				}
			}
		}
	}
	g.Sort(g.Metrics[len(g.Metrics)-1])
	return nil
}

// atSize opens the connections first, and counts CPU only once they are there.
func (b *Bench) atSize(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, job load.Job, x, round int) error {
	rest := job
	rest.Conns, rest.Active, rest.Hold = job.Conns-job.Active, 0, true
	if rest.Conns > 0 {
		_, done, err := b.Load.Start(ctx, rest)
		defer done()
		if err != nil {
			return err
		}
	}
	job.Conns, job.Hang = job.Active, ""
	job.Warm, job.For = 200*time.Millisecond, time.Duration(b.Seconds)*time.Second
	if b.Quick {
		job.Warm, job.For = 50*time.Millisecond, 300*time.Millisecond
	}
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
