// The suites servers and echo: what an answer costs a server.

package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A scenario is one load that all servers get.
type scenario struct {
	name, title, about string
	mode               string
	needs              string // an ability, see contender
	path               string
	conns, pipeline    int
	body, size         int
	close              bool   // a connection for each request
	limit, pieces      int    // requests of a connection; writes of a request
	turns              []turn // requests that are made in turn, in place of path and body
	h2load             bool   // the generator
	trace              bool   // count its system calls
	quick              bool   // part of a quick run
	few                bool   // fewer rounds, and leave rare out
}

var serverScenarios = []scenario{
	{name: "hello-1", few: true, title: "Hello, 1 connection", path: peer.HelloPath, conns: 1},
	{name: "hello-64", title: "Hello, 64 connections", path: peer.HelloPath, conns: 64, trace: true, quick: true},
	{name: "hello-512", few: true, title: "Hello, 512 connections", path: peer.HelloPath, conns: 512},
	{name: "pipelined-16", title: "Hello, 64 connections, 16 requests pipelined", path: peer.HelloPath, conns: 64, pipeline: 16, trace: true, quick: true,
		about: "Our own generator, since wrk parses each answer and would be the bottleneck. Latency is that of a batch of 16."},
	{name: "h2load-64", few: true, title: "Hello, 64 connections, by h2load", path: peer.HelloPath, conns: 64, h2load: true,
		about: "A second generator, to check the first. It sends a User-Agent too."},
	{name: "h2load-16", few: true, title: "Hello, 64 connections, 16 requests pipelined, by h2load", path: peer.HelloPath, conns: 64, pipeline: 16, h2load: true,
		about: "By a generator that parses each answer, and so is the limit sooner than ours."},
	{name: "json-64", title: "1 KB of JSON, 64 connections", path: peer.JSONPath, needs: contender.JSON, conns: 64},
	{name: "api-64", title: "1 KB of JSON that is made for each request, 64 connections", path: peer.APIPath, needs: contender.API, conns: 64,
		about: "By encoding/json in all Go programs, so that most of it is the same for all of them."},
	{name: "large-64", title: "64 KB, 64 connections", path: peer.LargePath, needs: contender.Large, conns: 64},
	{name: "file-64", few: true, title: "64 KB from a file, 64 connections", path: peer.FilePath, needs: contender.File, conns: 64,
		about: "The answer before this comes from memory where a server is a program, from a file where it serves those: here it is a file for all. " +
			"lurcher and lighttpd keep it open, and look once a second whether it is still the same; the others open it for each answer."},
	{name: "post-64", title: "POST of 4 KB, 64 connections", path: peer.PostPath, needs: contender.Post, conns: 64, body: 4096},
	{name: "close-64", title: "A connection for each request, 64 at a time", path: peer.HelloPath, conns: 64, close: true,
		about: "With \"Connection: close\": the cost of accepting and closing."},
	{name: "limited-64", few: true, title: "Ten requests a connection, 64 at a time", path: peer.HelloPath, conns: 64, limit: 10,
		about: "The client closes after ten, and connects anew: HttpArena's limited-conn."},
	{name: "baseline-64", few: true, title: "GETs and POSTs of two bytes in turn, 64 connections", path: peer.HelloPath, needs: contender.Post, conns: 64,
		turns: []turn{{path: peer.HelloPath}, {peer.PostPath, 2}}, about: "As in HttpArena's baseline."},
	{name: "static-64", few: true, title: "Twenty files of 1 to 64 KB in turn, 64 connections", path: peer.StaticPath + "00.txt", needs: contender.File, conns: 64,
		turns: statics(), about: "As in HttpArena's static, without compression."},
	{name: "pieces-64", few: true, title: "Hello, 64 connections, each request in three pieces", path: peer.HelloPath, needs: contender.Pieces, conns: 64, pieces: 3,
		about: "Each piece is a segment of its own: heads that come in parts, as in HttpArena's baseline."},
}

// A turn is one of several requests that a load makes in turn.
type turn struct {
	path string
	body int // bytes to POST; 0 is a GET
}

