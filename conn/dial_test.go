// Dial: addresses, names, failures and time limits.

package conn_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// dialOut dials and returns what Open or Close gets.
func (r *rig) dialOut(network, addr string, set func(c *conn.Conn)) (opened chan *conn.Conn, closed chan error) {
	r.Helper()
	opened = make(chan *conn.Conn, 1)
	closed = make(chan error, 1)
	r.do(func() {
		c, err := r.loop.Dial(network, addr, r.tls(&conn.Handler{
			Open:  func(c *conn.Conn) { opened <- c },
			Close: func(c *conn.Conn, err error) { closed <- err },
		}))
		if err != nil {
			r.Fatal(err)
		}
		if len(opened)+len(closed) > 0 {
			r.Error("called back within Dial")
		}
		if set != nil {
			set(c)
		}
	})
	return opened, closed
}

func TestDial(t *testing.T) {
	each(t, func(r *rig) {
		ln := r.backend()
		opened, closed := r.dialOut(r.network, ln.Addr().String(), func(c *conn.Conn) {
			c.WriteString("written before Open") // and sent after it
			c.Write(flood(100 << 10))
			c.CloseWrite()
		})
		b := r.accept(ln)
		c := get(r, opened)
		r.do(func() {
			if got := c.RemoteAddr().String(); got != ln.Addr().String() {
				r.Error("connected to", got)
			}
		})
		b.want("written before Open" + string(flood(100<<10)))
		b.wantEOF()
		b.closeWrite()
		if err := get(r, closed); err == nil || err.Error() != "EOF" {
			r.Error(err)
		}
	})
}

func TestDialNames(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		port := ln.Addr().(*net.TCPAddr).Port
		for _, k := range []struct{ network, host string }{
			{"tcp", "localhost"}, // ::1 first, in many places, and that refuses
			{"tcp4", "localhost"}, {"tcp", ""}, {"tcp4", ""}, {"tcp", "[::ffff:127.0.0.1]"}, {"tcp4", "127.0.0.1"},
		} {
			opened, closed := r.dialOut(k.network, fmt.Sprintf("%s:%d", k.host, port), nil)
			select {
			case <-opened:
				r.accept(ln)
			case err := <-closed:
				r.Errorf("%v: %v", k, err)
			case <-time.After(patience):
				r.Fatal(k, "neither Open nor Close")
			}
		}
	})
}

func TestDialErrors(t *testing.T) {
	eachPoller(t, func(r *rig) {
		refused := loopback.Refused(r)
		_, port, _ := net.SplitHostPort(refused)
		dns := new(net.DNSError)
		for _, k := range []struct {
			network, addr string
			want          any // errno, or what errors.As takes
		}{
			{"tcp", refused, syscall.ECONNREFUSED},
			{"tcp", "localhost:" + port, syscall.ECONNREFUSED},
			{"tcp", "no.such.host.invalid:80", &dns},
			{"tcp", "127.0.0.1:nosuchservice", &dns},
			{"tcp4", "[::1]:80", new(*net.AddrError)},
			{"tcp6", "127.0.0.1:80", new(*net.AddrError)},
			{"unix", r.socketPath(), syscall.ENOENT},
			{"unix", "/" + strings.Repeat("x", 200), syscall.EINVAL},
		} {
			if !slices.Contains(networks, k.network) && k.network == "unix" {
				continue
			}
			_, closed := r.dialOut(k.network, k.addr, nil)
			err := get(r, closed)
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" || op.Net != k.network {
				r.Errorf("%s %s: %T %v is no OpError", k.network, k.addr, err, err)
			}
			if errno, ok := k.want.(syscall.Errno); ok && !errors.Is(err, errno) || !ok && !errors.As(err, k.want) {
				r.Errorf("%s %s: %v", k.network, k.addr, err)
			}
		}
		r.do(func() {
			for _, k := range [][2]string{{"udp", "127.0.0.1:1"}, {"tcp", "127.0.0.1"}, {"tcp", ""}} {
				var op *net.OpError
				if _, err := r.loop.Dial(k[0], k[1], nil); !errors.As(err, &op) {
					r.Errorf("%v: %v", k, err)
				}
			}
		})
	})
}

