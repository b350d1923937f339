// Dialer: its settings, races between addresses, and what a dial leaves behind: nothing.

package conn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// dialBy is dialOut by another Dialer than the zero one.
func (r *rig) dialBy(d *conn.Dialer, network, addr string) (c *conn.Conn, opened chan *conn.Conn, closed chan error) {
	r.Helper()
	opened, closed = make(chan *conn.Conn, 1), make(chan error, 1)
	r.do(func() {
		var err error
		c, err = d.Dial(r.loop, network, addr, r.tls(&conn.Handler{
			Open:  func(c *conn.Conn) { opened <- c },
			Close: func(c *conn.Conn, err error) { closed <- err },
		}))
		if err != nil {
			r.Fatal(err)
		}
	})
	return c, opened, closed
}

var errEnough = errors.New("enough")

// hosts is a resolver of fixed addresses, which counts.
type hosts struct {
	ips   []netip.Addr
	asked atomic.Int32
}

func (h *hosts) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	h.asked.Add(1)
	return h.ips, nil
}

func addrs(s ...string) (ips []netip.Addr) {
	for _, s := range s {
		ips = append(ips, netip.MustParseAddr(s))
	}
	return ips
}

// blackHole makes ip one at whose port a connect neither succeeds nor fails: a listener whose queue is full.
// Port 0 is any; the port is returned.
func blackHole(t testing.TB, ip string, port int) int {
	t.Helper()
	port = listenWithoutQueue(t, netip.MustParseAddr(ip), port)
	silent := 0 // connects in a row: one that came late, on a busy machine, is in the queue all the same
	for range 30 {
		nc, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", ip, port), 100*time.Millisecond)
		if err == nil {
			t.Cleanup(func() { nc.Close() })
			silent = 0
		} else if silent++; silent == 3 {
			return port
		}
	}
	t.Skip("this system's queue of 0 takes many connections")
	return 0
}

// RFC 8305 section 5: the second attempt begins while the first is pending, the winner is the connection, the loser is closed.
func TestDialRace(t *testing.T) {
	each(t, func(r *rig) {
		if r.network != "tcp" {
			return // there are no names
		}
		ln, err := net.Listen("tcp4", "127.0.0.2:0")
		if err != nil {
			r.Skip("no second address on loopback: ", err)
		}
		defer ln.Close()
		port := ln.Addr().(*net.TCPAddr).Port
		blackHole(r, "127.9.9.1", port)
		var tried []string
		d := &conn.Dialer{Resolver: &hosts{ips: addrs("127.9.9.1", "127.0.0.2", "127.0.0.3")}, Control: func(network, addr string, _ syscall.RawConn) error {
			tried = append(tried, network+" "+addr)
			return nil
		}}
		began := time.Now()
		c, opened, closed := r.dialBy(d, "tcp", fmt.Sprintf("race.test:%d", port))
		nc, err := ln.Accept()
		if err != nil {
			r.Fatal(err)
		}
		defer nc.Close()
		r.Log("a dead first address took", time.Since(began))
		if r.secure {
			nc := tls.Server(nc, certified())
			go nc.Handshake()
		}
		get(r, opened)
		r.do(func() {
			if got := c.RemoteAddr().String(); got != ln.Addr().String() {
				r.Error("connected to", got)
			}
			if want := fmt.Sprintf("[tcp4 127.9.9.1:%d tcp4 127.0.0.2:%d]", port, port); fmt.Sprint(tried) != want {
				r.Error("tried", tried, "want", want)
			}
			if n := r.loop.Stats().Open; n > 1 {
				r.Error(n, "connections")
			}
			c.Abort()
		})
		r.wantErr(closed, net.ErrClosed)
	})
}

// An attempt that fails starts the next at once: the delay here is longer than any test.
func TestDialFailureStartsTheNext(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln, err := net.Listen("tcp4", "127.0.0.3:0")
		if err != nil {
			r.Skip("no further addresses on loopback: ", err)
		}
		defer ln.Close()
		res := &hosts{ips: addrs("127.0.0.1", "::1", "127.0.0.2", "127.0.0.3")}
		d := &conn.Dialer{Resolver: res, FallbackDelay: time.Hour}
		_, opened, _ := r.dialBy(d, "tcp", fmt.Sprintf("fails.test:%d", ln.Addr().(*net.TCPAddr).Port))
		get(r, opened)
		r.accept(ln)
		// With all of them refused, the error is the first one's.
		res = &hosts{ips: addrs("127.0.0.4", "127.0.0.5")}
		_, _, closed := r.dialBy(&conn.Dialer{Resolver: res}, "tcp", "refused.test:1")
		err = r.wantErr(closed, syscall.ECONNREFUSED)
		var op *net.OpError
		if !errors.As(err, &op) || op.Addr.String() != "127.0.0.4:1" {
			r.Error(err)
		}
	})
}

