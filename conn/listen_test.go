// Listeners: every network, over several loops, out of descriptors, and closed.

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

func TestListenNetworks(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for _, k := range []struct{ network, addr string }{
			{"tcp", "127.0.0.1:0"}, {"tcp", "localhost:0"}, {"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"tcp", ":0"},
			{"unix", r.socketPath()}, {"unix", fmt.Sprintf("@conn-test-%d-%s", os.Getpid(), r.name)},
		} {
			var ln *conn.Listener
			var err error
			r.do(func() {
				ln, err = r.loop.Listen(k.network, k.addr, &conn.Handler{Open: func(c *conn.Conn) {
					if c.LocalAddr() == nil || c.RemoteAddr() == nil {
						r.Errorf("%v: addresses %v, %v", k, c.LocalAddr(), c.RemoteAddr())
					}
					c.Pipe(c)
				}})
			})
			if err != nil {
				if k.network == "tcp6" {
					r.Log("no IPv6 here:", err)
					continue
				}
				r.Fatal(k, err)
			}
			nc, err := net.Dial(k.network, ln.Addr().String())
			if err != nil {
				r.Fatal(k, err)
			}
			p := r.peer(nc)
			p.send("x")
			p.want("x")
			r.do(func() {
				if err := ln.Close(); err != nil {
					r.Error(k, err)
				}
				if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
					r.Error(k, "closed twice:", err)
				}
			})
			r.turns(1)
			if nc, err := net.Dial(k.network, ln.Addr().String()); err == nil {
				nc.Close()
				r.Error(k, "listens still")
			}
			if _, err := os.Stat(k.addr); k.network == "unix" && !errors.Is(err, os.ErrNotExist) {
				r.Error("the socket's file is left:", err)
			}
		}
	})
}

func TestListenErrors(t *testing.T) {
	eachPoller(t, func(r *rig) {
		r.listen(nil)
		r.do(func() {
			if _, err := r.loop.Listen("tcp", r.addr, nil); !errors.Is(err, syscall.EADDRINUSE) {
				r.Error(err)
			}
			var op *net.OpError
			if _, err := r.loop.Listen("udp", "127.0.0.1:0", nil); !errors.As(err, &op) {
				r.Error(err)
			}
			if _, err := r.loop.AdoptListener(noListener{}, nil); err == nil {
				r.Error("adopted what has no descriptor")
			}
		})
	})
}

type noListener struct{ net.Listener }

func (noListener) Addr() net.Addr { return &net.TCPAddr{} }
func (noListener) Close() error   { return nil }

// An adopted Unix listener's file is whoever's made it: another process may
// listen on it after us.
func TestAdoptListener(t *testing.T) {
	eachPlain(t, func(r *rig) {
		nl := r.backend()
		var ln *conn.Listener
		r.do(func() {
			var err error
			if ln, err = r.loop.AdoptListener(nl, &conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }}); err != nil {
				r.Error(err)
			}
		})
		r.addr = nl.Addr().String()
		p := r.dial()
		p.send("x")
		p.want("x")
		r.do(func() { ln.Close() })
		if _, err := os.Stat(r.addr); r.network == "unix" && err != nil {
			r.Error(err)
		}
	})
}

// Close from within Open, and with clients in the queue: they are served.
func TestListenerClosedInOpen(t *testing.T) {
	eachPlain(t, func(r *rig) {
		var ln *conn.Listener
		served := 0
		h := &conn.Handler{}
		h.Open = func(c *conn.Conn) {
			if served++; served == 1 {
				if err := ln.Close(); err != nil {
					r.Error(err)
				}
				if served != 1 {
					r.Error("Open within Open")
				}
				for range 40 { // they take the listener's slot, if it is free
					r.loop.After(time.Millisecond, func() {})
				}
			}
			c.Pipe(c)
		}
		ln = r.listen(h)
		block, go_ := make(chan bool), make(chan bool)
		r.loop.Post(func() { close(block); <-go_ }) // so that they all come at once
		<-block
		var peers []*peer
		for range 20 {
			peers = append(peers, r.dial())
		}
		close(go_)
		for _, p := range peers {
			p.send("hello")
			p.want("hello")
		}
		r.do(func() {
			if served != 20 {
				r.Errorf("%d were served", served)
			}
		})
	})
}

