// Output: what is written leaves, whole, in order, in few system calls, and
// does not pile up.

package conn_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// writes counts the system calls for output that fn leads to.
func (r *rig) writes(fn func()) uint64 {
	r.Helper()
	r.turns(2)
	before := r.loop.Stats().Writes
	r.do(fn)
	r.turns(2)
	return r.loop.Stats().Writes - before
}

func TestWritesOfOneCallbackLeaveTogether(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		n := r.writes(func() {
			buf := []byte("one ")
			c.Write(buf)
			copy(buf, "XXXX") // the caller may reuse its slice
			c.WriteString("two ")
			c.Writev([]byte("three "), nil, []byte("four"))
			c.Write(nil)
		})
		p.want("one two three four")
		if n != 1 {
			r.Errorf("%d system calls", n)
		}
		// A head and a large body leave together too.
		body := flood(100 << 10)
		loopback.Until(r, "two system calls to suffice for head and body", func() bool {
			n := r.writes(func() { c.WriteString("head"); c.Write(body) })
			p.want("head")
			p.want(string(body))
			return n <= 2 || r.network != "tcp" // the socket's buffer may be smaller, or not empty at once
		})
	})
}

func TestLargeWrites(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{Max: 64 << 20})
		var want bytes.Buffer
		r.do(func() {
			for i, n := range []int{1, 31 << 10, 1, 1 << 20, 5, 32 << 10, 3 << 20, 2} {
				piece := bytes.Repeat([]byte{byte('a' + i)}, n)
				want.Write(piece)
				c.Write(piece)
				clear(piece)
			}
			for i := range 5000 {
				piece := flood(i % 3000)
				want.Write(piece)
				c.Write(piece)
			}
			c.Close()
		})
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			r.Fatalf("%d bytes, %v; want %d", len(got), err, want.Len())
		}
	})
}

// All that is written in small pieces leaves while it is written, on whatever
// connection: it is not what the peer does not read.
func TestManySmallWritesAreNoBacklog(t *testing.T) {
	each(t, func(r *rig) {
		first, _ := r.serve(conn.Handler{})
		c, p := r.serve(conn.Handler{Max: 256 << 10})
		go io.Copy(io.Discard, p)
		piece := flood(1 << 10)
		r.do(func() {
			first.WriteString("takes the loop's own buffer")
			for i := range 100 << 10 {
				if c.Full() {
					if i < 64 {
						r.Error("full after", i)
					}
					return
				}
				if _, err := c.Write(piece); err != nil {
					r.Error(i, err)
				}
			}
		})
	})
}

func TestFullAndDrain(t *testing.T) {
	each(t, func(r *rig) {
		drains := make(chan string, 8)
		_, onClose := closes()
		c, p := r.serve(conn.Handler{High: 100 << 10, Low: 10 << 10, Max: 64 << 20, Close: onClose,
			Drain: func(*conn.Conn) { drains <- "Drain" }})
		const total = 24 << 20 // more than the kernel takes
		r.do(func() {
			if c.Full() {
				r.Error("full when empty")
			}
			for range total >> 20 {
				c.Write(flood(1 << 20))
			}
			if !c.Full() {
				r.Error("not full")
			}
			c.OnDrain(func() { drains <- "OnDrain" })
		})
		p.send("not to be read while the output is high")
		r.turns(3)
		if len(drains) > 0 {
			r.Fatal("drained while nobody reads")
		}
		if _, err := io.CopyN(io.Discard, p, total); err != nil {
			r.Fatal(err)
		}
		for _, want := range []string{"Drain", "OnDrain"} {
			if got := get(r, drains); got != want {
				r.Fatalf("%s, want %s", got, want)
			}
		}
		// With room, OnDrain follows by itself, and Drain does not.
		r.do(func() { c.OnDrain(func() { drains <- "again" }) })
		if got := get(r, drains); got != "again" {
			r.Fatal(got)
		}
		// Full may be true for output that then leaves at once.
		r.do(func() {
			c.SetHandler(&conn.Handler{High: 1, Low: 50, Close: onClose, Drain: func(*conn.Conn) { drains <- "low mark" }})
			c.WriteString("xx")
			if !c.Full() {
				r.Error("not full at High")
			}
		})
		if got := get(r, drains); got != "low mark" {
			r.Fatal(got)
		}
	})
}

// A writer who goes on in OnDrain, to a reader who is never behind, leaves the
// loop to the others.
func TestEndlessWriterSharesTheLoop(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		other := r.dial()
		c, p := r.serve(conn.Handler{})
		go io.Copy(io.Discard, p)
		var more func()
		more = func() {
			if _, err := c.Write([]byte("x")); err == nil {
				c.OnDrain(more)
			}
		}
		r.do(more)
		for range 20 {
			other.send("ping")
			other.want("ping")
		}
		fired := make(chan bool, 1)
		r.do(func() { r.loop.After(time.Millisecond, func() { fired <- true }) })
		get(r, fired)
	})
}

// The natural loop of a producer ends, however fast the peer reads.
func TestFullEndsTheLoopOfAProducer(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		go io.Copy(io.Discard, p)
		piece := flood(1 << 10)
		rounds := make(chan bool, 3)
		var next func()
		next = func() {
			for n := 0; !c.Full(); n++ {
				if c.Write(piece); n > 64<<10 {
					r.Error("64 MiB and not full")
					break
				}
			}
			select {
			case rounds <- true:
				c.OnDrain(next)
			default:
			}
		}
		r.do(next)
		for range 3 {
			get(r, rounds)
		}
	})
}