// A dial that nobody listens for may be given its own port: it is refused, not connected to itself.
func TestDialIsNotConnectedToItself(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for _, ip := range []string{"127.0.0.1", "[::1]"} {
			for try := range 5 { // another test may be given the port meanwhile
				ln, err := net.Listen("tcp", ip+":0")
				if err != nil {
					break // no IPv6
				}
				addr := ln.Addr()
				ln.Close()
				_, opened, closed := r.dialBy(&conn.Dialer{LocalAddr: addr}, "tcp", addr.String())
				select {
				case <-opened:
					err = errors.New("it opened")
				case err = <-closed:
				case <-time.After(patience):
					r.Fatal("neither opened nor closed")
				}
				if errors.Is(err, syscall.ECONNREFUSED) {
					break
				}
				if try == 4 {
					r.Error(err)
				}
			}
		}
	})
}

func TestDialLocalAddr(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln := r.backend()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		for _, local := range []string{"127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", ":0"} {
			a, _ := net.ResolveTCPAddr("tcp", local)
			// ::1 is not of the family where LocalAddr has one.
			d := &conn.Dialer{LocalAddr: a, Resolver: &hosts{ips: addrs("127.0.0.1")}}
			c, opened, closed := r.dialBy(d, "tcp", "local.test:"+port)
			select {
			case <-opened:
			case err := <-closed:
				r.Fatal(local, err)
			}
			r.do(func() {
				got := c.LocalAddr().(*net.TCPAddr)
				if len(a.IP) > 0 && !a.IP.IsUnspecified() && !got.IP.Equal(a.IP) {
					r.Errorf("%s: from %v", local, got)
				}
				c.Abort()
			})
		}
		a, _ := net.ResolveTCPAddr("tcp", "127.0.0.1:0")
		_, _, closed := r.dialBy(&conn.Dialer{LocalAddr: a}, "tcp", "[::1]:"+port)
		var ae *net.AddrError
		if err := get(r, closed); !errors.As(err, &ae) {
			r.Error(err)
		}
		// Unix sockets have one too.
		needNetwork(r, "unix")
		path, own := r.socketPath(), r.socketPath()
		ul, err := net.Listen("unix", path)
		if err != nil {
			r.Fatal(err)
		}
		defer ul.Close()
		_, opened, _ := r.dialBy(&conn.Dialer{LocalAddr: &net.UnixAddr{Name: own, Net: "unix"}}, "unix", path)
		get(r, opened)
		nc, err := ul.Accept()
		if err != nil || nc.RemoteAddr().String() != own {
			r.Error(err, nc.RemoteAddr())
		}
		nc.Close()
	})
}

// What cannot be dialled at all is an error of Dial, a *net.OpError, and no connection.
func TestDialRefusesAtOnce(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for _, k := range []struct {
			name, network, addr string
			d                   conn.Dialer
		}{
			{"no path", "unix", "", conn.Dialer{}},
			{"network", "udp", "127.0.0.1:1", conn.Dialer{}},
			{"no port", "tcp", "127.0.0.1", conn.Dialer{}},
			{"LocalAddr of another network", "tcp", "127.0.0.1:1", conn.Dialer{LocalAddr: &net.UnixAddr{Name: "x"}}},
			{"LocalAddr of another network, unix", "unix", "/x", conn.Dialer{LocalAddr: &net.TCPAddr{}}},
			{"LocalAddr of no stream", "tcp", "127.0.0.1:1", conn.Dialer{LocalAddr: &net.UDPAddr{}}},
			{"LocalAddr nil", "tcp", "127.0.0.1:1", conn.Dialer{LocalAddr: (*net.TCPAddr)(nil)}},
			{"Resolver", "tcp", "a.test:1", conn.Dialer{Resolver: badResolver(nil)}},
		} {
			r.do(func() {
				_, err := k.d.Dial(r.loop, k.network, k.addr, &conn.Handler{Close: func(*conn.Conn, error) { r.Error(k.name, "closed") }})
				var op *net.OpError
				if !errors.As(err, &op) || op.Op != "dial" || op.Net != k.network {
					r.Errorf("%s: %v", k.name, err)
				}
			})
		}
	})
}

type badResolver []string // cannot be compared

func (badResolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, nil
}

