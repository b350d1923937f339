// Clusters and crowds: what load finds. With LURCHER_SHOW=1 as large as the
// documents say, otherwise a little of it.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// found is what load prints with -json.
type found struct {
	Clients, Messages, Missed, Twice, Unordered, Lost int
	Received, Reconnects, Resent                      int
	Latency, Ack                                      struct{ P50, P90, P99, P999, Max time.Duration }
	Sent                                              time.Duration
	Refused                                           map[string]int
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
	for range 5 { // a test that stands still is too late
		all, urls := nodes(t, "-keep", fmt.Sprint(keep))
		r := load(t, func() {
			saidAtLeast(t, all[0], messages/6)
			all[2].kill()
		}, "-urls", urls, "-clients", fmt.Sprint(clients), "-messages", fmt.Sprint(messages), "-rate", fmt.Sprint(rate), "-rooms", "30", "-loops", "1")
		if r.Reconnects > 0 {
			return
		}
		for _, p := range all {
			p.kill()
		}
	}
	t.Error("no client lost its connection: the node was killed too late")
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

// Ten thousand clients of one room, by all transports, and by each alone: how long a
// message takes to all of them, and what one of them costs.
func TestShowCrowd(t *testing.T) {
	clients := 300
	if shown() {
		clients = most(t, 10_000)
	}
	for _, mix := range []string{"websocket=60,events=20,poll=20", "websocket=100", "events=100", "poll=100"} {
		t.Run(mix, func(t *testing.T) {
			p := start(t, "-addr", "127.0.0.1:0", "-rate", "1e6", "-burst", "1000000", "-max-polls-each", "0", "-loops", "1")
			for range 20 { // what the first ones need is no visitor's
				p.metric("cast_said_total")
			}
			idle := p.resident()
			full := 0
			r := load(t, func() {
				for late := time.Now().Add(time.Minute); p.metric("cast_said_total") < 1 && time.Now().Before(late); {
					time.Sleep(500 * time.Millisecond)
				}
				if shown() {
					time.Sleep(8 * time.Second) // all wait for the second message
				}
				full = p.resident()
			}, "-urls", p.base, "-clients", fmt.Sprint(clients), "-messages", "4", "-rate", map[bool]string{true: "0.1", false: "4"}[shown()], "-rooms", "1", "-loops", "1", "-mix", mix)
			t.Logf("%d clients, %s: %d bytes of RSS for each; the last byte of a message sent after %v, received after %v",
				clients, mix, (full-idle)/clients, r.Sent, r.Latency.Max)
		})
	}
}

// resident returns the memory that the process has, in bytes.
func (p *process) resident() (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Log(err) // no Linux
	}
	if _, after, ok := strings.Cut(string(b), "VmRSS:"); ok {
		fmt.Sscan(after, &n)
	}
	return n << 10
}

// most is so many clients, or fewer if a process may not have the descriptors for them.
func most(t *testing.T, clients int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if may := int(limit.Max) - 500; may < clients {
		t.Logf("%d clients, not %d: ulimit -Hn is %d", may, clients, limit.Max)
		return may
	}
	return clients
}

// Clients of a room that do not read delay nobody: what others wait with them in the
// room, and without. The figures are for a machine that does nothing else.
func TestShowMuteClients(t *testing.T) {
	messages, mutes := 200, 2
	if shown() {
		messages, mutes = 3000, 20
	}
	p := start(t, "-addr", "127.0.0.1:0", "-rate", "1e6", "-burst", "1000000", "-loops", "1")
	for _, mutes := range []int{0, mutes} {
		tag := fmt.Sprint("mute", mutes)
		for i := range mutes {
			mute(t, p, fmt.Sprintf("room=%s.0&name=mute%d", tag, i), i%2 == 0)
		}
		r := load(t, func() {}, "-urls", p.base, "-clients", "40", "-messages", fmt.Sprint(messages), "-rate", "100", "-size", "3500", "-rooms", "1", "-loops", "1", "-tag", tag)
		t.Logf("%d clients that do not read: p50 %v, p99 %v, p99.9 %v, max %v; dropped: %v", mutes,
			r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max, p.metric(`lurcher_server_limits_total{name="max_backlog"}`))
	}
}

// mute visits a room and does not read.
func mute(t *testing.T, p *process, query string, socket bool) {
	t.Helper()
	host := strings.TrimPrefix(p.base, "http://")
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if socket {
		fmt.Fprintf(c, "GET /ws?%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", query)
	} else {
		fmt.Fprintf(c, "GET /events?%s HTTP/1.1\r\nHost: x\r\n\r\n", query)
	}
}

// What is said at one node of three reaches clients of the others hardly later.
func TestShowBetweenNodes(t *testing.T) {
	messages := 200
	if shown() {
		messages = 6000
	}
	all, _ := nodes(t)
	for i, p := range all {
		r := load(t, func() {}, "-urls", p.base, "-senders", all[0].base, "-clients", "30", "-messages", fmt.Sprint(messages), "-rate", "200", "-rooms", "3", "-loops", "1")
		t.Logf("from node 0 to node %d: p50 %v, p99 %v", i, r.Latency.P50, r.Latency.P99)
	}
}