// silent returns an address at which a connect neither succeeds nor fails: a
// listener whose queue is full.
func (r *rig) silent() string {
	r.Helper()
	return fmt.Sprintf("127.0.0.1:%d", blackHole(r.T, "127.0.0.1", 0))
}

func TestDialTimeout(t *testing.T) {
	eachPoller(t, func(r *rig) {
		addr := r.silent()
		for _, set := range []func(c *conn.Conn){
			func(c *conn.Conn) { c.SetDeadline(20 * time.Millisecond) },
			func(c *conn.Conn) { c.SetTimeout(20 * time.Millisecond) },
		} {
			opened, closed := r.dialOut("tcp", addr, func(c *conn.Conn) { set(c); c.WriteString("x") })
			err := r.wantErr(closed, os.ErrDeadlineExceeded)
			var op *net.OpError
			if !errors.As(err, &op) || !op.Timeout() || len(opened) > 0 {
				r.Errorf("%T %v", err, err)
			}
		}
	})
}

func TestCloseBeforeOpen(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln := r.backend()
		for _, addr := range []string{ln.Addr().String(), r.silent(), "no.such.host.invalid:1"} {
			for _, end := range []func(c *conn.Conn) error{(*conn.Conn).Close, (*conn.Conn).Abort} {
				opened, closed := r.dialOut("tcp", addr, func(c *conn.Conn) {
					c.OnDrain(func() {})
					c.WriteString("x")
					if err := end(c); err != nil {
						r.Error(err)
					}
				})
				r.wantErr(closed, net.ErrClosed)
				r.turns(3)
				if len(opened) > 0 {
					r.Error("Open after Close")
				}
			}
		}
	})
}

// Who dials again in Close, at once and for ever, leaves the loop to the
// others.
func TestRedialSharesTheLoop(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		addr := r.addr + "0" // nobody's
		if r.network == "tcp" {
			addr = loopback.Refused(r)
		}
		n := 0
		h := &conn.Handler{}
		h.Close = func(c *conn.Conn, err error) {
			n++
			if !errors.Is(err, net.ErrClosed) {
				c.Loop().Dial(r.network, addr, h)
			}
		}
		r.do(func() { r.loop.Dial(r.network, addr, h) })
		p := r.dial()
		for range 20 {
			p.send("ping")
			p.want("ping")
		}
		r.until("more tries", func() bool { return n > 2 })
	})
}

// Loops talk to each other.
func TestDialOneself(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }, Close: onClose})
		r.do(func() {
			r.loop.Dial(r.network, r.addr, r.tls(&conn.Handler{Open: func(c *conn.Conn) { c.Write(flood(50 << 10)); c.CloseWrite() }, Close: onClose}))
		})
		for range 2 {
			if err := get(r, ch); err == nil || err.Error() != "EOF" {
				r.Error(err)
			}
		}
		if in := r.bytesIn(); in < 100<<10 || !r.secure && in > 100<<10 {
			r.Error(in, "bytes")
		}
	})
}

// What was said of a connection before it opened holds afterwards.
func TestResetOnErrorBeforeOpen(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln := r.backend()
		r.do(func() {
			c, err := r.loop.Dial("tcp", ln.Addr().String(), &conn.Handler{Data: func(*conn.Conn, []byte) int { panic("in Data") }})
			if err != nil {
				r.Fatal(err)
			}
			c.ResetOnError()
		})
		p := r.accept(ln)
		p.send("x")
		if _, err := p.Read(make([]byte, 1)); !isReset(err) {
			r.Error(err)
		}
	})
}
