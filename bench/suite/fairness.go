// The suite fairness: how long a light client waits beside heavy and hostile ones.

package suite

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A crowd is who comes beside a light client.
type crowd struct {
	name, title, about string
	mode               string   // how the server is asked; "" is HTTP
	needs              []string // abilities, see contender
	job                load.Job // what each of them does; no Attack: nobody comes
	quick              bool
}

const smallest = "Their receive buffers are as small as the system allows."

var crowds = []crowd{
	{name: "nobody", title: "nobody"},
	{name: "many", title: "256 connections, each with a request in flight", job: load.Job{Attack: "ask", Path: peer.HelloPath, Conns: 256}},
	{name: "pipelines", title: "8 clients that pipeline without end", job: load.Job{Attack: "pipeline", Path: peer.HelloPath, Conns: 8}},
	{name: "burn", title: "one client that pipelines at a handler of 300 µs", needs: []string{contender.Burn}, quick: true,
		job: load.Job{Attack: "pipeline", Path: peer.BurnPath + "?us=300", Conns: 1}},
	{name: "visits", title: "64 clients that come and go, a request each", quick: true,
		job: load.Job{Attack: "visit", Path: peer.HelloPath, Conns: 64}},
	{name: "unread", title: "4000 clients of an endless answer that do not read", needs: []string{contender.Endless},
		about: smallest, job: load.Job{Attack: "ignore", Path: peer.EndlessPath, Conns: 4000}},
	{name: "unread-file", title: "4000 clients of a file of 1 GB that do not read", needs: []string{contender.File},
		about: smallest, job: load.Job{Attack: "ignore", Path: peer.HugePath, Conns: 4000}},
	{name: "downloads", title: "64 clients of an endless answer that read as fast as they can", needs: []string{contender.Endless},
		job: load.Job{Attack: "swallow", Path: peer.EndlessPath, Conns: 64}},
	{name: "downloads-file", title: "64 clients of a file of 1 GB that read as fast as they can", needs: []string{contender.File},
		job: load.Job{Attack: "swallow", Path: peer.HugePath, Conns: 64}},
	{name: "uploads", title: "64 clients that upload 20 MB, over and over", needs: []string{contender.Post},
		job: load.Job{Attack: "upload", Path: peer.PostPath, Body: 20 << 20, Conns: 64}},
	{name: "crumbs", title: "16 clients that send chunks of one byte", needs: []string{contender.Post},
		job: load.Job{Attack: "crumbs", Path: peer.PostPath, Conns: 16}},
	{name: "drips", title: "4000 heads of which a byte a second comes", job: load.Job{Attack: "drip", Path: peer.HelloPath, Conns: 4000}},
	{name: "hub", title: "a broadcast to 4000 that do not read, again and again", needs: []string{contender.Hub},
		about: "512 bytes to each, as soon as the one who asks for it has its answer.",
		job:   load.Job{Attack: "ignore", Path: peer.JoinPath, Say: peer.SayPath, Conns: 4000}},
	{name: "tls-drips", title: "4000 TLS handshakes of which a byte a second comes", mode: contender.TLS,
		about: "The light client speaks TLS too: each of its new connections is a handshake.",
		job:   load.Job{Attack: "handshake", Conns: 4000}},
	{name: "tls-visits", title: "64 clients that make TLS handshakes and go", mode: contender.TLS,
		about: "The light client speaks TLS too.",
		job:   load.Job{Attack: "handshakes", Conns: 64}},
}

// fair are the servers whose fairness is measured, if the run is not told whom to take; tolerable is the p99 in ms that
// ours is meant to stay below.
var fair = []string{present.Ours, "net", "nginx", "fasthttp"}

const tolerable = 20

const probing = 50 * time.Millisecond

var fairMetrics = []present.Metric{
	{Key: "p50", Title: "p50 ms", Lower: true},
	{Key: "p99", Title: "p99 ms", Versus: []string{present.Ours}, Lower: true},
	{Key: "max", Title: "max ms", Lower: true},
	{Key: "lost", Title: "no answer, of 100", Lower: true},
	{Key: "busy", Title: "server busy"},
	{Key: "late", Title: "probe late, max ms", Lower: true},
}

// Fairness measures how long a light client waits beside heavy ones and hostile ones.
func Fairness(ctx context.Context, b *Bench) error {
	all := &present.Grid{Suite: "fairness", Name: "fairness", Title: "A light client beside others: p99 and max, ms",
		About: fmt.Sprintf("A request each %v, on a connection that was used before and on a new one in turn, beside those on the left: "+
			"the first of them come while it asks. One without an answer counts as 10 s. Medians of what the tables below have. "+
			"The row of nobody is what the machine adds by itself. The client shares a core with the crowd, at a higher priority: "+
			"by how much it woke up too late to ask, at most, is in the last column of each table below.", probing)}
	b.Report.Grids = append(b.Report.Grids, all)
	for _, who := range fair {
		all.Metrics = append(all.Metrics, present.Metric{Key: who + " p99", Title: who + " p99", Lower: true, Once: true},
			present.Metric{Key: who + " max", Title: "max", Lower: true, Once: true})
	}
	for _, c := range crowds {
		if b.Quick && !c.quick {
			continue
		}
		g, err := b.crowd(ctx, c)
		if err != nil {
			return err
		}
		summarize(all, c.title, g)
	}
	all.Foot = verdict(all)
	return nil
}

