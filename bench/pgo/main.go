// Command pgo makes the profiles by which the compiler optimizes cmd/hello and the contender lurcher:
// it builds the contender without one, loads it with what servers mostly do, and writes what it spent its
// time on to default.pgo of both. `make pgo` in the project's directory runs it; the load takes half a minute.
//
// What it buys is measured like everything else, by two builds that take turns:
//
//	go run ./pgo -compare
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/load"
	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// targets get the profile, as seen from this module.
var targets = []string{"peers/lurcher/default.pgo", "../cmd/hello/default.pgo"}

// A share of the load is a job for a server in a mode.
type share struct {
	name, mode string
	job        load.Job
}

var shares = []share{
	{"hello", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.HelloPath}},
	{"16 pipelined", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.HelloPath, Pipeline: 16}},
	{"1 KB", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.JSONPath}},
	{"POST of 4 KB", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.PostPath, Body: 4096}},
	{"ten requests a connection", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.HelloPath, Limit: 10}},
	{"three pieces", contender.HTTP, load.Job{Kind: contender.HTTP, Path: peer.HelloPath, Pieces: 3}},
	{"TCP echo", contender.Echo, load.Job{Kind: contender.Echo, Size: 64}},
	{"WebSocket echo", contender.WS, load.Job{Kind: contender.WS, Size: 64}},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == load.Subcommand { // see package load
		exit(load.Generate(os.Args[2]))
	}
	compare := flag.Bool("compare", false, "measure what the profile that is there buys, and make none")
	rounds := flag.Int("rounds", 15, "of -compare")
	flag.Parse()
	dir, err := os.MkdirTemp("", "lurcher-pgo")
	if err == nil {
		m := &maker{dir: dir, load: load.Runner{Pin: []string{"taskset", "-c", "1"}, Log: func(string) {}}}
		if *compare {
			err = m.compare(context.Background(), *rounds)
		} else {
			err = m.make(context.Background())
		}
		os.RemoveAll(dir)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgo:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type maker struct {
	dir  string
	load load.Runner
}

// env is where a build of lurcher with these flags runs, and lurcher.
func (m *maker) env(name string, flags ...string) (*contender.Env, *contender.Contender, error) {
	e, err := contender.NewEnv(filepath.Join(m.dir, name), ".", []string{"taskset", "-c", "0"}, func(string) {})
	if err != nil {
		return nil, nil, err
	}
	e.Build = flags
	who, err := contender.Select(contender.All(), []string{"lurcher"})
	if err != nil {
		return nil, nil, err
	}
	return e, who[0], nil
}

// make loads a server for each share, and merges their profiles.
func (m *maker) make(ctx context.Context) error {
	e, lurcher, err := m.env("off", "-pgo=off")
	if err != nil {
		return err
	}
	merge := []string{"tool", "pprof", "-proto"}
	for i, s := range shares {
		file := filepath.Join(m.dir, fmt.Sprint(i, ".prof"))
		merge = append(merge, file)
		os.Setenv("LURCHER_PROFILE", file)
		srv, err := e.Start(ctx, lurcher, s.mode)
		if err != nil {
			return err
		}
		_, err = m.run(ctx, srv, s, 3*time.Second)
		if err == nil {
			err = endsItself(srv)
		}
		srv.Stop()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	os.Unsetenv("LURCHER_PROFILE")
	profile, err := exec.CommandContext(ctx, "go", merge...).Output()
	if err != nil {
		return fmt.Errorf("go tool pprof: %w", err)
	}
	for _, t := range targets {
		if err := os.WriteFile(t, profile, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes\n", t, len(profile))
	}
	return nil
}

// run loads a server with 64 connections for that long, and returns the CPU that each answer has cost it.
func (m *maker) run(ctx context.Context, srv *contender.Server, s share, long time.Duration) (time.Duration, error) {
	job := s.job
	job.Addr, job.Conns, job.Active, job.For = srv.Addr, 64, 64, long
	before := srv.CPU().Total()
	res, err := m.load.Run(ctx, job)
	if err != nil {
		return 0, err
	}
	return (srv.CPU().Total() - before) / time.Duration(max(res.All, 1)), nil
}

// endsItself ends a server in a way that lets it write its profile.
func endsItself(srv *contender.Server) error {
	if err := syscall.Kill(srv.Group(), syscall.SIGTERM); err != nil {
		return err
	}
	for range 500 {
		if pids, err := measure.Members(srv.Group()); err != nil || len(pids) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the server does not end")
}

// compare lets two builds take turns, one by the profile, and prints the medians of the ratios by round.
func (m *maker) compare(ctx context.Context, rounds int) error {
	var envs [2]*contender.Env
	var lurcher *contender.Contender
	for i, flags := range []string{"-pgo=off", "-pgo=auto"} {
		var err error
		if envs[i], lurcher, err = m.env(flags, flags); err != nil {
			return err
		}
	}
	fmt.Println("CPU by the profile ÷ without one, median (quartiles):")
	for _, s := range shares {
		var each [2][]float64
		for range rounds {
			for i, e := range envs {
				srv, err := e.Start(ctx, lurcher, s.mode)
				if err != nil {
					return err
				}
				cpu, err := m.run(ctx, srv, s, time.Second)
				srv.Stop()
				if err != nil {
					return err
				}
				each[i] = append(each[i], float64(cpu))
			}
		}
		fmt.Printf("%-26s %s\n", s.name, measure.Summarize(measure.Ratios(each[1], each[0])))
	}
	return nil
}
