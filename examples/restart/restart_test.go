// Five upgrades under load, and not one request that fails, as a client sees it
// that never tries again.

package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/internal/group"
	"github.com/lurcher-net/lurcher/internal/program"
)

func TestMain(m *testing.M) { program.Main(m) }

const upgrades = 5

// start runs the program. It waits as long for a request as a test waits for anything: a client that pauses for longer
// because the machine is busy loses none either.
func start(t *testing.T) *group.Process {
	t.Helper()
	return group.Run(t, program.Command("-addr", "127.0.0.1:0", "-drain", "1m", "-grace", "2m"))
}

func TestUpgrades(t *testing.T) {
	p := start(t)
	var pid int
	var url string
	p.Scan(t, "%d serves %s", &pid, &url)
	addr := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	pids := []int{pid}

	l := &load{addr: addr, answeredBy: map[string]int{}}
	for range 8 {
		l.run("kept alive", true, "/", 0)
	}
	for range 8 {
		l.run("kept alive, with pauses", true, "/", 400*time.Millisecond)
	}
	for range 4 {
		l.run("a connection each", false, "/", 0)
	}
	for range 4 {
		l.run("answered later", true, "/later", 0)
	}
	for range upgrades {
		before := l.answered()
		for l.answered() < before+5000 && !t.Failed() {
			time.Sleep(time.Millisecond) // the load goes on
		}
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		var next, ended int
		p.Scan(t, "%d serves %s", &next, &url)
		p.Kill(t, next) // when the test ends, if it has not
		p.Scan(t, "%d has ended", &ended)
		if next == pid || ended != pid {
			t.Fatalf("%d was told to restart: %d serves, %d has ended", pid, next, ended)
		}
		pid = next
		pids = append(pids, pid)
	}
	l.stop()
	for kind, c := range l.kinds {
		t.Logf("%-24s %7d requests, %d failed, %d connections", kind, c.answered.Load(), c.failed.Load(), c.dialled.Load())
		if c.failed.Load() > 0 || c.answered.Load() == 0 {
			t.Errorf("%s: of %d requests %d failed", kind, c.answered.Load()+c.failed.Load(), c.failed.Load())
		}
	}
	for _, err := range l.errs {
		t.Error(err)
	}
	for _, pid := range pids {
		if l.answeredBy[fmt.Sprintln(pid)] == 0 {
			t.Errorf("process %d answered nothing", pid)
		}
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	var ended int
	p.Scan(t, "%d has ended", &ended)
}

// load is clients at work.
type load struct {
	addr  string
	kinds map[string]*count
	done  atomic.Bool
	wg    sync.WaitGroup

	mu         sync.Mutex
	errs       []error
	answeredBy map[string]int
}

type count struct{ answered, failed, dialled atomic.Int64 }

func (l *load) answered() (n int64) {
	for _, c := range l.kinds {
		n += c.answered.Load()
	}
	return n
}

func (l *load) stop() {
	l.done.Store(true)
	l.wg.Wait()
}

// run starts a client: one request after the other, on one connection for as long
// as the server keeps it. What is not answered whole has failed: it is never sent
// again.
func (l *load) run(kind string, keepAlive bool, path string, pause time.Duration) {
	if l.kinds == nil {
		l.kinds = map[string]*count{}
	}
	c := l.kinds[kind]
	if c == nil {
		c = new(count)
		l.kinds[kind] = c
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: test\r\n"
	if !keepAlive {
		request += "Connection: close\r\n"
	}
	request += "\r\n"
	l.wg.Go(func() {
		var nc net.Conn
		var in *bufio.Reader
		for !l.done.Load() {
			if nc == nil {
				var err error
				if nc, err = net.Dial("tcp", l.addr); err != nil {
					l.fail(c, kind, err)
					continue
				}
				nc.SetDeadline(time.Now().Add(2 * time.Minute))
				in = bufio.NewReader(nc)
				c.dialled.Add(1)
			}
			closes, err := l.exchange(nc, in, request)
			if err != nil {
				l.fail(c, kind, err)
			} else {
				c.answered.Add(1)
			}
			if closes || err != nil {
				nc.Close()
				nc = nil
			}
			if pause > 0 {
				time.Sleep(rand.N(pause))
			}
		}
		if nc != nil {
			nc.Close()
		}
	})
}

func (l *load) fail(c *count, kind string, err error) {
	c.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) < 10 {
		l.errs = append(l.errs, fmt.Errorf("%s: %w", kind, err))
	}
}

func (l *load) exchange(nc net.Conn, in *bufio.Reader, request string) (closes bool, err error) {
	if _, err := io.WriteString(nc, request); err != nil {
		return false, err
	}
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	if r.StatusCode != 200 {
		return false, fmt.Errorf("%s %s", r.Status, body)
	}
	l.mu.Lock()
	l.answeredBy[string(body)]++
	l.mu.Unlock()
	return r.Close, nil
}

// TestStandardClient is the same with net/http's client, which tries requests
// again whose connection was closed under them: it has nothing to do here.
func TestStandardClient(t *testing.T) {
	p := start(t)
	var pid, next, ended int
	var url string
	p.Scan(t, "%d serves %s", &pid, &url)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: time.Minute}
	get := func() string {
		r, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := get(); got != fmt.Sprintln(pid) {
		t.Fatalf("%q answers", got)
	}
	syscall.Kill(pid, syscall.SIGHUP)
	p.Scan(t, "%d serves %s", &next, &url)
	p.Kill(t, next)
	for get() != fmt.Sprintln(next) {
	}
	p.Scan(t, "%d has ended", &ended)
	if get() != fmt.Sprintln(next) {
		t.Error("the new process does not answer")
	}
	client.CloseIdleConnections()
	if err := syscall.Kill(next, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	p.Scan(t, "%d has ended", &ended)
}
