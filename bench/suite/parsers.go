// The suite parsers: how the programs of parsers are built and measured.

package suite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/parsers/heads"
	"github.com/lurcher-net/lurcher/bench/present"
)

// A parserProgram is one that speaks heads.Serve's protocol.
type parserProgram struct {
	what  string // whom it holds, for the list of who was skipped
	build func(context.Context, *Bench) (string, error)
	only  int    // take so many of its parsers; 0: all
	as    string // another name for the first of them
}

var parserPrograms = []parserProgram{
	{what: "the Go parsers", build: func(ctx context.Context, b *Bench) (string, error) {
		return b.Env.GoBuild(ctx, "parsers/golang", "parse-go")
	}},
	{what: "lurcher, portable path", only: 1, as: "lurcher, portable (-tags purego)", build: func(ctx context.Context, b *Bench) (string, error) {
		list := exec.CommandContext(ctx, "go", "list", "-f", "{{.SFiles}}", "github.com/lurcher-net/lurcher/parser")
		list.Dir = b.Env.Bench
		out, err := list.Output()
		if err == nil && strings.TrimSpace(string(out)) == "[]" {
			return "", errors.New("the parser has no assembly for this machine: the portable path is the row lurcher")
		}
		return b.Env.GoBuild(ctx, "parsers/golang", "parse-go-portable", "-tags", "purego")
	}},
	{what: "floors in C", build: cParser("floor")},
	{what: "picohttpparser", build: picohttpparser},
	{what: "http-parser", build: cParser("http_parser", "-lhttp_parser")},
	{what: "llhttp", build: llhttp},
	{what: "httparse", build: httparse},
	{what: "silverlining and indigo", build: func(context.Context, *Bench) (string, error) {
		return "", errors.New("their modules, github.com/go-www/silverlining and github.com/indigo-web/indigo, are not served by the module proxy that this was made with")
	}},
	{what: "wildcat", build: func(context.Context, *Bench) (string, error) {
		return "", errors.New("its module, github.com/evanphx/wildcat, is not served by the module proxy that this was made with")
	}},
}

// cParser compiles parsers/c/name.c for this machine's processor.
func cParser(name string, more ...string) func(context.Context, *Bench) (string, error) {
	return func(ctx context.Context, b *Bench) (string, error) {
		cc, err := exec.LookPath("cc")
		if err != nil {
			return "", errors.New("there is no C compiler")
		}
		src := filepath.Join(b.Env.Bench, "parsers/c")
		out := filepath.Join(b.Env.Cache, "parse-"+name)
		args := append([]string{cc, "-O3", "-march=native", "-o", out, filepath.Join(src, name+".c")}, more...)
		if newer(out, filepath.Join(src, name+".c"), filepath.Join(src, "driver.h")) {
			b.Env.Log(strings.Join(args, " "))
			return out, nil
		}
		return out, b.compile(ctx, b.Env.Bench, nil, args...)
	}
}

// picoSource is where the sources of picohttpparser are, for a build with SSE4.2; without them it is the one
// that Debian has built into h2o's library, for any amd64.
var picoSource = os.Getenv("PICOHTTPPARSER")

func picohttpparser(ctx context.Context, b *Bench) (string, error) {
	if picoSource == "" {
		return cParser("picohttpparser", "-lh2o-evloop")(ctx, b)
	}
	out := filepath.Join(b.Env.Cache, "parse-picohttpparser-source")
	return out, b.compile(ctx, b.Env.Bench, nil, "cc", "-O3", "-march=native", "-o", out,
		filepath.Join(b.Env.Bench, "parsers/c/picohttpparser.c"), filepath.Join(picoSource, "picohttpparser.c"))
}

// llhttp's sources are what Debian's node-llhttp installs.
func llhttp(ctx context.Context, b *Bench) (string, error) {
	const src, include = "/usr/share/llhttp/", "/usr/share/include/llhttp"
	if _, err := os.Stat(src + "llhttp.c"); err != nil {
		return "", errors.New("node-llhttp, which has its sources, is not installed")
	}
	return cParser("llhttp", "-I"+include, src+"api.c", src+"http.c", src+"llhttp.c")(ctx, b)
}

// httparse is built by cargo, offline, from what Debian's librust-httparse-dev installs.
func httparse(ctx context.Context, b *Bench) (string, error) {
	crates, _ := filepath.Glob("/usr/share/cargo/registry/httparse-*")
	if len(crates) == 0 {
		return "", errors.New("librust-httparse-dev is not installed")
	}
	dir := filepath.Join(b.Env.Cache, "rust")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for in, out := range map[string]string{"Cargo.toml.in": "Cargo.toml", "main.rs": "main.rs"} {
		text, err := os.ReadFile(filepath.Join(b.Env.Bench, "parsers/rust", in))
		if err != nil {
			return "", err
		}
		text = []byte(strings.ReplaceAll(string(text), "HTTPARSE", crates[len(crates)-1]))
		if old, err := os.ReadFile(filepath.Join(dir, out)); err == nil && bytes.Equal(old, text) {
			continue // cargo goes by the time of the file
		}
		if err := os.WriteFile(filepath.Join(dir, out), text, 0o644); err != nil {
			return "", err
		}
	}
	err := b.compile(ctx, dir, []string{"RUSTFLAGS=-C target-cpu=native"}, "cargo", "build", "--release", "--offline", "--quiet")
	return filepath.Join(dir, "target/release/parse"), err
}

