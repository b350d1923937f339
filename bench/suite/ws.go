// The suite ws: WebSocket echo, one message to many, and idle connections.

package suite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/present"
)

// Sockets measures WebSocket servers. The floor echoes as many bytes over TCP, or writes them to all.
func Sockets(ctx context.Context, b *Bench) error {
	for _, conns := range []int{64, 10_000} {
		for _, size := range []int{64, 512, 16 << 10} {
			if b.Quick && (size != 64 || conns != 64) {
				continue
			}
			g := b.socketGrid(fmt.Sprintf("ws-%d-%d", size, conns), fmt.Sprintf("WebSocket echo of %d bytes, %d connections", size, conns))
			conns := scaled(g, []int{conns})[0]
			job := load.Job{Kind: contender.WS, Size: size, Conns: conns, Active: conns}
			floor := load.Job{Kind: contender.Echo, Size: size, Conns: conns, Active: conns}
			if err := b.sockets(ctx, g, contender.WS, contender.Echo, job, floor); err != nil {
				return err
			}
		}
	}
	conns := 10_000
	if b.Quick {
		conns = 200
	}
	g := b.socketGrid("ws-cast", fmt.Sprintf("WebSocket broadcast of 128 bytes to %d connections", conns))
	g.About = "A message is counted for each connection that it comes to. Latency is that of the last of them."
	job := load.Job{Kind: contender.Cast, Size: 128, Conns: scaled(g, []int{conns})[0], Active: 1}
	floor := job
	floor.Raw = true
	if err := b.sockets(ctx, g, contender.Cast, contender.Cast, job, floor); err != nil {
		return err
	}
	return b.idleSockets(ctx)
}

func (b *Bench) socketGrid(name, title string) *present.Grid {
	g := &present.Grid{Suite: "ws", Name: name, Title: title, Chart: cpuEach.Key, Metrics: scenario{}.metrics()}
	b.Report.Grids = append(b.Report.Grids, g)
	return g
}

// withFloor are the contenders that speak WebSocket, and the floor.
func (b *Bench) withFloor(ctx context.Context, g *present.Grid, mode string) []*contender.Contender {
	who := b.who(ctx, g, mode)
	if i := slices.IndexFunc(b.Contenders, func(c *contender.Contender) bool { return c.Name == present.Floor }); i >= 0 {
		if _, err := b.Env.Find(ctx, b.Contenders[i]); err == nil {
			who = append(who, b.Contenders[i])
		}
	}
	return who
}

func (b *Bench) sockets(ctx context.Context, g *present.Grid, mode, floorMode string, job, floor load.Job) error {
	who := b.withFloor(ctx, g, mode)
	rounds := b.Rounds
	if job.Conns > 64 {
		rounds = b.few()
	}
	for round := range rounds {
		for _, c := range who {
			mode, job := mode, job
			if c.Name == present.Floor {
				mode, job = floorMode, floor
			}
			job.Warm, job.For = 200*time.Millisecond, time.Duration(b.Seconds)*time.Second
			if b.Quick {
				job.Warm, job.For = 50*time.Millisecond, 400*time.Millisecond
			}
			err := b.take(ctx, g, c, mode, func(s *contender.Server) error { return b.socketLoad(ctx, g, c, s, job, round) })
			if err != nil {
				return err
			}
		}
	}
	saturated(g)
	g.Sort(cpuEach)
	return nil
}

// socketLoad records one sample. Handshakes are not in it: the generator asks what the server has spent when it
// begins to count messages, and when it ends.
func (b *Bench) socketLoad(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, job load.Job, round int) error {
	job.Addr, job.Server = s.Addr, s.Group()
	res, err := b.Load.Run(ctx, job)
	if err != nil {
		return err
	}
	res.All = res.Requests
	b.sample(g, c, round, res, spent{res.Server, res.Elapsed})
	return nil
}

// idleSockets measures what a connection costs that waits for a message.
func (b *Bench) idleSockets(ctx context.Context) error {
	n := 10_000
	if b.Quick {
		n = 1000
	}
	g := &present.Grid{Suite: "ws", Name: "ws-idle", Title: "Idle WebSocket connections", Chart: "rss"}
	n = scaled(g, []int{n})[0]
	g.Metrics = []present.Metric{
		{Key: "rss", Title: fmt.Sprintf("bytes of RSS at %d", n), Versus: []string{present.Ours}, Lower: true},
		{Key: "heap", Title: "bytes of heap", Lower: true},
		{Key: "objects", Title: "objects", Lower: true},
	}
	b.Report.Grids = append(b.Report.Grids, g)
	who := b.who(ctx, g, contender.WS)
	for round := range b.few() {
		for _, c := range who {
			err := b.take(ctx, g, c, contender.WS, func(s *contender.Server) error { return b.idleSocket(ctx, g, c, s, n, round) })
			if err != nil {
				return err
			}
		}
	}
	g.Sort(g.Metrics[0])
	return nil
}

func (b *Bench) idleSocket(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, n, round int) error {
	heap := func() (bytes, objects int64, err error) {
		if !c.Go {
			return 0, 0, nil
		}
		return s.Heap()
	}
	warm := load.Job{Kind: contender.WS, Addr: s.Addr, Size: 64, Conns: 10, Active: 10, Requests: 200}
	if _, err := b.Load.Run(ctx, warm); err != nil {
		return err
	}
	bytes0, objects0, err := heap()
	if err != nil {
		return err
	}
	before, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	_, done, err := b.Load.Start(ctx, load.Job{Kind: contender.WS, Addr: s.Addr, Size: 64, Conns: n, Hold: true})
	defer done()
	if err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond) // a server may have something to do yet
	after, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	each := float64(after.RSS-before.RSS) / float64(n)
	g.Add(c.Name, "rss", round, each)
	b.Progress("%d idle sockets, round %d: %s %.0f bytes each", n, round+1, c.Name, each)
	if !c.Go {
		return nil
	}
	bytes, objects, err := heap()
	if err != nil {
		return err
	}
	g.Add(c.Name, "heap", round, float64(bytes-bytes0)/float64(n))
	g.Add(c.Name, "objects", round, float64(objects-objects0)/float64(n))
	return nil
}
