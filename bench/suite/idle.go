// The suite idle: what a connection holds that waits.

package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// Idle measures what a connection costs that has made one request and waits.
func Idle(ctx context.Context, b *Bench) error {
	sizes, rounds := []int{1000, 5000, 19000}, b.few()
	if b.Quick {
		sizes = []int{1000}
	}
	grid := func(name, title string) *present.Grid {
		return &present.Grid{Suite: "idle", Name: name, Title: title, Line: !b.Quick, XLabel: "connections", Chart: title}
	}
	rss := grid("idle-rss", "Bytes of resident memory per idle connection")
	heap := grid("idle-heap", "Bytes and objects of heap per idle connection")
	sizes = scaled(rss, sizes)
	for _, n := range sizes {
		rss.Metrics = append(rss.Metrics, present.Metric{Key: fmt.Sprint(n), Title: fmt.Sprintf("%d connections", n), X: float64(n), Lower: true})
		heap.Metrics = append(heap.Metrics,
			present.Metric{Key: fmt.Sprint(n), Title: fmt.Sprintf("bytes at %d", n), X: float64(n), Lower: true},
			present.Metric{Key: fmt.Sprintf("objects %d", n), Title: "objects", Lower: true})
	}
	if b.Quick {
		rss.Chart, heap.Chart = rss.Metrics[0].Key, heap.Metrics[0].Key
	}
	b.Report.Grids = append(b.Report.Grids, rss, heap)
	who := b.who(ctx, rss, contender.HTTP)
	for round := range rounds {
		for _, n := range sizes {
			for _, c := range who {
				if c.Conns > 0 && n > c.Conns {
					rss.Note(c.Name, fmt.Sprintf("not measured with %d connections: %s", n, c.Why))
					continue
				}
				err := b.take(ctx, rss, c, contender.HTTP, func(s *contender.Server) error { return b.idle(ctx, rss, heap, c, s, n, round) })
				if err != nil {
					return err
				}
			}
		}
	}
	rss.Sort(rss.Metrics[len(rss.Metrics)-1])
	heap.Sort(heap.Metrics[len(heap.Metrics)-2])
	return nil
}

func (b *Bench) idle(ctx context.Context, rss, heap *present.Grid, c *contender.Contender, s *contender.Server, n, round int) error {
	// What a server allocates once, for all connections, is not what is measured.
	warm := load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: peer.HelloPath, Conns: 1, Active: 1, Requests: 200}
	if _, err := b.Load.Run(ctx, warm); err != nil {
		return err
	}
	var bytes0, objects0 int64
	if c.Go {
		var err error
		if bytes0, objects0, err = s.Heap(); err != nil {
			return err
		}
	}
	before, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	_, done, err := b.Load.Start(ctx, load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: peer.HelloPath, Conns: n, Hold: true})
	defer done()
	if err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond) // a server may have something to do yet after its last answer
	after, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	each := float64(after.RSS-before.RSS) / float64(n)
	rss.Add(c.Name, fmt.Sprint(n), round, each)
	b.Progress("%d idle connections, round %d: %s %.0f bytes each", n, round+1, c.Name, each)
	if !c.Go {
		return nil
	}
	bytes, objects, err := s.Heap()
	if err != nil {
		return err
	}
	heap.Add(c.Name, fmt.Sprint(n), round, float64(bytes-bytes0)/float64(n))
	heap.Add(c.Name, fmt.Sprintf("objects %d", n), round, float64(objects-objects0)/float64(n))
	return nil
}