func (b *Bench) compile(ctx context.Context, dir string, env []string, args ...string) error {
	b.Env.Log(strings.Join(append(env, args...), " "))
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(msg)), "\n")
		return fmt.Errorf("it does not build here: %w: %s", err, first)
	}
	return nil
}

// newer tells whether out was written after all of srcs.
func newer(out string, srcs ...string) bool {
	o, err := os.Stat(out)
	if err != nil {
		return false
	}
	for _, src := range srcs {
		if s, err := os.Stat(src); err != nil || !o.ModTime().After(s.ModTime()) {
			return false
		}
	}
	return true
}

// A parsing is one parser, in a program that runs.
type parsing struct {
	name  string
	index int
	*parsingProgram
}

type parsingProgram struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// Parsers measures heads per second, batch by batch.
func Parsers(ctx context.Context, b *Bench) error {
	sets := heads.All()
	var files []string
	for _, s := range sets {
		f, err := s.Write(b.Env.Dir)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	var all []parsing
	for _, p := range parserPrograms {
		ps, err := b.startParser(ctx, p, files)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			b.skip("parser: "+p.what, err.Error())
			continue
		}
		all = append(all, ps...)
		defer ps[0].stop()
	}
	for i, s := range sets {
		if err := b.parseSet(ctx, all, i, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) startParser(ctx context.Context, p parserProgram, files []string) ([]parsing, error) {
	prog, err := p.build(ctx, b)
	if err != nil {
		return nil, err
	}
	args := append(append(append([]string{}, b.Env.Pin...), prog), files...)
	b.Env.Log(strings.Join(args, " "))
	run := &parsingProgram{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	run.cmd.Stderr = os.Stderr
	run.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if run.in, err = run.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := run.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := run.cmd.Start(); err != nil {
		return nil, err
	}
	run.lines = bufio.NewScanner(out)
	if !run.lines.Scan() {
		run.stop()
		return nil, errors.New("it ended at once")
	}
	names := strings.Split(run.lines.Text(), "\t")
	if p.only > 0 {
		names = names[:p.only]
	}
	if p.as != "" {
		names[0] = p.as
	}
	var ps []parsing
	for i, name := range names {
		ps = append(ps, parsing{name, i, run})
	}
	return ps, nil
}

func (p *parsingProgram) stop() {
	p.in.Close() // it ends with its input
	p.cmd.Wait()
}

// run parses as many heads as so many passes over the set are, drawn from the seed on.
func (p parsing) run(set, passes, seed int) (time.Duration, error) {
	if _, err := fmt.Fprintf(p.in, "%d %d %d %d\n", p.index, set, passes, seed); err != nil {
		return 0, err
	}
	if !p.lines.Scan() {
		return 0, errors.New("it ended")
	}
	ns, err := strconv.ParseInt(p.lines.Text(), 10, 64)
	if err != nil {
		return 0, errors.New(strings.TrimPrefix(p.lines.Text(), "error "))
	}
	return time.Duration(ns), nil
}

// batch is how long one turn of a parser takes, and turns how many rounds there are to one of a server.
const (
	batch = 5 * time.Millisecond
	turns = 12
)

func (b *Bench) parseSet(ctx context.Context, all []parsing, index int, set heads.Set) error {
	g := &present.Grid{Suite: "parsers", Name: "parsers-" + set.Name, Title: "A request head: " + set.Title, Chart: "ns", Metrics: []present.Metric{
		{Key: "ns", Title: "ns per head", Versus: []string{present.Ours}, Lower: true},
		{Key: "best", Title: "at best", Versus: []string{present.Ours}, Lower: true, Once: true},
		{Key: "mb", Title: "MB/s"},
	}}
	b.Report.Grids = append(b.Report.Grids, g)
	passes := make([]int, len(all))
	for i, p := range all {
		n, err := calibrate(p, index)
		if err != nil {
			g.Note(p.name, "not measured: it said "+err.Error())
			continue
		}
		passes[i] = n
	}
	rounds := b.Rounds * turns
	for round := range rounds {
		for i, p := range all {
			if passes[i] == 0 {
				continue
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			d, err := p.run(index, passes[i], round)
			if err != nil {
				return fmt.Errorf("parser %s: %w", p.name, err)
			}
			ns := float64(d) / float64(passes[i]*len(set.Heads))
			g.Add(p.name, "ns", round, ns)
			g.Add(p.name, "mb", round, float64(set.Bytes())/float64(len(set.Heads))/ns*1000)
		}
	}
	for row, samples := range g.Samples {
		if ns := samples["ns"]; len(ns) > 0 {
			g.Add(row, "best", 0, slices.Min(ns))
		}
	}
	if picoSource == "" {
		g.Note("picohttpparser (C)", "as Debian builds it for every amd64, without SSE4.2: upstream's build is faster, see PICOHTTPPARSER")
	} else {
		g.Note("picohttpparser (C)", "upstream's source, -O3 -march=native")
	}
	g.Note("net/http", "ReadRequest, which allocates the request and its header map")
	g.Sort(g.Metrics[0])
	b.Progress("%s: lurcher %.1f ns, %d rounds", g.Title, g.Median(present.Ours, "ns"), rounds)
	return nil
}

// calibrate finds how many passes a batch takes.
func calibrate(p parsing, set int) (int, error) {
	for n := 1; ; n *= 2 {
		d, err := p.run(set, n, n)
		if err != nil {
			return 0, err
		}
		if d >= batch {
			return n, nil
		}
	}
}
