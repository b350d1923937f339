// What machine this is, and which versions are measured.

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/lurcher-net/lurcher/bench/contender"
)

// machine is what has to be known of this machine to read the figures.
func machine(o options, procs string) [][2]string {
	line := func(file, key string) string {
		b, _ := os.ReadFile(file)
		for l := range strings.Lines(string(b)) {
			if name, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == key {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	read := func(file string) string {
		b, _ := os.ReadFile(file)
		return strings.Join(strings.Fields(string(b)), " ")
	}
	pinned := "no: taskset is missing, or there is one core only"
	if len(o.serverPin) > 0 {
		pinned = fmt.Sprintf("servers and parsers `%s`, generators `%s`", strings.Join(o.serverPin, " "), strings.Join(o.loadPin, " "))
	}
	flags := line("/proc/cpuinfo", "flags")
	var has []string
	for _, f := range []string{"sse4_2", "avx2", "bmi2", "avx512bw", "hypervisor"} {
		if strings.Contains(" "+flags+" ", " "+f+" ") {
			has = append(has, f)
		}
	}
	var files syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	return [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores (%s)", line("/proc/cpuinfo", "model name"), runtime.NumCPU(), strings.Join(has, " "))},
		{"threads on the core of processor 0", read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")},
		{"memory", line("/proc/meminfo", "MemTotal")},
		{"kernel", read("/proc/sys/kernel/osrelease")},
		{"load when it began", read("/proc/loadavg")},
		{"pinned", pinned},
		{"GOMAXPROCS of servers", procs},
		{"descriptors", strconv.FormatUint(files.Cur, 10)},
	}
}

// versions are those of Go, of the tools, and of every contender that was found.
func versions(ctx context.Context, e *contender.Env, cs []*contender.Contender) [][2]string {
	out := [][2]string{{"Go", runtime.Version()}}
	tool := func(name string, args ...string) {
		if _, err := exec.LookPath(name); err == nil {
			b, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
			first, _, _ := strings.Cut(string(b), "\n")
			out = append(out, [2]string{name, first})
		}
	}
	tool("git", "describe", "--always", "--dirty")
	tool("wrk", "-v")
	tool("h2load", "--version")
	tool("strace", "-V")
	tool("cc", "--version")
	tool("rustc", "--version")
	tool("dpkg-query", "-f", "${Package} ${Version}, ", "-W", "libh2o-evloop-dev", "libhttp-parser-dev", "node-llhttp", "librust-httparse-dev")
	for _, c := range cs {
		if v := e.Version(ctx, c); v != "" {
			out = append(out, [2]string{c.Name, v})
		}
	}
	return out
}
