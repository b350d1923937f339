// The suite client: what a request costs who asks.

package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A question is one load that all clients make.
type question struct {
	name, title, about string
	path               string
	conns, pipeline    int
	quick              bool
}

var questions = []question{
	{name: "client-1", title: "Client: one request at a time", path: peer.HelloPath, conns: 1, pipeline: 1},
	{name: "client-64", title: "Client: 64 connections", path: peer.HelloPath, conns: 64, pipeline: 1, quick: true},
	{name: "client-512", title: "Client: 512 connections", path: peer.HelloPath, conns: 512, pipeline: 1},
	{name: "client-1k", title: "Client: 1 KB of JSON, 64 connections", path: peer.JSONPath, conns: 64, pipeline: 1},
	{name: "client-16", title: "Client: 64 connections, 16 requests pipelined", path: peer.HelloPath, conns: 64, pipeline: 16},
}

// Clients measures clients: they have the core that servers have otherwise, and the floor of servers answers
// them from the generator's.
func Clients(ctx context.Context, b *Bench) error {
	floor, err := b.answerer(ctx, "floor")
	if err != nil {
		return err
	}
	defer floor.Stop()
	found := b.findClients(ctx)
	for _, q := range questions {
		if b.Quick && !q.quick {
			continue
		}
		if err := b.question(ctx, q, floor.Addr, found); err != nil {
			return err
		}
	}
	return b.idleClients(ctx, found)
}

// answerer starts a server on the generator's core.
func (b *Bench) answerer(ctx context.Context, name string) (*contender.Server, error) {
	who, err := contender.Select(contender.All(), []string{name})
	if err != nil {
		return nil, err
	}
	return b.Env.On(b.Load.Pin).Start(ctx, who[0], contender.HTTP)
}

// A found client can be started.
type found struct {
	*contender.Client
	line []string
}

func (b *Bench) findClients(ctx context.Context) (all []found) {
	for _, c := range contender.Clients() {
		line, err := b.Env.FindClient(ctx, c)
		if err != nil {
			b.skip("client "+c.Name, err.Error())
			continue
		}
		b.Report.Who = append(b.Report.Who, [2]string{"client " + c.Name, c.Note})
		all = append(all, found{c, line})
	}
	return all
}

func (b *Bench) question(ctx context.Context, q question, addr string, all []found) error {
	g := &present.Grid{Suite: "client", Name: q.name, Title: q.title, About: q.about, Chart: cpuEach.Key, Metrics: []present.Metric{
		{Key: "rate", Title: "per second", Versus: []string{present.Floor}}, cpuEach, {Key: "user", Title: "of it user", Lower: true},
	}}
	b.Report.Grids = append(b.Report.Grids, g)
	job := ask.Job{Addr: addr, Path: q.path, Conns: q.conns, Pipeline: q.pipeline, Warm: 300 * time.Millisecond, For: time.Duration(b.Seconds) * time.Second}
	if b.Quick {
		job.Warm, job.For = 100*time.Millisecond, 400*time.Millisecond
	}
	rounds := b.few()
	if q.conns == 64 {
		rounds = b.Rounds
	}
	for round := range rounds {
		for _, c := range all {
			if q.pipeline > 1 && !c.Pipelines {
				continue
			}
			r, err := b.Env.Ask(ctx, c.line, job)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				b.Progress("%s: %s: %v", q.title, c.Name, err)
				g.Note(c.Name, "failed: "+err.Error())
				continue
			}
			each := micros(r.User+r.System) / float64(r.Requests)
			g.Add(c.Name, "rate", round, float64(r.Requests)/r.Elapsed.Seconds())
			g.Add(c.Name, cpuEach.Key, round, each)
			g.Add(c.Name, "user", round, micros(r.User)/float64(r.Requests))
			b.Progress("%s, round %d of %d: %s %.2f µs of CPU each", q.title, round+1, rounds, c.Name, each)
		}
	}
	for _, c := range all {
		if c.Less {
			g.Mark(c.Name, "\\*", "\\* Does less than a client has to: see [contenders](#contenders).")
		}
	}
	g.Sort(cpuEach)
	return nil
}

// idleClients measures what a client holds for connections that have had one answer each, at the same time.
func (b *Bench) idleClients(ctx context.Context, all []found) error {
	slow, err := b.answerer(ctx, "lurcher")
	if err != nil {
		return err
	}
	defer slow.Stop()
	n := 5000
	if b.Quick {
		n = 500
	}
	g := &present.Grid{Suite: "client", Name: "client-idle", Title: fmt.Sprintf("Client: bytes of resident memory for each of %d idle connections", n),
		About:   "Each has had one answer, all of them after a second.",
		Chart:   "rss",
		Metrics: []present.Metric{{Key: "rss", Title: "bytes", Versus: []string{present.Ours}, Lower: true}}}
	b.Report.Grids = append(b.Report.Grids, g)
	for round := range b.few() {
		for _, c := range all {
			if c.Idle != "" {
				g.Note(c.Name, "not measured: "+c.Idle)
				continue
			}
			r, err := b.Env.Ask(ctx, c.line, ask.Job{Addr: slow.Addr, Path: peer.DelayPath + "?ms=1000", Conns: n, Idle: true})
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				g.Note(c.Name, "failed: "+err.Error())
				continue
			}
			g.Add(c.Name, "rss", round, float64(r.RSS)/float64(n))
			b.Progress("%s, round %d: %s %.0f", g.Title, round+1, c.Name, float64(r.RSS)/float64(n))
		}
	}
	g.Sort(g.Metrics[0])
	return nil
}