// So does one whose input has no end.
func TestEndlessReaderSharesTheLoop(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		other := r.dial()
		_, p := r.serve(conn.Handler{})
		go func() {
			for buf := flood(1 << 20); ; {
				if _, err := p.Write(buf); err != nil {
					return
				}
			}
		}()
		for range 20 {
			other.send("ping")
			other.want("ping")
		}
	})
}

func TestMaxIsBacklog(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Max: 1 << 20, Close: onClose})
		p.Write([]byte("x"))
		var err error
		r.do(func() {
			for range 1000 {
				if _, err = c.Write(flood(64 << 10)); err != nil {
					return
				}
			}
		})
		if !errors.Is(err, conn.ErrBacklog) {
			r.Fatal(err)
		}
		r.wantErr(ch, conn.ErrBacklog)
		if r.network == "tcp" {
			loopback.NeedResets(r)
			if _, err := io.Copy(io.Discard, p); err == nil {
				r.Error("what was cut off looks complete")
			}
		}
	})
}

// Writev is one Write, however its pieces add up.
func TestWritevPastMax(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{Max: 64 << 10})
		piece := flood(1 << 20)
		var n int
		var err error
		r.do(func() {
			n, err = c.Writev(piece, piece, piece, piece, piece, piece, piece, piece)
			c.Close()
		})
		if n != 8<<20 || err != nil {
			r.Fatal(n, err)
		}
		if n, err := io.Copy(io.Discard, p); n != 8<<20 || err != nil {
			r.Fatal(n, err)
		}
	})
}

// What is put together in the connection's own buffer arrives like all else, with
// whatever it is mixed, and however much is waiting.
func TestAvailableBuffer(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{Max: 1 << 30, High: 1 << 30})
		other, q := r.serve(conn.Handler{})
		rnd := rand.New(rand.NewPCG(1, 2))
		data := flood(1 << 20)
		var want []byte
		next := func(most int) []byte {
			at := rnd.IntN(len(data) - most)
			b := data[at : at+rnd.IntN(most+1)]
			want = append(want, b...)
			return b
		}
		for range 40 {
			r.do(func() {
				for range rnd.IntN(40) {
					switch rnd.IntN(12) {
					case 0:
						c.Write(next(100 << 10))
					case 1:
						c.Writev(next(20), next(20))
					case 2:
						other.WriteString("x") // has the loop's buffer now, or not
					default:
						room := 1 << rnd.IntN(16)
						b := c.AvailableBuffer(room)
						if len(b) != 0 || cap(b) < room {
							r.Errorf("AvailableBuffer(%d) has %d bytes, and room for %d", room, len(b), cap(b))
						}
						for range rnd.IntN(3) {
							b = append(b, next(room)...) // may be more than there is room for
						}
						half := rnd.IntN(len(b) + 1)
						c.Write(b[:half])
						c.Write(b[half:])
					}
				}
			})
			n := rnd.IntN(len(want) + 1) // some of it is read, and some has to wait
			p.want(string(want[:n]))
			want = want[n:]
		}
		p.want(string(want))
		r.do(func() { other.Close() })
		if x, err := io.ReadAll(q); err != nil || len(bytes.Trim(x, "x")) > 0 {
			r.Errorf("the other connection got %q, %v", x, err)
		}
	})
}

// Reading pauses while the output is high, so that a peer who does not read
// cannot make us hold more.
func TestReadingPausesWhileOutputIsHigh(t *testing.T) {
	each(t, func(r *rig) {
		_, p := r.serve(conn.Handler{Stall: -1, Data: func(c *conn.Conn, p []byte) int { c.Write(p); c.Write(p); return len(p) }})
		go func() {
			for buf := flood(64 << 10); ; {
				if _, err := p.Write(buf); err != nil {
					return // by the end of the test
				}
			}
		}()
		r.until("input", func() bool { return r.loop.Stats().BytesIn > 0 })
		for !(r.loop.Stats().Paused == 1 && r.rests(20)) {
			if r.loop.Stats().Open == 0 {
				r.Fatal("closed: all was read that came")
			}
		}
		p.Close()
	})
}

func TestStall(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, _ := r.serve(conn.Handler{Stall: 50 * time.Millisecond, Close: onClose})
		r.do(func() { c.Write(flood(8 << 20)) })
		r.wantErr(ch, os.ErrDeadlineExceeded)
	})
}

// Close waits for the output, but not for ever.
func TestStallAfterClose(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, _ := r.serve(conn.Handler{Stall: 50 * time.Millisecond, Close: onClose})
		r.do(func() { c.Write(flood(8 << 20)); c.Close() })
		r.wantErr(ch, os.ErrDeadlineExceeded)
	})
}

// Two peers that both write and neither reads are ended by the stall.
func TestMutualStall(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		h := r.tls(&conn.Handler{Stall: 100 * time.Millisecond, Close: onClose,
			Data: func(c *conn.Conn, p []byte) int { c.Write(p); c.Write(p); return len(p) }})
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.SetHandler(h); c.WriteString("go") },
			Stall: 100 * time.Millisecond})
		r.do(func() {
			d, err := r.loop.Dial(r.network, r.addr, h)
			if err != nil {
				r.Error(err)
				return
			}
			d.Pipe(d) // else it reads on: it was dialled
		})
		r.wantErr(ch, os.ErrDeadlineExceeded)
		get(r, ch) // and the other end
	})
}