// An unknown zone is an error, a number is the interface's.
func TestDialZones(t *testing.T) {
	eachPoller(t, func(r *rig) {
		_, _, closed := r.dialBy(&conn.Dialer{}, "tcp", "[fe80::1%no-such-interface]:1")
		var ae *net.AddrError
		if err := get(r, closed); !errors.As(err, &ae) || ae.Addr != "no-such-interface" {
			r.Error(err)
		}
		if _, err := net.DialTimeout("tcp", "[fe80::1%1]:1", 100*time.Millisecond); errors.Is(err, syscall.EINVAL) {
			r.Skip("no IPv6: ", err)
		}
		c, _, closed := r.dialBy(&conn.Dialer{}, "tcp", "[fe80::1%1]:1")
		r.do(func() { c.SetDeadline(50 * time.Millisecond) })
		if err := get(r, closed); errors.Is(err, syscall.EINVAL) {
			r.Error(err)
		}
	})
}

// Control sees each socket before it is connected, and may fail, panic, or close.
func TestDialControl(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln := r.backend()
		addr := ln.Addr().String()
		_, opened, _ := r.dialBy(&conn.Dialer{Control: func(network, address string, c syscall.RawConn) error {
			if network != "tcp4" || address != addr {
				r.Error(network, address)
			}
			return c.Control(func(fd uintptr) {
				if err := notConnected(fd); err != nil {
					r.Error("it is connected, or no socket: ", err)
				}
			})
		}}, "tcp", addr)
		get(r, opened)
		wrong := errors.New("wrong")
		_, _, closed := r.dialBy(&conn.Dialer{Control: func(string, string, syscall.RawConn) error { return wrong }}, "tcp", addr)
		r.wantErr(closed, wrong)
		_, _, closed = r.dialBy(&conn.Dialer{Control: func(string, string, syscall.RawConn) error { panic("in Control") }}, "tcp", addr)
		if err := get(r, closed); err == nil {
			r.Error("a panic in Control is no error")
		}
		_, _, closed = r.dialBy(&conn.Dialer{Control: func(string, string, syscall.RawConn) error { runtime.Goexit(); return nil }}, "tcp", addr)
		if err := get(r, closed); err == nil {
			r.Error("a Goexit in Control is no error")
		}
		var c *conn.Conn
		ch, onClose := closes()
		d := &conn.Dialer{Control: func(string, string, syscall.RawConn) error { return c.Close() }}
		r.do(func() { c, _ = d.Dial(r.loop, "tcp", addr, &conn.Handler{Close: onClose}) })
		r.wantErr(ch, net.ErrClosed)
	})
}

// openFDs counts the descriptors of the process, where the system says.
func openFDs() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return -1
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return len(names) - 1
}

// slow is a resolver that waits for its context's end.
type slow struct{ running atomic.Int32 }

func (s *slow) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	s.running.Add(1)
	defer s.running.Add(-1)
	<-ctx.Done()
	return nil, ctx.Err()
}

// 10,000 dials that are given up leave nothing behind: in a black hole, and in a look-up that gets no answer. It is not
// parallel, because it counts what the process has.
func TestDialsGivenUpLeaveNothing(t *testing.T) {
	r := newRig(t, poller.Names()[0], "tcp")
	res := new(slow)
	hole := fmt.Sprintf("127.0.0.1:%d", blackHole(t, "127.0.0.1", 0))
	fds, goroutines := openFDs(), runtime.NumGoroutine()
	for round := range 20 {
		r.do(func() {
			for i := range 500 {
				d, addr := &conn.Dialer{}, hole
				switch round % 4 {
				case 1, 2:
					d.Resolver, addr = res, fmt.Sprintf("name%d.test:1", i%100)
				case 3:
					d.Control = func(string, string, syscall.RawConn) error {
						switch {
						case i < 50:
							panic("in Control")
						case i < 100:
							runtime.Goexit()
						}
						return errors.New("wrong")
					}
				}
				c, err := d.Dial(r.loop, "tcp", addr, nil)
				if err != nil {
					t.Fatal(err)
				}
				switch i % 4 {
				case 0: // at once
					c.Close()
				case 1: // in the next turn
					r.loop.Post(func() { c.Abort() })
				case 2:
					r.loop.After(5*time.Millisecond, func() { c.Close() })
				case 3:
					c.SetDeadline(5 * time.Millisecond)
				}
			}
		})
		r.until("all are closed", func() bool { return r.loop.Stats().Open == 0 })
	}
	r.until("the look-ups have ended", func() bool { return res.running.Load() == 0 })
	r.until("descriptors and goroutines are back", func() bool {
		return openFDs() <= fds && runtime.NumGoroutine() <= goroutines
	})
	r.do(func() {
		for range r.loop.Conns() {
			t.Error("a connection is left")
		}
	})
}
