// Listeners: every network, over several loops, out of descriptors, and closed.

package conn_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

func TestListenNetworks(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for _, k := range []struct{ network, addr string }{
			{"tcp", "127.0.0.1:0"}, {"tcp", "localhost:0"}, {"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"tcp", ":0"},
			{"unix", r.socketPath()}, {"unix", fmt.Sprintf("@conn-test-%d-%s", os.Getpid(), r.name)},
		} {
			if k.network == "unix" && (!slices.Contains(networks, k.network) || k.addr[0] == '@' && runtime.GOOS == "windows") {
				r.Logf("no sockets like %s here", k.addr)
				continue
			}
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

// A loop that is blocked stops its own connections and no others, be it the one
// that the listener was opened on.
func TestBlockedLoopStopsItsOwnAlone(t *testing.T) {
	eachPlain(t, func(r *rig) {
		rigs := []*rig{r, newRig(r.T, r.name, r.network), newRig(r.T, r.name, r.network)}
		ln := r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		r.do(func() { ln.Spread(rigs[0].loop, rigs[1].loop, rigs[2].loop) })
		for _, s := range rigs {
			s.turns(2)
		}
		for _, blocked := range [][]int{{0}, {1}, {0, 2}, {1, 2}} {
			end, begun := make(chan bool), make(chan bool)
			for _, i := range blocked {
				rigs[i].loop.Post(func() { begun <- true; <-end })
				get(r, begun)
			}
			for range 12 {
				p := r.dial()
				p.send("x")
				p.want("x")
			}
			close(end)
			for _, s := range rigs {
				s.turns(2)
			}
		}
		if err := func() (err error) { r.do(func() { err = ln.Close() }); return err }(); err != nil {
			r.Error(err)
		}
		for _, s := range rigs {
			s.turns(2)
		}
		if nc, err := net.Dial(r.network, r.addr); err == nil {
			nc.Close()
			r.Error("a socket of a listener that was closed still listens")
		}
	})
}

func TestSpread(t *testing.T) {
	eachPlain(t, func(r *rig) {
		rigs := []*rig{r, newRig(r.T, r.name, r.network), newRig(r.T, r.name, r.network)}
		where := make(chan *conn.Loop, 100)
		ln := r.listen(&conn.Handler{Open: func(c *conn.Conn) { where <- c.Loop(); c.Pipe(c) }})
		r.do(func() { ln.Spread(rigs[0].loop, rigs[1].loop, rigs[2].loop) })
		nine := func() (got [3]int) {
			for range 9 {
				p := r.dial()
				p.send("x")
				p.want("x")
				l := get(r, where)
				got[slices.IndexFunc(rigs, func(s *rig) bool { return s.loop == l })]++
			}
			return got
		}
		// What a loop does not take in time, as on a busy machine, is taken back: so
		// some dealings may be uneven, and one has to be even.
		got := nine()
		for range 20 {
			if got == [3]int{3, 3, 3} {
				break
			}
			got = nine()
		}
		if got != [3]int{3, 3, 3} {
			r.Errorf("the loops got %d of 9", got)
		}
		// A loop that has ended gets nothing: its share goes to the others.
		rigs[2].cancel(nil)
		rigs[2].stopped()
		for range 6 {
			p := r.dial()
			p.send("x")
			p.want("x")
			if l := get(r, where); l == rigs[2].loop {
				r.Error("a loop that has ended got a connection")
			}
		}
	})
}