func (b *Bench) crowd(ctx context.Context, c crowd) (*present.Grid, error) {
	if c.mode == "" {
		c.mode = contender.HTTP
	}
	g := &present.Grid{Suite: "fairness", Name: "fair-" + c.name, Title: "A light client beside " + c.title, About: c.about, Chart: "p99", Metrics: fairMetrics}
	b.Report.Grids = append(b.Report.Grids, g)
	if most := descriptors(); c.job.Conns > most {
		c.job.Conns = scaled(g, []int{c.job.Conns})[0]
	}
	if b.Quick {
		c.job.Conns = min(c.job.Conns, 200)
	}
	who := slices.DeleteFunc(b.who(ctx, g, append([]string{contender.HTTP}, c.needs...)...), func(s *contender.Contender) bool {
		return !slices.Contains(fair, s.Name)
	})
	g.Rows = slices.DeleteFunc(g.Rows, func(row string) bool { return !slices.Contains(fair, row) }) // notes on others
	for round := range b.few() {
		for _, s := range who {
			err := b.take(ctx, g, s, c.mode, func(on *contender.Server) error { return b.beside(ctx, g, s, on, c, round) })
			if err != nil {
				return nil, err
			}
		}
	}
	g.Sort(fairMetrics[1])
	return g, nil
}

// beside lets the crowd come while the probe is asking already. The crowd has a low priority on the core that
// they share, and the probe a high one if it may: how late it was is in the table.
func (b *Bench) beside(ctx context.Context, g *present.Grid, c *contender.Contender, s *contender.Server, who crowd, round int) error {
	warm := load.Job{Kind: contender.HTTP, Addr: s.Addr, Path: peer.HelloPath, Conns: 10, Active: 10, Requests: 1000}
	if who.mode == contender.HTTP {
		if _, err := b.Load.Run(ctx, warm); err != nil {
			return fmt.Errorf("warming up: %w", err)
		}
	}
	probe, prober := load.Job{Kind: "probe", Addr: s.Addr, TLS: who.mode == contender.TLS, Every: probing, For: 3 * time.Duration(b.Seconds) * time.Second}, b.Load
	if b.Quick {
		probe.For = time.Second
	}
	if os.Geteuid() == 0 {
		prober = prober.Nice(-15)
	}
	var res load.Result
	probed := make(chan error, 1)
	used, err := watch(s, func() error {
		go func() {
			var err error
			res, err = prober.Run(ctx, probe)
			probed <- err
		}()
		time.Sleep(4 * probing)
		err := error(nil)
		if who.job.Attack != "" {
			job := who.job
			job.Kind, job.Addr, job.Hold, job.For = "attack", s.Addr, true, probe.For
			var done func()
			_, done, err = b.Load.Nice(5).Start(ctx, job)
			defer done()
		}
		if perr := <-probed; err == nil {
			err = perr
		}
		return err
	})
	if err != nil {
		return err
	}
	for key, x := range map[string]float64{"p50": millis(res.P50), "p99": millis(res.P99), "max": millis(res.Max), "late": millis(res.Late),
		"lost": 100 * float64(res.Lost) / float64(res.Requests), "busy": used.busy()} {
		g.Add(c.Name, key, round, x)
	}
	if res.Lost > 0 {
		g.Note(c.Name, fmt.Sprintf("round %d: %d of %d without an answer, the first of them: %s", round+1, res.Lost, res.Requests, res.Error))
	}
	b.Progress("%s, round %d: %s p50 %.2f, p99 %.2f, max %.2f ms, %d lost; the probe was %.2f ms late", g.Title, round+1, c.Name,
		millis(res.P50), millis(res.P99), millis(res.Max), res.Lost, millis(res.Late))
	return nil
}

// summarize puts the medians of g into one row.
func summarize(all *present.Grid, title string, g *present.Grid) {
	for _, who := range fair {
		for _, key := range []string{"p99", "max"} {
			if x := g.Median(who, key); !math.IsNaN(x) {
				all.Add(title, who+" "+key, 0, x)
			}
		}
		if note := g.Notes[who]; strings.HasPrefix(note, "not measured") || strings.HasPrefix(note, "failed") {
			all.Note(title, who+" "+note)
		}
	}
}

// verdict says of the table whether ours has the lowest p99 of all, and whether that is tolerable.
func verdict(all *present.Grid) string {
	best, n := 0, 0
	var missed []string
	for _, row := range all.Rows {
		ours := all.Median(row, present.Ours+" p99")
		if math.IsNaN(ours) {
			continue
		}
		n++
		better := ""
		for _, who := range fair {
			if x := all.Median(row, who+" p99"); x < ours {
				better += fmt.Sprintf(", %s has %.2f", who, x)
			}
		}
		if better == "" {
			best++
		}
		if better != "" || ours >= tolerable {
			missed = append(missed, fmt.Sprintf("%s (%.2f ms%s)", row, ours, better))
		}
	}
	if n == 0 {
		return ""
	}
	text := fmt.Sprintf("Of %d rows lurcher has the lowest p99 in %d; the aim is all of them, and each below %d ms.", n, best, tolerable)
	if len(missed) > 0 {
		text += " Missed: " + strings.Join(missed, "; ") + "."
	}
	return text
}
