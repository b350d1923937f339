// What happens on connections: backpressure, errors of the program, prepared messages,
// calls from other goroutines.

package ws

import (
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

func TestPause(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	var conn *Conn
	s := start(t, &Handler{Message: func(c *Conn, op Op, p []byte) {
		conn = c
		c.Pause()
		got <- string(p)
	}})
	p := s.dial()
	p.send(append(text("a"), text("b")...))
	p.send(append(text("c"), bye(1000, "")...))
	for _, want := range []string{"a", "b", "c"} {
		if m := wait(t, got); m != want {
			t.Fatalf("%q, want %q", m, want)
		}
		on(t, conn, func() {}) // another turn brings nothing more
		if len(got) > 0 {
			t.Fatalf("paused, and got %q", <-got)
		}
		on(t, conn, conn.Resume)
	}
	if all := p.all(); all != "close 1000" {
		t.Error(all)
	}
}

// A program that writes until Full, and goes on when the output has drained, to a
// peer that reads late.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	const n = 400
	filled := make(chan bool, n)
	s := start(t, &Handler{Open: func(c *Conn) {
		i := 0
		var more func()
		more = func() {
			for ; i < n; i++ {
				if c.Full() {
					filled <- true
					c.OnDrain(more)
					return
				}
				c.Write(Binary, []byte(k64))
			}
			c.Close(1000, "")
		}
		more()
	}})
	p := s.dial()
	wait(t, filled)
	for range n {
		p.want("binary of 65536")
	}
	p.want("close 1000")
	p.send(bye(1000, ""))
	p.all()
}

// A peer that sends and never reads is not read from: what it makes the server
// hold is bounded.
func TestEchoToNobody(t *testing.T) {
	t.Parallel()
	var conn *Conn
	opened := make(chan bool, 1)
	h := echo()
	h.Open = func(c *Conn) { conn = c; opened <- true }
	s := start(t, h)
	p := s.dial()
	wait(t, opened)
	in := ping(k64[:125])
	for range 200 {
		in = append(in, ping(k64[:125])...)
	}
	in = append(in, text(k64[:60000])...)
	var rest []byte
	for held := 0; held == 0; { // until nothing moves any more
		for err := error(nil); err == nil; {
			if len(rest) == 0 {
				rest = in
			}
			var n int
			p.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			n, err = p.Write(rest)
			rest = rest[n:]
		}
		if on(t, conn, func() { held = conn.Pending() }); held > 1<<20 {
			t.Errorf("%d bytes are held", held)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	s := start(t, &Handler{Open: func(c *Conn) {
		for _, e := range []struct {
			what string
			err  error
			want error
		}{
			{"a text that is none", c.Write(Text, []byte("\xff")), ErrUTF8},
			{"an op that is none", c.Write(Ping, nil), ErrOp},
			{"a long ping", c.Ping(make([]byte, 126)), ErrControl},
			{"a code that cannot be sent", c.Close(1005+1, ""), ErrCode},
			{"a reason that is none", c.Close(1000, "\xff"), ErrReason},
			{"a fragment", c.WriteFragment(Text, []byte("a"), false), nil},
			{"a message between", c.Write(Text, []byte("b")), ErrMidMessage},
			{"a ping between", c.Ping([]byte("p")), nil},
			{"the next fragment", c.WriteFragment(Text, []byte("c"), true), nil},
			{"a message", c.WriteText("d"), nil},
			{"a close", c.Close(NoCode, ""), nil},
			{"a ping behind it", c.Ping(nil), net.ErrClosed},
			{"a fragment behind it", c.WriteFragment(Text, nil, true), net.ErrClosed},
		} {
			if !errors.Is(e.err, e.want) {
				t.Errorf("%s: %v, want %v", e.what, e.err, e.want)
			}
		}
	}})
	p := s.dial()
	p.send(bye(1000, ""))
	if got := p.all(); got != `part text "a", ping "p", continuation "c", text "d", close ""` {
		t.Error(got)
	}
}

// What one read brings is handled a portion at a time.
func TestManySmallFrames(t *testing.T) {
	t.Parallel()
	messages, before := 0, make(chan int, 1)
	done := make(chan bool)
	s := start(t, &Handler{Message: func(c *Conn, op Op, p []byte) {
		if messages++; messages == 1 {
			c.Loop().Post(func() { before <- messages })
		}
		if string(p) == "last" {
			close(done)
		}
	}})
	p := s.raw()
	in := []byte(request())
	for range 5000 {
		in = append(in, text("")...)
	}
	p.send(append(in, text("last")...))
	if n := wait(t, before); n > 2*mostFrames {
		t.Errorf("%d frames are handled before anything else", n)
	}
	wait(t, done)
	if messages != 5001 {
		t.Errorf("%d messages", messages)
	}
}

func TestPrepared(t *testing.T) {
	t.Parallel()
	m, err := Prepare(Text, []byte(k64))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(Close, nil); err != ErrOp {
		t.Error(err)
	}
	if _, err := Prepare(Text, []byte{0xff}); err != ErrUTF8 {
		t.Error(err)
	}
	h := &Handler{Deflate: &Deflate{Level: 9}, Open: func(c *Conn) {
		c.WritePrepared(m)
		c.Close(1000, "")
		if err := c.WritePrepared(m); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}}
	s := start(t, h)
	for _, c := range []struct{ offer, want string }{
		{"", "text of 65536, close 1000"},
		{"permessage-deflate", "zip text of 65536, close 1000"},
		{"permessage-deflate; server_max_window_bits=9", "zip text of 65536, close 1000"},
	} {
		p := s.dial("Sec-WebSocket-Extensions: " + c.offer)
		p.send(bye(1000, ""))
		if got := p.all(); got != c.want {
			t.Errorf("%s: %s, want %s", c.offer, got, c.want)
		}
	}
}

// Post from other goroutines, while connections come and go.
func TestPost(t *testing.T) {
	t.Parallel()
	conns := make(chan *Conn, 1)
	s := startWith(t, &server.Server{Loops: 2}, func(w server.Response, r server.Request) {
		c, err := Upgrade(w, r, &Handler{Protocols: []string{"echo"}})
		if err != nil {
			t.Error(err)
			return
		}
		c.State = "mine"
		conns <- c
	})
	for range 20 {
		p := s.dial("Sec-WebSocket-Protocol: echo")
		c := wait(t, conns)
		c.Post(func() { c.WriteText(c.State.(string) + c.Protocol()) })
		p.want(`text "mineecho"`)
		c.Post(func() { c.Close(GoingAway, "") })
		p.want("close 1001")
		p.Close()
		c.Post(func() { c.WriteText("too late") })
	}
	runtime.Gosched()
}
