package conn_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// Whatever a name's addresses are, in whatever order, one that is good is found, once, and nothing of the others is left.
func TestDialAnyAddresses(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln, err := net.Listen("tcp4", "127.9.9.9:0")
		if err != nil {
			r.Skip("no further addresses on loopback: ", err)
		}
		ln = loopback.Lasting(ln)
		defer ln.Close()
		port := ln.Addr().(*net.TCPAddr).Port
		blackHole(r, "127.9.9.8", port)
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				nc.Close()
			}
		}()
		const good, hole = "127.9.9.9", "127.9.9.8"
		kinds := []string{good, hole, hole, "127.9.9.7", "127.9.9.6", "::1", "fe80::1%no-such-interface"}
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		for i := range 100 {
			var ips []netip.Addr
			reachable := false
			for range rnd.IntN(14) {
				ip := kinds[rnd.IntN(len(kinds))]
				reachable = reachable || ip == good
				ips = append(ips, netip.MustParseAddr(ip))
			}
			d := &conn.Dialer{Resolver: &hosts{ips: ips}, FallbackDelay: []time.Duration{time.Millisecond, 3 * time.Millisecond}[rnd.IntN(2)]}
			if !reachable {
				d.Timeout = 20 * time.Millisecond // a hole says nothing
			}
			opens, closed := 0, make(chan bool, 1)
			r.do(func() {
				d.Dial(r.loop, "tcp", fmt.Sprintf("any%d.test:%d", i, port), &conn.Handler{
					Open:  func(c *conn.Conn) { opens++ },
					Close: func(*conn.Conn, error) { closed <- true },
				})
			})
			get(r, closed)
			r.do(func() {
				if opens > 1 || (opens == 1) != reachable {
					r.Errorf("seed %d, %v: it opened %d times", seed, ips, opens)
				}
			})
		}
		r.until("no connection is left", func() bool { return r.loop.Stats().Open == 0 })
	})
}

// A loop that ends takes its dials along, in whatever they are.
func TestRunEndsDials(t *testing.T) {
	eachPoller(t, func(r *rig) {
		hole := fmt.Sprintf("127.0.0.1:%d", blackHole(r, "127.0.0.1", 0))
		res := new(slow)
		ch, onClose := closes()
		r.do(func() {
			for _, k := range []struct {
				d    conn.Dialer
				addr string
			}{{conn.Dialer{}, hole}, {conn.Dialer{Resolver: res}, "ends.test:1"}} {
				if _, err := k.d.Dial(r.loop, "tcp", k.addr, &conn.Handler{Close: onClose}); err != nil {
					r.Error(err)
				}
			}
		})
		r.until("the look-up runs", func() bool { return res.running.Load() == 1 })
		r.cancel(errEnough)
		r.stopped()
		for range 2 {
			r.wantErr(ch, errEnough)
		}
		for end := time.Now().Add(patience); res.running.Load() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				r.Fatal("the look-up goes on")
			}
		}
		if _, err := r.loop.Dial("tcp", hole, nil); err == nil {
			r.Error("a loop that has ended dials")
		}
	})
}
