// What connections cost, and that all of it comes back.

//go:build unix

package conn_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// No allocation, one read and one write from a request to its answer, and at
// most two waits.
func TestEchoCosts(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			r := newRig(t, "epoll", network)
			for name, h := range map[string]conn.Handler{
				"Write": {Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }},
				"Write, twice, a deadline, a head and a body": {Data: func(c *conn.Conn, p []byte) int {
					c.SetDeadline(time.Minute)
					c.WriteString(string(p[:0]))
					c.Writev(p[:10], p[10:])
					c.SetTimeout(time.Minute)
					return len(p)
				}},
				"Pipe": {Open: func(c *conn.Conn) { c.Pipe(c) }},
			} {
				_, p := r.serve(h)
				msg := flood(64)
				trip := func() {
					p.Write(msg)
					io.ReadFull(p, msg)
				}
				for range 100 {
					trip()
				}
				r.turns(2) // Stats are published a turn late
				before := r.loop.Stats()
				allocs := testing.AllocsPerRun(1000, trip)
				r.turns(2)
				after := r.loop.Stats()
				const trips = 1001
				if allocs > 0 && !raceEnabled {
					t.Errorf("%s: %v allocations for each message", name, allocs)
				}
				if n := after.Reads - before.Reads; n != trips {
					t.Errorf("%s: %d reads for %d messages", name, n, trips)
				}
				if n := after.Writes - before.Writes; n != trips {
					t.Errorf("%s: %d writes for %d messages", name, n, trips)
				}
			}
		})
	}
}

// A connection that comes and goes is one object: how it ended takes no other.
func TestEndCosts(t *testing.T) {
	r := newRig(t, "epoll", "unix")
	closed := make(chan error)
	r.listen(&conn.Handler{
		Data:  func(c *conn.Conn, p []byte) int { c.Close(); return len(p) },
		Close: func(_ *conn.Conn, err error) { closed <- err },
	})
	addr := &unix.SockaddrUnix{Name: r.addr}
	for _, says := range []string{"", "x"} { // who ends it: the peer, we
		msg := []byte(says)
		allocs := testing.AllocsPerRun(500, func() {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err = unix.Connect(fd, addr); err == nil && says != "" {
				_, err = unix.Write(fd, msg)
			}
			if err == nil && says != "" {
				err = <-closed
			}
			unix.Close(fd)
			if says == "" {
				if end := <-closed; end != io.EOF {
					err = fmt.Errorf("Close was told %v", end)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 1 && !raceEnabled {
			t.Errorf("%v allocations for each connection that sent %q", allocs, says)
		}
	}
}

// Idle connections: one small object each, and a slot.
func TestIdleConnections(t *testing.T) {
	r := newRig(t, "epoll", "unix")
	var files syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	limit := min(10_000, int(files.Cur)/2-500) / 100 * 100
	var opened int
	r.listen(&conn.Handler{
		Open: func(c *conn.Conn) { opened++; c.SetTimeout(time.Hour) },
		Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) },
	})
	peers := make([]net.Conn, 0, limit)
	defer func() {
		for _, p := range peers {
			p.Close()
		}
	}()
	heap := func() (bytes, objects int64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), int64(m.HeapObjects)
	}
	// The peers are of the same process: what they cost is measured first, on
	// connections that nobody accepts.
	dial := func(n int) {
		for range n {
			p, err := net.Dial(r.network, r.addr)
			if err != nil {
				t.Fatal(err)
			}
			peers = append(peers, p)
		}
	}
	n := 0
	var bytes0, objects0 int64
	for n < limit {
		gate, held := make(chan bool), make(chan bool)
		r.loop.Post(func() { close(held); <-gate })
		<-held
		dial(100)
		b0, o0 := heap()
		close(gate)
		n += 100
		r.until("all to be opened", func() bool { return opened == n })
		p := peers[n-1] // is in use, and idle again
		p.Write([]byte("x"))
		p.Read(make([]byte, 1))
		r.turns(2) // what the loop holds during a turn is given back
		b1, o1 := heap()
		bytes0 += b1 - b0
		objects0 += o1 - o0
		if n >= 1000 && (testing.Short() || raceEnabled) { // the collector is slow then
			break
		}
	}
	if n < 1000 {
		t.Skipf("only %d descriptors can be had here", files.Cur)
	}
	perConn, objs := float64(bytes0)/float64(n), float64(objects0)/float64(n)
	t.Logf("%d idle connections: %.0f bytes and %.2f objects of heap each", n, perConn, objs)
	if perConn > 200 || objs > 1.1 {
		t.Errorf("%.0f bytes and %.2f objects each", perConn, objs)
	}
}

func descriptors(t *testing.T) int {
	e, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no way to count descriptors here:", err)
	}
	return len(e)
}

