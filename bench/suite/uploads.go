// The suite upload: large bodies from many clients at once.

package suite

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// Uploads measures large bodies from many clients at once, of which nobody needs to hold more than a part:
// HttpArena's upload.
func Uploads(ctx context.Context, b *Bench) error {
	conns, size := 256, 20<<20
	if b.Quick {
		conns, size = 16, 1<<20
	}
	g := &present.Grid{Suite: "upload", Name: "upload", Chart: "peak",
		Title: fmt.Sprintf("Bodies of %d MB from %d clients at once", size>>20, conns),
		About: "By Content-Length; the answer comes when all of it was read.",
		Metrics: []present.Metric{
			{Key: "peak", Title: "peak of RSS, MB beyond what it was", Versus: []string{present.Ours}, Lower: true},
			{Key: "cpu", Title: "CPU ms per 100 MB", Versus: []string{present.Ours}, Lower: true},
			{Key: "rate", Title: "MB a second"},
			{Key: "generator", Title: "generator busy"},
		}}
	b.Report.Grids = append(b.Report.Grids, g)
	for round := range b.few() {
		for _, c := range b.who(ctx, g, contender.HTTP, contender.Post, contender.Upload) {
			err := b.take(ctx, g, c, contender.HTTP, func(s *contender.Server) error { return b.upload(ctx, g, c, s, conns, size, round) })
			if err != nil {
				return err
			}
		}
	}
	g.Sort(g.Metrics[0])
	return nil
}

func (b *Bench) upload(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, conns, size, round int) error {
	warm := load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: peer.PostPath, Body: 4096, Conns: 1, Active: 1, Requests: 100}
	if _, err := b.Load.Run(ctx, warm); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	before, err := forgetPeak(s)
	if err != nil {
		return err
	}
	start := time.Now()
	var res load.Result
	used, err := watch(s, func() (err error) {
		res, err = b.Load.Run(ctx, load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: peer.PostPath, Body: size, Stream: true, Conns: conns})
		return err
	})
	if err != nil {
		return err
	}
	took := time.Since(start)
	after, err := measure.GroupMemory(s.Group())
	if err != nil {
		return err
	}
	mb := float64(res.All) * float64(size) / (1 << 20)
	peak := float64(after.Peak-before.RSS) / (1 << 20)
	g.Add(c.Name, "peak", round, peak)
	g.Add(c.Name, "cpu", round, millis(used.cpu.Total())/mb*100)
	g.Add(c.Name, "rate", round, mb/took.Seconds())
	g.Add(c.Name, "generator", round, res.Busy)
	b.Progress("%s, round %d: %s %.1f MB more, %.0f MB/s", g.Title, round+1, c.Name, peak, mb/took.Seconds())
	return nil
}

// forgetPeak makes the peak of a server's memory what it is now, proc(5), which it returns.
func forgetPeak(s *contender.Server) (measure.Memory, error) {
	pids, err := measure.Members(s.Group())
	if err != nil {
		return measure.Memory{}, err
	}
	for _, pid := range pids {
		os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0)
	}
	return measure.GroupMemory(s.Group())
}
