package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/present"
	"github.com/lurcher-net/lurcher/bench/suite"
)

// build makes the program that is tested: it starts itself again, so that the test binary will not do.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it builds contenders and loads them for some seconds")
	}
	prog := filepath.Join(t.TempDir(), "bench")
	if msg, err := exec.Command("go", "build", "-o", prog, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	return prog
}

func TestQuickRunMeasuresWhatItSays(t *testing.T) {
	prog, out := build(t), t.TempDir()
	cmd := exec.Command(prog, "-quick", "-only", "servers,echo,ws,client,proxy,idle,delay,fairness,growth", "-contenders", "lurcher,floor,net,gws", "-out", out)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	r, err := present.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*present.Grid{}
	for _, g := range r.Grids {
		got[g.Name] = g
	}
	for name, metrics := range map[string][]string{
		"hello-64": {"rate", "cpu", "p50", "p99"}, "pipelined-16": {"rate", "cpu"}, "echo-64": {"rate", "cpu"},
		"idle-rss": {"1000"}, "idle-heap": {"1000", "objects 1000"}, "delay-100": {"worst", "rate", "peak"},
		"fair-burn": {"p50", "p99", "max", "late"}, "fair-visits": {"p99", "max"}, "growth-connections": {"10", "1000"},
	} {
		g := got[name]
		if g == nil {
			t.Errorf("no table %s", name)
			continue
		}
		for _, who := range []string{"lurcher", "net"} {
			for _, m := range metrics {
				if len(g.Samples[who][m]) != 1 {
					t.Errorf("%s: %s has %v for %s; notes: %v", name, who, g.Samples[who][m], m, g.Notes)
				}
			}
		}
	}
	for name, metric := range map[string]string{"ws-64-64": "cpu", "ws-cast": "cpu", "ws-idle": "rss"} {
		for _, who := range []string{"lurcher", "gws"} {
			if g := got[name]; g == nil || len(g.Samples[who][metric]) != 1 {
				t.Errorf("%s: nothing is measured of %s", name, who)
			}
		}
	}
	for name, metrics := range map[string]string{"client-64": "cpu", "client-idle": "rss", "proxy-hello": "cpu"} {
		if g := got[name]; g == nil || len(g.Samples["lurcher"][metrics]) != 1 {
			t.Errorf("%s: nothing is measured", name)
		}
	}
	if t.Failed() {
		return
	}
	// What cannot depend on how busy the machine is.
	if rate := got["delay-100"].Median("lurcher", "rate"); rate > 1.02 {
		t.Errorf("delayed answers at %.2f of the rate that the delay allows", rate)
	}
	if heap := got["idle-heap"].Median("lurcher", "1000"); heap < 32 || heap > 4096 {
		t.Errorf("%.0f bytes of heap for an idle connection", heap)
	}
	if _, err := os.Stat(filepath.Join(out, "hello-64.svg")); err != nil {
		t.Error(err)
	}
	nothingLeft(t, cmd.Process.Pid)
}

func TestInterruptEndsEverything(t *testing.T) {
	prog := build(t)
	// A name of its own in the environment tells what this run has started from what others have.
	mark := fmt.Sprintf("LURCHER_BENCH_TEST=%d-%d", os.Getpid(), time.Now().UnixNano())
	cmd := exec.Command(prog, "-only", "servers", "-contenders", "net", "-out", t.TempDir())
	cmd.Env = append(os.Environ(), mark)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a server under load", func() bool { return marked(t, mark, "/bin/net") > 0 && marked(t, mark, "127.0.0.1") > 1 })
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err == nil {
		t.Error("an interrupted run says that it went well")
	}
	waitFor(t, "all of them to end", func() bool { return marked(t, mark, "") == 0 })
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			t.Fatalf("waited for %s", what)
		}
	}
}

// marked counts the processes with mark in their environment and arg in their command line.
func marked(t *testing.T, mark, arg string) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(env), mark) {
			continue
		}
		if line, err := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline")); err == nil && strings.Contains(string(line), arg) {
			n++
		}
	}
	return n
}

// nothingLeft: a run's own process group is empty; servers have groups of their own, and die with it.
func nothingLeft(t *testing.T, pgid int) {
	t.Helper()
	if pids, err := measure.Members(pgid); err == nil {
		t.Errorf("processes %v are left", pids)
	}
}

func TestEverySuiteHasAPlaceOnThePage(t *testing.T) {
	t.Parallel()
	for _, s := range suite.All() {
		if !present.Knows(s.Name) {
			t.Errorf("the page leaves out what the suite %s measures", s.Name)
		}
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	prog := build(t)
	for _, args := range [][]string{{"-only", "nonsense"}, {"-contenders", "nonsense"}} {
		msg, err := exec.Command(prog, append(args, "-out", t.TempDir())...).CombinedOutput()
		if err == nil || !strings.Contains(string(msg), `"nonsense"`) {
			t.Errorf("%v: %v, %s", args, err, msg)
		}
	}
}