// However connections end, nothing stays: no descriptor, goroutine or slot.
func TestNothingStays(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			settled := func(fds, goroutines int) bool {
				return descriptors(t) <= fds && runtime.NumGoroutine() <= goroutines
			}
			for i := range 2 { // the first time the runtime opens things of its own
				fds, goroutines := descriptors(t), runtime.NumGoroutine()
				t.Run("round", func(t *testing.T) { comeAndGo(newRig(t, "epoll", network)) })
				for end := time.Now().Add(patience); i > 0 && !settled(fds, goroutines); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						buf := make([]byte, 1<<20)
						t.Fatalf("%d descriptors before, %d after; %d goroutines before, %d after\n%s", fds, descriptors(t),
							goroutines, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
					}
				}
			}
		})
	}
}

func comeAndGo(r *rig) {
	h := &conn.Handler{Stall: 20 * time.Millisecond, Data: func(c *conn.Conn, p []byte) int {
		switch p[0] {
		case 'a':
			c.Abort()
		case 'c':
			c.Close()
		case 'd':
			if nc, err := c.Detach(); err == nil {
				go nc.Close()
			}
		case 'f':
			if f, err := os.Open("/dev/zero"); err == nil {
				c.SendFile(f, 0, 1<<40)
			}
		case 'h':
			return 0
		case 'l':
			c.Loop().Dial("tcp", "no.such.host.invalid:1", nil)
			c.Close()
		case 'p':
			panic("on purpose")
		case 's':
			c.Write(flood(8 << 20))
		case 't':
			c.SetDeadline(time.Millisecond)
		}
		return len(p)
	}}
	r.listen(h)
	for _, what := range strings.Split("acdfhlpstx", "") {
		for _, leave := range []func(p *peer){func(p *peer) { p.Close() }, func(p *peer) { p.reset() }, func(p *peer) { p.closeWrite() }, nil} {
			p := r.dial()
			p.Write([]byte(what))
			if leave != nil {
				r.turns(2)
				leave(p)
			}
		}
	}
	r.turns(5)
}

// A vanished peer is noticed by the next turn. A busy machine may have the loop turn again
// before this looks, so it looks until that is seen.
func TestVanishedPeerFreesAtOnce(t *testing.T) {
	each(t, func(r *rig) {
		for _, leave := range []func(p *peer){func(p *peer) { p.Close() }, func(p *peer) { p.reset() }} {
			loopback.Until(r, "the end to come within two turns", func() bool { return r.turnsToEnd(leave) <= 2 })
			r.until("the slot to be free", func() bool { return r.loop.Stats().Open == 0 })
		}
	})
}

// turnsToEnd returns how many turns the loop needs to see that a peer has left.
func (r *rig) turnsToEnd(leave func(p *peer)) uint64 {
	ch, onClose := closes()
	_, p := r.serve(conn.Handler{Close: onClose})
	gate, held := make(chan bool), make(chan bool)
	r.loop.Post(func() { close(held); <-gate }) // it leaves while the loop is busy
	<-held
	leave(p)
	before := r.loop.Stats()
	close(gate)
	get(r, ch)
	return r.loop.Stats().Turns - before.Turns
}
