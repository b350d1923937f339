// What connections hold counts for MaxMemory: messages of which a part has come, what is
// inflated, and the messages of a Hub.

package ws

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// Peers that send the most part of a message each, and wait, are closed before they hold
// more than MaxMemory together: those that hold most. The others go on.
func TestHalfMessagesAreBounded(t *testing.T) {
	t.Parallel()
	const most, peers, size = 4 << 20, 300, 60 << 10
	for _, deflate := range []bool{false, true} {
		h := echo()
		unhurried(h)
		var lines []string
		if deflate {
			h.Deflate = &Deflate{}
			lines = append(lines, "Sec-WebSocket-Extensions: permessage-deflate")
		}
		var shed atomic.Int64
		h.Close = func(c *Conn, err *CloseError) {
			if errors.Is(err, conn.ErrMemory) {
				shed.Add(1)
			}
		}
		s := startWith(t, &server.Server{Loops: 1, MaxMemory: most}, func(w server.Response, r server.Request) { Upgrade(w, r, h) })
		modest := s.dial(lines...)
		modest.send(begin(Text, "he"))
		half := frameOf(byte(Binary)|finBit, k64)[:size]
		if deflate {
			half[0] |= rsv1Bit
		}
		for i := range peers {
			p := s.dial(lines...)
			p.Write(half)
			// Those that are closed give back what they held in portions, over some turns.
			until(t, fmt.Sprintf("less to be held than the bound after %d peers", i), func() bool { return s.Stats().Held <= most })
		}
		until(t, "some are closed, and counted", func() bool {
			n := shed.Load()
			return n > peers/2 && s.Stats().Limits.MaxMemory == uint64(n)
		})
		modest.send(end("llo"))
		modest.want(`text "hello"`)
		s.logs.Want(t, "hold too much")
	}
}

// A message in many small fragments is copied a few times at most.
func TestManyFragments(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n, size = 64, 4 << 20
	got := make(chan int, 1)
	s := start(t, &Handler{MaxMessage: size, Message: func(c *Conn, op Op, p []byte) { got <- len(p) }})
	p := s.dial()
	part := begin(Continuation, k64[:n])
	in := append(begin(Binary, ""), bytes.Repeat(part, size/n)...)
	in = append(in, end("")...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.send(in)
	if got := wait(t, got); got != size {
		t.Errorf("%d bytes", got)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4*size {
		t.Errorf("%d bytes are allocated", n)
	}
}

// What is charged is released, however a message ends.
func TestNothingStaysCharged(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		h := &Handler{Deflate: &Deflate{}, MaxMessage: 2 << 20}
		h.Message = func(c *Conn, op Op, p []byte) { c.WriteText("x") }
		if stream {
			h.Stream = func(c *Conn, op Op, p []byte, last bool) {
				if last {
					c.WriteText("x")
				}
			}
		}
		s := start(t, h)
		large := strings.Repeat(k64, 16)
		for _, in := range [][]byte{
			bin(k64 + k64),
			append(begin(Text, k64), end(k64)...),
			zip(Binary, squeeze(large)),
			zip(Text, squeeze(strings.Repeat(large, 3))),                        // too big
			zip(Text, squeeze(large+"\xff"+large)),                              // not UTF-8
			zip(Text, squeeze(large)[:500]),                                     // not whole
			append(begin(Text, k64), bye(1000, "")...),                          // closed within
			append(append(zip(Text, squeeze(large)), begin(Text, k64)...), 'x'), // broken within
		} {
			p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
			p.send(in)
			p.read()
			p.FIN()
			p.all()
		}
		until(t, "nothing is held", func() bool { return s.Stats().Held == 0 && h.open.Load() == 0 })
	}
}

// Pause holds within a message that is being inflated too, and so does output that the
// peer does not take.
func TestInflateWaits(t *testing.T) {
	t.Parallel()
	const n = 4 << 20
	for _, full := range []bool{false, true} {
		h := &Handler{Deflate: &Deflate{}, MaxMessage: n, High: 64 << 10, Low: 1}
		var got atomic.Int64
		conns := make(chan *Conn, 1)
		h.Stream = func(c *Conn, op Op, p []byte, last bool) {
			if got.Add(int64(len(p))); len(conns) == 0 {
				if conns <- c; full {
					c.WriteFragment(Binary, make([]byte, 16<<20), true) // not compressed
				} else {
					c.Pause()
				}
			}
		}
		s := start(t, h)
		p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
		p.send(append(zip(Binary, squeeze(strings.Repeat("\x00", n))), ping("")...))
		c := wait(t, conns)
		conns <- c
		for range 20 { // turns
			on(t, c, func() {})
		}
		if got := got.Load(); got > inflateTurn {
			t.Errorf("full %v: %d bytes came", full, got)
		}
		if !full {
			on(t, c, c.Resume)
		} else if f, err := p.read(); err != nil || len(f.data) != 16<<20 {
			t.Errorf("%v, %v", f, err)
		}
		p.want(`pong ""`)
		if got := got.Load(); got != n {
			t.Errorf("full %v: %d bytes came in the end", full, got)
		}
	}
}