func TestSpread(t *testing.T) {
	eachPlain(t, func(r *rig) {
		rigs := []*rig{r, newRig(r.T, r.name, r.network), newRig(r.T, r.name, r.network)}
		where := make(chan *conn.Loop, 100)
		ln := r.listen(&conn.Handler{Open: func(c *conn.Conn) { where <- c.Loop(); c.Pipe(c) }})
		r.do(func() { ln.Spread(rigs[0].loop, rigs[1].loop, rigs[2].loop) })
		count := map[*conn.Loop]int{}
		for range 9 {
			p := r.dial()
			p.send("x")
			p.want("x")
			count[get(r, where)]++
		}
		for i, s := range rigs {
			if count[s.loop] != 3 {
				r.Errorf("loop %d got %d of 9", i, count[s.loop])
			}
		}
		// A loop that has ended gets nothing: its share is closed, not leaked.
		rigs[2].cancel(nil)
		rigs[2].stopped()
		ended := 0
		for range 3 {
			p := r.dial()
			p.Write([]byte("x"))
			if n, _ := p.Read(make([]byte, 1)); n == 0 {
				ended++
			}
		}
		if ended != 1 {
			r.Errorf("%d of 3 were closed", ended)
		}
	})
}

// Out of descriptors: the listener does not spin, and who waits is served once
// there are some. In a process of its own, because the limit hurts everybody.
func TestOutOfDescriptors(t *testing.T) {
	for _, name := range poller.Names() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptorsChild$", "-test.v")
			cmd.Env = append(os.Environ(), "CONN_EMFILE="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS") {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// set is for a field whose type differs from system to system.
func set[T int64 | uint64](p *T, n int) { *p = T(n) }

func TestOutOfDescriptorsChild(t *testing.T) {
	name := os.Getenv("CONN_EMFILE")
	if name == "" {
		t.Skip("this is TestOutOfDescriptors' child")
	}
	log := &logbook{}
	l := newLoop(t, name)
	l.Log = slog.New(slog.NewTextHandler(log, nil))
	var conns []*conn.Conn
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) { conns = append(conns, c); c.WriteString("x") }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	do := func(fn func()) { c := make(chan bool); l.Post(func() { fn(); close(c) }); <-c }

	const n = 12
	var clients []net.Conn
	dial := func() net.Conn {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		return nc
	}
	// Sockets for the clients first, since they are of the same process: hold
	// the loop, connect, lower the limit so that there are 3 to accept with.
	hold, held := make(chan bool), make(chan bool)
	l.Post(func() { close(held); <-hold })
	<-held
	for range n {
		clients = append(clients, dial())
	}
	var old syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old)
	next, err := syscall.Dup(0) // the lowest that is free
	if err != nil {
		t.Fatal(err)
	}
	syscall.Close(next)
	low := old
	set(&low.Cur, next+3)
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low)
	close(hold)
	for _, c := range clients[:3] {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	do(func() {})
	before := l.Stats()
	time.Sleep(300 * time.Millisecond)
	after := l.Stats()
	if n := after.Turns - before.Turns; n > 40 {
		t.Errorf("%d turns in 0.3 s: it spins", n)
	}
	if after.AcceptErrors == 0 || after.Accepted != 3 {
		t.Errorf("%+v", after)
	}
	if c := strings.Count(log.String(), "accept failed"); c != 1 {
		t.Errorf("%d words in the log:\n%s", c, log)
	}
	// A connection that closes makes room for the next client, at once.
	for i := 3; i < n; i++ {
		do(func() { conns[i-3].Close() })
		if _, err := clients[i].Read(make([]byte, 1)); err != nil {
			t.Fatalf("client %d was not served: %v", i, err)
		}
	}
	if c := strings.Count(log.String(), "accept failed"); c != 1 {
		t.Errorf("%d words in the log:\n%s", c, log)
	}
	// And without one: the limit is lifted, and the listener comes back by itself.
	last := make(chan net.Conn)
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	go func() { last <- dial() }()
	if _, err := (<-last).Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
}
