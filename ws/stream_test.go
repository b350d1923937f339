// Messages in pieces: Stream, its limit, and what is inflated in portions.

package ws

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestStream(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	got := make(chan string, 10)
	h := &Handler{Deflate: &Deflate{}}
	h.Stream = func(c *Conn, op Op, p []byte, last bool) {
		b.Write(p)
		if last {
			got <- fmt.Sprintf("%v %s", op, b.String())
			b.Reset()
		}
	}
	s := start(t, h)
	p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
	big := strings.Repeat(k64, 20)
	for _, c := range []struct {
		in   []byte
		want string
	}{
		{text("hello"), "text hello"},
		{append(begin(Binary, "a"), append(more("b"), end("")...)...), "binary ab"},
		{text(""), "text "},
		{bin(big), "binary " + big},
		{zip(Text, squeeze(big)), "text " + big},
	} {
		p.send(c.in)
		if m := wait(t, got); m != c.want {
			t.Errorf("%.40q of %d, want %.40q of %d", m, len(m), c.want, len(c.want))
		}
	}
}

// A stream has the limit that it is given.
func TestStreamLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   []byte
	}{
		{"in one frame", bin(strings.Repeat(k64, 16) + "x")[:20]},
		{"in fragments", append(begin(Binary, strings.Repeat(k64, 10)), append(more(strings.Repeat(k64, 6)), end("x")...)...)},
		{"by a head", append(begin(Binary, strings.Repeat(k64, 15)), frameOf(0, k64+"x")[:20]...)},
		{"compressed", zip(Binary, squeeze(strings.Repeat(k64, 16)+"x"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, ends := closing(&Handler{MaxMessage: 1 << 20, Deflate: &Deflate{}})
			n := 0
			h.Stream = func(c *Conn, op Op, p []byte, last bool) { n += len(p) }
			s := start(t, h)
			p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
			p.send(c.in)
			p.want("close 1009")
			p.send(bye(1009, ""))
			p.FIN()
			if e := wait(t, ends); !errors.Is(e, ErrTooBig) || n > 1<<20 {
				t.Errorf("%v after %d bytes", e, n)
			}
		})
	}
}

// A large message is inflated a portion at a time.
func TestInflatePortions(t *testing.T) {
	t.Parallel()
	h := &Handler{Deflate: &Deflate{}, MaxMessage: 64 << 20}
	got := make(chan int, 1)
	h.Message = func(c *Conn, op Op, p []byte) { got <- len(p) }
	turns := make(chan uint64, 1)
	h.Pong = func(c *Conn, p []byte) { turns <- c.Loop().Stats().Turns }
	s := start(t, h)
	p := s.dial("Sec-WebSocket-Extensions: permessage-deflate")
	const n = 8 << 20
	p.send(pong(""))
	before := wait(t, turns)
	p.send(append(zip(Binary, squeeze(strings.Repeat("\x00", n))), pong("")...))
	if m := wait(t, got); m != n {
		t.Errorf("%d bytes, want %d", m, n)
	}
	if took := wait(t, turns) - before; took < n/inflateTurn {
		t.Errorf("it took %d turns", took)
	}
}
