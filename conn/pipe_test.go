// Pipe: echoes, proxies and sinks, whole in every direction and bounded in
// memory.

package conn_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// talk sends msg on p, shuts that side, and returns all that comes back.
func talk(r *rig, p *peer, msg []byte) []byte {
	r.Helper()
	go func() {
		p.Write(msg)
		p.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(p)
	if err != nil {
		r.Fatalf("after %d bytes: %v", len(got), err)
	}
	return got
}

func TestEcho(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.WriteString("Echo server\r\n"); c.Pipe(c) }, Close: onClose})
		msg := flood(8 << 20)
		got := talk(r, r.dial(), msg)
		if !bytes.Equal(got, append([]byte("Echo server\r\n"), msg...)) {
			r.Errorf("%d bytes came back", len(got))
		}
		r.wantErr(ch, io.EOF)
	})
}

// proxy has r listen and forward to backend; ends of either side come to ch. What
// it returns is closed when the proxy knows of a backend's FIN.
func (r *rig) proxy(backend string, ch chan error) (fin chan bool) {
	fin = make(chan bool)
	onClose := func(_ *conn.Conn, err error) { ch <- err }
	out := r.tls(&conn.Handler{Close: onClose, End: func(*conn.Conn) {
		select {
		case <-fin:
		default:
			close(fin)
		}
	}})
	network := r.network
	r.listen(&conn.Handler{Close: onClose, Open: func(c *conn.Conn) {
		d, err := r.loop.Dial(network, backend, out)
		if err != nil {
			r.Error(err)
			c.Abort()
			return
		}
		c.Pipe(d)
		d.Pipe(c)
	}})
	return fin
}

func TestProxy(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		ch := make(chan error, 8)
		r.proxy(r.addr, ch)
		msg := flood(8 << 20)
		if got := talk(r, r.dial(), msg); !bytes.Equal(got, msg) {
			r.Errorf("%d bytes came back", len(got))
		}
		r.wantErr(ch, io.EOF)
		r.wantErr(ch, io.EOF)
	})
}

// backend returns a listener of package net that a proxy connects to.
func (r *rig) backend() net.Listener {
	r.Helper()
	addr := "127.0.0.1:0"
	if r.network == "unix" {
		addr = r.socketPath()
	}
	ln, err := net.Listen(r.network, addr)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { ln.Close() })
	if r.secure {
		ln = tls.NewListener(ln, certified())
	}
	return ln
}

func (r *rig) accept(ln net.Listener) *peer {
	r.Helper()
	nc, err := ln.Accept()
	if err != nil {
		r.Fatal(err)
	}
	return r.peer(nc)
}

// A slow reader behind a proxy stops the sender, and memory with him.
func TestProxyWithSlowReaderIsBounded(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.backend()
		ch := make(chan error, 8)
		r.proxy(ln.Addr().String(), ch)
		p := r.dial()
		b := r.accept(ln)
		sent := 0
		buf := flood(64 << 10)
		for {
			p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			n, err := p.Write(buf)
			if sent += n; err != nil {
				break // all buffers are full
			}
			if sent > 64<<20 {
				r.Fatal("64 MiB went into a pipe that nobody reads")
			}
		}
		st := r.loop.Stats()
		if held := st.BytesIn - st.BytesOut; held > 256<<10 {
			r.Errorf("%d bytes are held", held)
		}
		go func() { p.closeWrite() }()
		if n, err := io.Copy(io.Discard, b); n != int64(sent) || err != nil {
			r.Errorf("%d bytes, %v; sent %d", n, err, sent)
		}
	})
}

// A reset of one side aborts the other: what was cut off does not pass for
// complete.
func TestProxyPassesResets(t *testing.T) {
	each(t, func(r *rig) {
		if r.network == "unix" {
			r.Skip("a Unix socket knows no reset")
		}
		loopback.NeedResets(r)
		ln := r.backend()
		ch := make(chan error, 8)
		r.proxy(ln.Addr().String(), ch)
		for _, who := range []string{"client", "backend"} {
			p := r.dial()
			b := r.accept(ln)
			p.send("x")
			b.want("x")
			one, other := p, b
			if who == "backend" {
				one, other = b, p
			}
			one.reset()
			if n, err := other.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
				r.Errorf("the %s was reset, its peer saw %d, %v", who, n, err)
			}
			get(r, ch)
			r.wantErr(ch, net.ErrClosed)
		}
	})
}

// A backend that has answered all and then vanishes takes nothing of its answer
// along, however slowly the client reads.
func TestProxyKeepsACompleteAnswer(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.backend()
		ch := make(chan error, 8)
		fin := r.proxy(ln.Addr().String(), ch)
		p := r.dial()
		b := r.accept(ln)
		answer := flood(2 << 20) // more than fits in the client's socket
		sent := make(chan bool, 1)
		go func() {
			b.Write(answer)
			b.closeWrite()
			sent <- true
		}()
		// The client reads until the proxy knows of the end, and not much more: how
		// much the kernel holds in between is the kernel's.
		first, piece := 0, make([]byte, 16<<10)
		for knows := false; !knows; {
			select {
			case <-fin:
				knows = true
				continue
			default:
			}
			n, err := p.Read(piece)
			if err != nil && err != io.EOF { // the backend was slow to end
				r.Fatal(err)
			}
			first += n
			r.turns(1)
		}
		get(r, sent)
		b.reset()
		p.Write([]byte("more, that nobody takes any longer")) // fails if the proxy has closed by now
		r.turns(3)
		rest, err := io.ReadAll(p)
		if n := len(rest) + first; n != len(answer) {
			r.Errorf("%d of %d bytes, %v", n, len(answer), err)
		}
	})
}