// statics are GETs of all files.
func statics() (all []turn) {
	paths, _ := peer.Statics()
	for _, p := range paths {
		all = append(all, turn{path: p})
	}
	return all
}

// rare are the contenders that the scenarios do without that say little more than others: a run is long enough.
var rare = []string{"evio", "hertz", "nbio", "node", "node cluster"}

var echoScenarios = []scenario{
	{name: "echo-64", title: "Echo of 64 bytes, 64 connections", mode: contender.Echo, needs: contender.Echo, conns: 64, size: 64, quick: true},
	{name: "echo-16k", title: "Echo of 16 KB, 64 connections", mode: contender.Echo, needs: contender.Echo, conns: 64, size: 16 << 10},
}

// Servers measures HTTP servers.
func Servers(ctx context.Context, b *Bench) error {
	return b.scenarios(ctx, "servers", serverScenarios)
}

// Echo measures TCP servers.
func Echo(ctx context.Context, b *Bench) error { return b.scenarios(ctx, "echo", echoScenarios) }

func (b *Bench) scenarios(ctx context.Context, suite string, all []scenario) error {
	for _, sc := range all {
		if b.Quick && !sc.quick {
			continue
		}
		if err := b.scenario(ctx, suite, sc); err != nil {
			return err
		}
	}
	return nil
}

// cpuEach is what servers are ranked by.
var cpuEach = present.Metric{Key: "cpu", Title: "CPU µs each", Versus: []string{present.Floor, present.Ours}, Lower: true}

// metrics are the columns of a scenario: h2load tells no quantiles.
func (sc scenario) metrics() []present.Metric {
	rate := []present.Metric{
		{Key: "rate", Title: "per second", Versus: []string{present.Floor}},
		cpuEach,
		{Key: "user", Title: "of it user", Lower: true},
	}
	latency := []present.Metric{
		{Key: "p50", Title: "p50 µs", Versus: []string{present.Floor}, Lower: true},
		{Key: "p99", Title: "p99 µs", Lower: true},
	}
	if sc.h2load {
		latency = []present.Metric{{Key: "mean", Title: "mean µs", Versus: []string{present.Floor}, Lower: true}}
	}
	return slices.Concat(rate, latency, []present.Metric{
		{Key: "busy", Title: "server busy"},
		{Key: "generator", Title: "generator busy"},
	})
}

func (b *Bench) scenario(ctx context.Context, suite string, sc scenario) error {
	if sc.mode == "" {
		sc.mode = contender.HTTP
	}
	if sc.h2load && !load.Has("h2load") {
		b.skip("h2load", "it is missing, and with it "+sc.title)
		return nil
	}
	if sc.turns != nil && !load.Has("wrk") {
		b.skip("wrk", "it is missing, and with it "+sc.title)
		return nil
	}
	g := &present.Grid{Suite: suite, Name: sc.name, Title: sc.title, About: sc.about, Chart: cpuEach.Key, Metrics: sc.metrics()}
	b.Report.Grids = append(b.Report.Grids, g)
	who := b.who(ctx, g, sc.mode, sc.needs)
	rounds := b.Rounds
	if sc.few {
		rounds = b.few()
		who = slices.DeleteFunc(who, func(c *contender.Contender) bool { return slices.Contains(rare, c.Name) })
		g.Rows = slices.DeleteFunc(g.Rows, func(row string) bool { return slices.Contains(rare, row) })
	}
	for round := range rounds {
		for _, c := range who {
			err := b.take(ctx, g, c, sc.mode, func(s *contender.Server) error { return b.load(ctx, g, c, s, sc, round) })
			if err != nil {
				return err
			}
		}
	}
	if sc.trace && !b.Quick {
		if err := b.trace(ctx, g, who, sc); err != nil {
			return err
		}
	}
	saturated(g)
	g.Sort(cpuEach)
	return nil
}

