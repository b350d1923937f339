// Reading while one's own output waits: it goes on where the input makes no more
// output on the same connection, and pauses where it does.

package conn_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// Conn.Pipe: "Two connections that pipe to each other are a proxy", also if the
// backend reads no faster than its answers are taken, and through several of them.
func TestProxiesFlowBothWays(t *testing.T) {
	each(t, func(r *rig) {
		const n, request, answer = 4000, 500, 5000
		ln := r.backend()
		go func() {
			b, err := ln.Accept()
			if err != nil {
				return
			}
			defer b.Close()
			in, out := make([]byte, request), flood(answer)
			for {
				if _, err := io.ReadFull(b, in); err != nil {
					return
				}
				if _, err := b.Write(out); err != nil {
					return
				}
			}
		}()
		ch := make(chan error, 8)
		r.proxy(ln.Addr().String(), ch)
		r.proxy(r.addr, ch)
		r.proxy(r.addr, ch)
		p := r.dial()
		go func() {
			for range n {
				if _, err := p.Write(make([]byte, request)); err != nil {
					return
				}
			}
			p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		buf := make([]byte, 64<<10)
		for got := 0; got < n*answer; {
			k, err := p.Read(buf)
			if got += k; err != nil {
				r.Fatalf("after %d of %d bytes: %v", got, n*answer, err)
			}
		}
		p.wantEOF()
	})
}

// choke makes c write more than its peer's kernel takes.
func choke(c *conn.Conn) {
	for !c.Full() {
		c.Write(make([]byte, 1<<20))
	}
	c.Write(make([]byte, 4<<20)) // the kernel's buffers grow
}

// Input comes, and the FIN after it, while output is at High: to a sink, on a
// connection that was dialled, and where Handler.ReadOn says so.
func TestReadingGoesOnWhileOutputIsHigh(t *testing.T) {
	each(t, func(r *rig) {
		ln := r.backend()
		for _, name := range []string{"piped", "dialled", "ReadOn"} {
			v := &valve{}
			h := conn.Handler{Stall: -1, Open: choke,
				Data: func(_ *conn.Conn, p []byte) int { v.Write(p); return len(p) },
				End:  func(*conn.Conn) { v.closed++ }}
			var p *peer
			switch name {
			case "piped":
				h.End = func(*conn.Conn) {} // the sink knows
				h.Open = func(c *conn.Conn) { c.Pipe(v); choke(c) }
				_, p = r.serve(h)
			case "dialled":
				r.do(func() {
					if _, err := r.loop.Dial(r.network, ln.Addr().String(), r.tls(&h)); err != nil {
						r.Error(err)
					}
				})
				p = r.accept(ln)
			case "ReadOn":
				h.ReadOn = true
				_, p = r.serve(h)
			}
			p.send("early")
			r.until("the answer to "+name, func() bool { return v.String() == "early" })
			p.closeWrite()
			r.until("the FIN to "+name, func() bool { return v.closed == 1 })
		}
	})
}

// Who pipes to itself pauses, also when it was dialled: else a peer who does not
// read would make us hold all that it sends.
func TestAnEchoPausesWhileOutputIsHigh(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.backend()
		for _, dialled := range []bool{false, true} {
			h := conn.Handler{Stall: -1, ReadOn: true, Open: func(c *conn.Conn) { c.Pipe(c) }}
			var p *peer
			if dialled {
				r.do(func() { r.loop.Dial(r.network, ln.Addr().String(), &h) })
				p = r.accept(ln)
			} else {
				_, p = r.serve(h)
			}
			p.fill()
			if st := r.loop.Stats(); st.BytesIn-st.BytesOut > 1<<20 {
				r.Errorf("dialled %v: %d bytes are held", dialled, st.BytesIn-st.BytesOut)
			}
			p.reset()
			r.until("the end", func() bool { return r.loop.Stats().Open == 0 })
		}
	})
}

// fill writes until the loop reads no more: until a write makes no progress
// while the loop has been round, and has read nothing.
func (p *peer) fill() (n int64) {
	buf := flood(64 << 10)
	for still := 0; still < 5; {
		before := p.r.bytesIn()
		p.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		m, err := p.Write(buf)
		n += int64(m)
		if ne, ok := err.(net.Error); err != nil && (!ok || !ne.Timeout()) {
			p.r.Fatal(err)
		}
		if m == 0 && p.r.bytesIn() == before {
			still++
		} else {
			still = 0
		}
	}
	return n
}
