// Command bench measures lurcher beside what a user would pick instead, and writes a report:
//
//	go run .                                    everything, an hour and a half
//	go run . -quick                             little of everything, a minute or so
//	go run . -only servers,echo -rounds 3       two suites
//	go run . -contenders lurcher,floor,nginx    three contenders
//
// README.md says what the tables mean.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/present"
	"github.com/lurcher-net/lurcher/bench/suite"
)

// kept is the directory of the report that is part of the project.
const kept = "report"

type options struct {
	quick              bool
	only, contenders   string
	rounds, seconds    int
	out                string
	render             bool
	serverPin, loadPin []string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == load.Subcommand { // see package load
		exit(load.Generate(os.Args[2]))
	}
	var o options
	flag.BoolVar(&o.quick, "quick", false, "little of everything, in a minute or so: to see that it works, not to quote")
	flag.StringVar(&o.only, "only", "", "suites to run, with commas: "+strings.Join(names(suite.All()), ","))
	flag.StringVar(&o.contenders, "contenders", "", "servers to run, with commas; all of them if empty")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contender gets its turn")
	flag.IntVar(&o.seconds, "seconds", 2, "of load for each figure of a round")
	flag.StringVar(&o.out, "out", "", "the directory of the report, where suites that are not run keep what it says of them; report if empty, or report/quick.tmp")
	flag.BoolVar(&o.render, "render", false, "write the report anew from the data of an earlier run")
	flag.Parse()
	if o.out == "" {
		if o.out = kept; o.quick {
			o.out = filepath.Join(kept, "quick.tmp") // a quick run is no report to keep
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func names(all []suite.Suite) (out []string) {
	for _, s := range all {
		out = append(out, s.Name)
	}
	return out
}

func run(ctx context.Context, o options) error {
	if o.render {
		r, err := present.Read(o.out)
		if err != nil {
			return err
		}
		return write(r, o.out)
	}
	b, tidy, err := prepare(ctx, &o)
	if err != nil {
		return err
	}
	defer tidy()
	suites := suite.All()
	if o.only != "" {
		want := strings.Split(o.only, ",")
		for _, w := range want {
			if !slices.Contains(names(suites), w) {
				return fmt.Errorf("no suite %q: there are %s", w, strings.Join(names(suites), ", "))
			}
		}
		suites = slices.DeleteFunc(suites, func(s suite.Suite) bool { return !slices.Contains(want, s.Name) })
	}
	for _, c := range b.Contenders { // building is not measuring: get it done first
		b.Env.Find(ctx, c)
	}
	b.Report.Versions = versions(ctx, b.Env, b.Contenders)
	b.Report.Started = time.Now()
	for _, s := range suites {
		start := time.Now()
		err = s.Run(ctx, b)
		b.Progress("%s took %v", s.Name, time.Since(start).Round(time.Second))
		if err != nil {
			break
		}
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	b.Report.Took = time.Since(b.Report.Started)
	if err != nil {
		// What was measured is kept, but not in the place of a whole report.
		o.out = filepath.Join(o.out, "unfinished.tmp")
	} else if old, err := present.Read(o.out); err == nil {
		b.Report.Merge(old)
	}
	if werr := write(b.Report, o.out); werr != nil {
		return werr
	}
	b.Progress("report: %s", filepath.Join(o.out, "README.md"))
	return err
}

// write writes the report; the one that is kept is what the project's README has its figures from.
func write(r *present.Report, dir string) error {
	err := r.Write(dir)
	if err == nil && filepath.Clean(dir) == kept {
		err = r.UpdateReadme(filepath.Join("..", "README.md"))
	}
	return err
}

// prepare makes ready what all suites need. tidy removes the scratch directory.
func prepare(ctx context.Context, o *options) (b *suite.Bench, tidy func(), err error) {
	here, err := moduleDir(ctx)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "lurcher-bench")
	if err != nil {
		return nil, nil, err
	}
	tidy = func() { os.RemoveAll(dir) }
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		o.serverPin, o.loadPin = []string{"taskset", "-c", "0"}, []string{"taskset", "-c", "1"}
	}
	r := &present.Report{Command: "go run . " + strings.Join(os.Args[1:], " ")}
	start := time.Now()
	b = &suite.Bench{
		Report: r, Quick: o.quick, Rounds: o.rounds, Seconds: o.seconds,
		Progress: func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
		},
	}
	log := once(dir, &r.Commands)
	b.Load = load.Runner{Pin: o.loadPin, Log: log}
	if b.Env, err = contender.NewEnv(dir, here, o.serverPin, log); err != nil {
		tidy()
		return nil, nil, err
	}
	var who []string
	if o.contenders != "" {
		who = strings.Split(o.contenders, ",")
	} else if o.quick {
		who = suite.Quick
	}
	if o.quick {
		b.Rounds = 1
	}
	if b.Contenders, err = contender.Select(contender.All(), who); err != nil {
		tidy()
		return nil, nil, err
	}
	for _, c := range b.Contenders {
		r.Who = append(r.Who, [2]string{c.Name, c.Note})
	}
	r.Machine = machine(*o, b.Env.Procs)
	return b, tidy, nil
}

var (
	port = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	pids = regexp.MustCompile(`( -p |"Server":)\d+`)
)

// once keeps command lines, those that differ in nothing but the port as one.
func once(dir string, to *[]string) func(string) {
	seen := map[string]bool{}
	return func(line string) {
		line = strings.ReplaceAll(line, dir, "$DIR")
		if self, err := os.Executable(); err == nil {
			line = strings.ReplaceAll(line, self, "bench")
		}
		line = port.ReplaceAllString(line, "127.0.0.1:PORT")
		line = pids.ReplaceAllString(line, "${1}PID")
		if !seen[line] {
			seen[line] = true
			*to = append(*to, line)
		}
	}
}

// moduleDir is where this module is: the contenders are built from its sources.
func moduleDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-json").Output()
	var m struct{ Path, Dir string }
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil || !strings.HasSuffix(m.Path, "/bench") {
		return "", fmt.Errorf("run it in the directory bench of lurcher, where its sources are (%v)", err)
	}
	return m.Dir, nil
}