// load warms the server up, then loads it and records one sample of everything.
func (b *Bench) load(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, sc scenario, round int) error {
	warm := sc.job(s.Addr)
	warm.Requests = 2000
	if b.Quick {
		warm.Requests = 200
	}
	if _, err := b.Load.Run(ctx, warm); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	var res load.Result
	used, err := watch(s, func() (err error) {
		res, err = b.generate(ctx, s.Addr, sc)
		return err
	})
	if err != nil {
		return err
	}
	b.sample(g, c, round, res, used)
	return nil
}

// sample records what one load has shown.
func (b *Bench) sample(g *present.Grid, c *contender.Contender, round int, res load.Result, used spent) {
	g.Add(c.Name, "rate", round, res.Rate())
	g.Add(c.Name, "cpu", round, used.each(res.All))
	g.Add(c.Name, "user", round, micros(used.cpu.User)/float64(res.All))
	if res.Mean > 0 {
		g.Add(c.Name, "mean", round, micros(res.Mean))
	} else {
		g.Add(c.Name, "p50", round, micros(res.P50))
		g.Add(c.Name, "p99", round, micros(res.P99))
	}
	g.Add(c.Name, "busy", round, used.busy())
	g.Add(c.Name, "generator", round, res.Busy)
	b.Progress("%s, round %d of %d: %s %.0f/s, %.2f µs of CPU each", g.Title, round+1, b.Rounds, c.Name, res.Rate(), used.each(res.All))
}

// generate uses the generator that the scenario names, or else wrk where it can do the job, and the one of
// our own where it cannot.
func (b *Bench) generate(ctx context.Context, addr string, sc scenario) (load.Result, error) {
	if sc.h2load {
		return b.Load.H2load(ctx, "http://"+addr+sc.path, sc.conns, sc.pipeline, b.Seconds)
	}
	wrk := load.Has("wrk") && sc.mode == contender.HTTP && sc.pipeline <= 1 && sc.limit == 0 && sc.pieces == 0 && !b.Quick
	if !wrk && sc.close {
		return load.Result{}, fmt.Errorf("it takes wrk to open a connection for each request, which is missing")
	}
	if !wrk {
		job := sc.job(addr)
		job.Warm, job.For = 200*time.Millisecond, time.Duration(b.Seconds)*time.Second
		if b.Quick {
			job.Warm, job.For = 50*time.Millisecond, 400*time.Millisecond
		}
		return b.Load.Run(ctx, job)
	}
	script, err := b.script(sc)
	if err != nil {
		return load.Result{}, err
	}
	var header []string
	if sc.close {
		header = []string{"Connection: close"}
	}
	return b.Load.Wrk(ctx, "http://"+addr+sc.path, sc.conns, b.Seconds, script, header...)
}

// script writes what wrk needs to make other requests than a GET of one path, and returns the file's name.
func (b *Bench) script(sc scenario) (name string, err error) {
	var lua strings.Builder
	switch {
	case sc.turns != nil:
		lua.WriteString("local all, n = {}, 0\nfunction init(args)\n")
		for i, t := range sc.turns {
			method, body := "GET", "nil"
			if t.body > 0 {
				method, body = "POST", strconv.Quote(load.PostBody(t.body))
			}
			fmt.Fprintf(&lua, "\tall[%d] = wrk.format(%q, %q, nil, %s)\n", i+1, method, t.path, body)
		}
		lua.WriteString("end\nfunction request()\n\tn = n % #all + 1\n\treturn all[n]\nend\n")
	case sc.body > 0:
		fmt.Fprintf(&lua, "wrk.method = \"POST\"\nwrk.body = %q\n", load.PostBody(sc.body))
	default:
		return "", nil
	}
	name = filepath.Join(b.Env.Dir, sc.name+".lua")
	return name, os.WriteFile(name, []byte(lua.String()), 0o644)
}

// job is the scenario for the generator of our own.
func (sc scenario) job(addr string) load.Job {
	kind := contender.HTTP
	if sc.mode == contender.Echo {
		kind = contender.Echo
	}
	return load.Job{Kind: kind, Addr: addr, Path: sc.path, Body: sc.body, Size: sc.size, Conns: sc.conns, Active: sc.conns, Pipeline: sc.pipeline,
		Limit: sc.limit, Pieces: sc.pieces}
}