// A valve is a sink that is full when it is told to be.
type valve struct {
	bytes.Buffer
	full            bool
	waiting         []func()
	closed, aborted int
	err             error
}

func (v *valve) Write(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	return v.Buffer.Write(p)
}
func (v *valve) Full() bool        { return v.full }
func (v *valve) OnDrain(fn func()) { v.waiting = append(v.waiting, fn) }
func (v *valve) Close() error      { v.closed++; return nil }
func (v *valve) Abort() error      { v.aborted++; return nil }
func (v *valve) open() {
	v.full = false
	fns := v.waiting
	v.waiting = nil
	for _, fn := range fns {
		fn()
	}
}

func TestPipeToSink(t *testing.T) {
	each(t, func(r *rig) {
		ended := make(chan int, 1)
		v := &valve{full: true}
		c, p := r.serve(conn.Handler{Open: func(c *conn.Conn) { c.Pipe(v) },
			End: func(c *conn.Conn) { ended <- v.closed; c.CloseWrite() }})
		p.send("first")
		r.until("the first bytes", func() bool { return v.String() == "first" })
		p.send(" second")
		p.closeWrite()
		r.turns(3)
		r.do(func() {
			if v.String() != "first" || v.closed > 0 {
				r.Errorf("a full sink got %q", &v.Buffer)
			}
			v.open()
		})
		if n := get(r, ended); n != 1 {
			r.Errorf("End came when the sink had %d Closes", n)
		}
		p.wantEOF()
		r.until("the end", func() bool { return c.RemoteAddr() == nil })
		r.do(func() {
			if v.String() != "first second" || v.closed != 1 || v.aborted != 0 {
				r.Errorf("%q, %d closes, %d aborts", &v.Buffer, v.closed, v.aborted)
			}
		})
	})
}

func TestPipeToSinkThatFails(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		v := &valve{err: errors.New("no")}
		_, p := r.serve(conn.Handler{Open: func(c *conn.Conn) { c.Pipe(v) }, Close: onClose})
		p.send("x")
		r.wantErr(ch, net.ErrClosed)
	})
}

func TestSinkOfASourceThatEnds(t *testing.T) {
	for _, k := range []struct {
		name            string
		end             func(c *conn.Conn)
		closed, aborted int
	}{
		{"Abort", func(c *conn.Conn) { c.Abort() }, 0, 1},
		{"Close", func(c *conn.Conn) { c.Close() }, 1, 0},
		{"Timeout", func(c *conn.Conn) { c.SetDeadline(1) }, 0, 1},
		{"Detach", func(c *conn.Conn) { nc, _ := c.Detach(); nc.Close() }, 0, 0},
		{"SetHandler", func(c *conn.Conn) { c.SetHandler(nil); c.Abort() }, 0, 0},
	} {
		t.Run(k.name, func(t *testing.T) {
			if k.name == "Detach" {
				needDetach(t)
			}
			each(t, func(r *rig) {
				v := &valve{}
				c, _ := r.serve(conn.Handler{Open: func(c *conn.Conn) { c.Pipe(v) }})
				r.do(func() { k.end(c) })
				r.until("the end", func() bool { return c.RemoteAddr() == nil })
				r.do(func() {
					if v.closed != k.closed || v.aborted != k.aborted {
						r.Errorf("%d closes, %d aborts; want %d, %d", v.closed, v.aborted, k.closed, k.aborted)
					}
				})
			})
		})
	}
}

// Pipe takes input that waits, also after the peer's end has been seen.
func TestPipeOfHeldInput(t *testing.T) {
	each(t, func(r *rig) {
		for _, when := range []string{"before", "after", "after, full"} {
			v := &valve{full: when == "after, full"}
			ended := make(chan bool, 2)
			c, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int { return 0 },
				End: func(c *conn.Conn) {
					ended <- true
					if v.closed > 0 {
						c.CloseWrite()
					}
				}})
			want := r.bytesIn() + 4
			p.send("held")
			r.until("input", func() bool { return r.loop.Stats().BytesIn >= want })
			if when == "before" {
				r.turns(2)
				r.do(func() { c.Pipe(v) })
				p.closeWrite()
			} else {
				p.closeWrite()
				get(r, ended)
				r.do(func() { c.Pipe(v); v.open() })
			}
			get(r, ended)
			p.wantEOF()
			r.do(func() {
				if v.String() != "held" || v.closed != 1 {
					r.Errorf("%s: %q, %d closes", when, &v.Buffer, v.closed)
				}
			})
		}
	})
}

func TestPipeToAnotherLoopPanics(t *testing.T) {
	eachPoller(t, func(r *rig) {
		c, _ := r.serve(conn.Handler{})
		s := newRig(t, r.name, "tcp")
		d, _ := s.serve(conn.Handler{})
		r.do(func() {
			defer func() {
				if recover() == nil {
					r.Error("no panic")
				}
			}()
			c.Pipe(d)
		})
	})
}
