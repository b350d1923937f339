// The suite delay: answers from a timer.

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

// Delay measures answers that are given by a timer.
func Delay(ctx context.Context, b *Bench) error {
	sizes, delay, waves := []int{100, 10_000}, 2*time.Second, 2
	if b.Quick {
		sizes, delay, waves = []int{100}, 200*time.Millisecond, 1
	}
	for _, n := range sizes {
		g := &present.Grid{Suite: "delay", Name: fmt.Sprintf("delay-%d", n), Chart: "worst",
			Title: fmt.Sprintf("Answers after %v, %d connections", delay, n),
			About: fmt.Sprintf("Requests on each connection, one after the other: %d. All connections begin at once.", waves),
			Metrics: []present.Metric{
				{Key: "worst", Title: "latest, ms late", Lower: true},
				{Key: "p50", Title: "p50, ms late", Lower: true},
				{Key: "rate", Title: "rate ÷ ideal"},
				{Key: "peak", Title: "peak bytes of RSS per connection", Lower: true},
				{Key: "generator", Title: "generator busy"},
			}}
		b.Report.Grids = append(b.Report.Grids, g)
		if most := descriptors(); n > most {
			g.About += fmt.Sprintf(" Descriptors allow %d connections here.", most)
			n = most
		}
		who := b.who(ctx, g, contender.HTTP, contender.Delay)
		for round := range b.few() {
			for _, c := range who {
				err := b.take(ctx, g, c, contender.HTTP, func(s *contender.Server) error {
					return b.delay(ctx, g, c, s, n, waves, delay, round)
				})
				if err != nil {
					return err
				}
			}
		}
		g.Sort(g.Metrics[0])
	}
	return nil
}

func (b *Bench) delay(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, n, waves int, delay time.Duration, round int) error {
	path := fmt.Sprintf("%s?ms=%d", peer.DelayPath, delay.Milliseconds())
	warm := load.Job{Kind: "delay", Addr: s.Addr, Path: peer.DelayPath + "?ms=1", Conns: 1, Delay: time.Millisecond, Waves: 10}
	if _, err := b.Load.Run(ctx, warm); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	before, err := forgetPeak(s)
	if err != nil {
		return err
	}
	res, err := b.Load.Run(ctx, load.Job{Kind: "delay", Addr: s.Addr, Path: path, Conns: n, Delay: delay, Waves: waves})
	if err != nil {
		return err
	}
	after, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	g.Add(c.Name, "worst", round, millis(res.Max))
	g.Add(c.Name, "p50", round, millis(res.P50))
	g.Add(c.Name, "rate", round, res.Rate()/(float64(n)/delay.Seconds()))
	g.Add(c.Name, "peak", round, float64(after.Peak-before.RSS)/float64(n))
	g.Add(c.Name, "generator", round, res.Busy)
	b.Progress("%s, round %d: %s worst %.1f ms late", g.Title, round+1, c.Name, millis(res.Max))
	return nil
}
