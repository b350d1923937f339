// Clusters and crowds: what load finds. With LURCHER_SHOW=1 as large as the
// documents say, otherwise a little of it.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// found is what load prints with -json.
type found struct {
	Clients, Messages, Missed, Twice, Unordered, Lost int
	Received, Reconnects, Resent                      int
	Latency, Ack                                      struct{ P50, P90, P99, P999, Max time.Duration }
}

// load runs the load tool, and meanwhile what is to happen.
func load(t *testing.T, meanwhile func(), args ...string) (r found) {
	t.Helper()
	if _, err := build(); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "load")
	if out, err := exec.Command("go", "build", "-o", bin, "./load").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, append(args, "-json")...)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); meanwhile() }()
	err := cmd.Wait()
	<-done
	if jerr := json.Unmarshal(out.Bytes(), &r); jerr != nil {
		lines := strings.Split(progress.String(), "\r")
		t.Fatalf("load: %v: %s\n%s", err, out.String(), lines[len(lines)-1])
	}
	t.Logf("%+v", r)
	if r.Missed+r.Twice+r.Unordered+r.Lost != 0 || r.Received == 0 {
		t.Errorf("%d missed, %d twice, %d out of order, %d lost", r.Missed, r.Twice, r.Unordered, r.Lost)
	}
	return r
}

func shown() bool { return os.Getenv("LURCHER_SHOW") == "1" }

// nodes starts a cluster of three.
func nodes(t *testing.T, args ...string) (all [3]*process, urls string) {
	t.Helper()
	var at [3]string
	var routes []string
	for i := range at {
		at[i] = port(t)
		routes = append(routes, "nats://"+at[i])
	}
	started := make(chan int)
	for i := range all {
		go func() {
			defer func() { started <- i }()
			all[i] = start(t, append([]string{"-addr", port(t), "-data", t.TempDir(), "-node", fmt.Sprint("n", i), "-cluster", "c",
				"-cluster-listen", at[i], "-routes", strings.Join(routes, ","), "-nodes", "3", "-rate", "1e6", "-burst", "1000000"}, args...)...)
		}()
	}
	for range all {
		<-started
	}
	if t.Failed() {
		t.FailNow()
	}
	return all, all[0].base + "," + all[1].base + "," + all[2].base
}

// Kill -9 of a node while messages are said: its clients go to others, and miss
// nothing and get nothing twice.
func TestClusterLosesANode(t *testing.T) {
	t.Parallel()
	clients, messages, rate, keep := 90, 1500, 300, 5000
	if shown() {
		clients, messages, rate, keep = 3000, 100_000, 2000, 50_000
	}
	all, urls := nodes(t, "-keep", fmt.Sprint(keep))
	r := load(t, func() {
		saidAtLeast(t, all[0], messages/6)
		all[2].kill()
	}, "-urls", urls, "-clients", fmt.Sprint(clients), "-messages", fmt.Sprint(messages), "-rate", fmt.Sprint(rate), "-rooms", "30", "-loops", "1")
	if r.Reconnects == 0 {
		t.Error("no client lost its connection: the node was killed too late")
	}
}

// saidAtLeast waits until a node has stored so many messages of its clients.
func saidAtLeast(t *testing.T, p *process, n int) {
	for late := time.Now().Add(5 * time.Minute); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if p.metric("cast_said_total") >= float64(n) {
			return
		}
	}
	t.Error("nothing is said")
}

// SIGHUP under load: every client goes on with the next process.
func TestReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	p := start(t, "-addr", port(t), "-data", t.TempDir(), "-pid", pid, "-rate", "1e6", "-burst", "1000000", "-keep", "5000")
	load(t, func() {
		saidAtLeast(t, p, 100)
		hangUp(t, pid)
	}, "-urls", p.base, "-clients", "90", "-messages", "1200", "-rate", "300", "-rooms", "10", "-loops", "1")
	stopPid(t, pid)
}

// Ten thousand clients of one room, by all transports.
func TestShowCrowd(t *testing.T) {
	clients := 300
	if shown() {
		clients = 9000 // and as many descriptors again for load, within this machine's limit
	}
	p := start(t, "-addr", "127.0.0.1:0", "-rate", "1e6", "-burst", "1000000", "-loops", "1")
	idle := p.metric("process_resident_memory_bytes")
	var full float64
	load(t, func() {
		for late := time.Now().Add(time.Minute); p.metric("cast_said_total") < 1 && time.Now().Before(late); {
			time.Sleep(20 * time.Millisecond)
		}
		full = p.metric("process_resident_memory_bytes")
	}, "-urls", p.base, "-clients", fmt.Sprint(clients), "-messages", "10", "-rate", "1", "-rooms", "1", "-loops", "1")
	t.Logf("%.0f bytes of RSS for each client", (full-idle)/float64(clients))
}
