// The system calls of each server, counted under strace.

package suite

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/present"
)

// traced is how many requests, or batches of them, are made under strace: enough for the opening of the
// connections not to count.
const traced = 20_000

// trace counts the system calls of each server under a load, once: strace slows it down so much that
// nothing else of that run means anything.
func (b *Bench) trace(ctx context.Context, g *present.Grid, who []*contender.Contender, sc scenario) error {
	if _, err := exec.LookPath("strace"); err != nil {
		b.skip("system calls per request", "strace is not installed")
		return nil
	}
	each := max(sc.pipeline, 1)
	title := "system calls each"
	if each > 1 {
		title = fmt.Sprintf("system calls per %d", each)
	}
	g.Metrics = append(g.Metrics, present.Metric{Key: "calls", Title: title, Lower: true, Once: true})
	for _, c := range who {
		err := b.take(ctx, g, c, sc.mode, func(s *contender.Server) error {
			calls, made, err := b.strace(ctx, s, sc)
			if err != nil {
				return fmt.Errorf("strace: %w", err)
			}
			g.Add(c.Name, "calls", 0, calls.total()*float64(each)/float64(made))
			note := fmt.Sprintf("system calls: %s", calls.most(4, float64(each)/float64(made)))
			g.Note(c.Name, note)
			b.Progress("%s: %s: %s", g.Title, c.Name, note)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) strace(ctx context.Context, s *contender.Server, sc scenario) (counts, int, error) {
	pids, err := measure.Members(s.Group())
	if err != nil {
		return nil, 0, err
	}
	file := filepath.Join(b.Env.Dir, "strace.txt")
	args := []string{"strace", "-c", "-f", "-o", file}
	for _, pid := range pids {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	b.Env.Log(strings.Join(args, " "))
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, 0, err
	}
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	attached, lines := 0, bufio.NewScanner(stderr)
	for attached < len(pids) && lines.Scan() { // a line for each process, and more for their threads
		if strings.Contains(lines.Text(), "attached") {
			attached++
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	job := sc.job(s.Addr)
	job.Requests = traced * max(sc.pipeline, 1)
	res, loadErr := b.Load.Run(ctx, job)
	cmd.Process.Signal(syscall.SIGINT) // it lets the server go and writes what it has counted
	cmd.Wait()
	if loadErr != nil {
		return nil, 0, loadErr
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	c, err := parseStrace(string(text))
	return c, res.All, err
}

// counts are system calls by name.
type counts map[string]int

// parseStrace reads the table of strace -c: time, seconds, usecs/call, calls, errors if any, name.
func parseStrace(text string) (counts, error) {
	c := counts{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] == "total" {
			continue
		}
		if n, err := strconv.Atoi(f[3]); err == nil {
			c[f[len(f)-1]] += n
		}
	}
	if len(c) == 0 {
		return nil, fmt.Errorf("no table in %.200q", text)
	}
	return c, nil
}

func (c counts) total() (sum float64) {
	for _, n := range c {
		sum += float64(n)
	}
	return sum
}

// most lists the n most frequent, each times by.
func (c counts) most(n int, by float64) string {
	var names []string
	for name := range c {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(c[b]-c[a], strings.Compare(a, b)) })
	var out []string
	for _, name := range names[:min(n, len(names))] {
		out = append(out, fmt.Sprintf("%s %.2f", name, float64(c[name])*by))
	}
	return strings.Join(out, ", ")
}
