// What happens on connections: the end and its reasons, silence, backpressure,
// streams, and callbacks that do what they should not.

package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

// closing is a Handler whose ends are sent to a channel.
func closing(h *Handler) (*Handler, chan *CloseError) {
	ends := make(chan *CloseError, 16)
	h.Close = func(c *Conn, err *CloseError) { ends <- err }
	return h, ends
}

func TestHowItEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		do     func(p *peer)
		code   Code
		reason string
		err    error
	}{
		{"close", func(p *peer) { p.send(bye(1000, "done")); p.all() }, 1000, "done", nil},
		{"close without a code", func(p *peer) { p.send(frameOf(0x88, "")); p.all() }, NoCode, "", nil},
		{"a broken rule", func(p *peer) { p.send([]byte("\x81\x00")); p.all() }, ProtocolError, "", ErrUnmasked},
		{"too big", func(p *peer) { p.send(bin(k64 + "x")); p.all() }, TooBig, "", ErrTooBig},
		{"FIN", func(p *peer) { p.fin(); p.all() }, Abnormal, "", io.EOF},
		{"FIN within a frame", func(p *peer) { p.send(text("hello")[:7]); p.fin(); p.all() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"FIN within a message", func(p *peer) { p.send(begin(Text, "hello")); p.fin(); p.all() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"the program closes", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.send(bye(4001, "")); p.all() }, 4001, "", nil},
		{"both close", func(p *peer) { p.send(append(text("close"), bye(1001, "x")...)); p.all() }, 1001, "x", nil},
		{"messages behind the program's close", func(p *peer) {
			p.send(append(text("close"), text("lost")...))
			p.send(append(ping(""), begin(Text, "lost")...))
			p.want("close 4001")
			p.send(append(end("lost"), bye(4001, "y")...))
			if got := p.all(); got != "" {
				p.t.Error(got)
			}
		}, 4001, "y", nil},
		{"a broken rule behind it", func(p *peer) { p.send(append(text("close"), 0xf0)); p.want("close 4001"); p.all() }, ProtocolError, "", ErrReserved},
		{"the program closes, and the peer does not", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.all() }, Abnormal, "", os.ErrDeadlineExceeded},
		{"the program closes, and the peer ends", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.fin(); p.all() }, Abnormal, "", io.EOF},
		{"the program aborts", func(p *peer) { p.send(text("abort")); p.all() }, Abnormal, "", net.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, ends := closing(&Handler{CloseTimeout: 50 * time.Millisecond})
			h.Message = func(c *Conn, op Op, p []byte) {
				switch string(p) {
				case "close":
					if err := c.Close(4001, "bye"); err != nil {
						t.Error(err)
					}
					if err := c.Write(Text, p); !errors.Is(err, net.ErrClosed) {
						t.Errorf("Write behind Close: %v", err)
					}
					if err := c.Close(4001, "bye"); !errors.Is(err, net.ErrClosed) {
						t.Errorf("Close behind Close: %v", err)
					}
				case "abort":
					c.Abort()
				default:
					t.Errorf("message %q", p)
				}
			}
			s := start(t, h)
			p := s.dial()
			c.do(p)
			p.Close()
			e := wait(t, ends)
			if e.Code != c.code || e.Reason != c.reason || c.err != nil && !errors.Is(e, c.err) || (e.Err == nil) != (c.err == nil) {
				t.Errorf("%v, want %v %q %v", e, c.code, c.reason, c.err)
			}
			if len(ends) > 0 {
				t.Errorf("a second end: %v", <-ends)
			}
		})
	}
}

// A peer that is silent is sent a ping, and given up if it stays silent, however
// much is written to it; one that answers pings is not.
func TestSilence(t *testing.T) {
	t.Parallel()
	h, ends := closing(&Handler{PingAfter: 20 * time.Millisecond, Silence: 300 * time.Millisecond})
	h.Open = func(c *Conn) {
		var again func()
		again = func() {
			if c.WriteText("tick") == nil {
				c.After(5*time.Millisecond, again)
			}
		}
		again()
	}
	s := start(t, h)
	p := s.dial()
	begun := time.Now()
	for pings := 0; time.Since(begun) < 500*time.Millisecond; {
		f, err := p.read()
		if err != nil {
			t.Fatalf("after %d pings that were answered: %v", pings, err)
		}
		if f.String() == `ping ""` {
			pings++
			p.send(pong(""))
		}
	}
	p.all() // and answers no more
	if e := wait(t, ends); !errors.Is(e, os.ErrDeadlineExceeded) || e.Code != Abnormal {
		t.Errorf("silence ended in %v", e)
	}
}

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
			{"a reason that is none", c.Close(1000, "\xff"), ErrCode},
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

// A panic ends the connection of the callback, and no other.
func TestCallbacksThatFail(t *testing.T) {
	t.Parallel()
	var where atomic.Value
	fail := func(at string) {
		if at == where.Load() {
			panic("on purpose")
		}
	}
	h, ends := closing(&Handler{
		Open:    func(*Conn) { fail("open") },
		Message: func(c *Conn, op Op, p []byte) { c.Write(op, p); fail("message") },
		Pong:    func(*Conn, []byte) { fail("pong") },
	})
	s := start(t, h)
	other := s.dial()
	for _, at := range []string{"open", "message", "whole", "zip", "pong"} {
		if where.Store(at); at == "whole" || at == "zip" {
			where.Store("message")
		}
		p := s.raw()
		p.send([]byte(request("Sec-WebSocket-Extensions: permessage-deflate")))
		switch at {
		case "message":
			p.send(text("m"))
		case "whole":
			p.send(append(begin(Text, "m"), end("n")...))
		case "pong":
			p.send(pong("p"))
		case "zip":
			p.send(append(begin(Text, "m"), end("n")...))
		}
		io.Copy(io.Discard, p.in)
		if e := wait(t, ends); e.Code != Abnormal || e.Err == nil {
			t.Errorf("%s: %v", at, e)
		}
		if !strings.Contains(s.logs.take(), "on purpose") {
			t.Errorf("%s: the panic is not logged", at)
		}
	}
	where.Store("")
	other.send(append(text("still here"), bye(1000, "")...))
	if got := other.all(); got != `text "still here", close 1000` {
		t.Error(got)
	}
}

// Close and Abort from within every callback, and what is left of the input then.
func TestCloseFromWithin(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		do   func(c *Conn)
	}{
		{"close", func(c *Conn) { c.Close(1000, "") }},
		{"abort", func(c *Conn) { c.Abort() }},
		{"close the connection underneath", func(c *Conn) { c.Conn().Close() }},
	} {
		for _, at := range []string{"open", "message", "fragments", "zip", "pong", "stream"} {
			t.Run(how.name+"/"+at, func(t *testing.T) {
				t.Parallel()
				closed := false
				do := func(c *Conn, where string) {
					if closed {
						t.Errorf("%s is called behind the end", where)
					}
					if where == at || where == "message" && (at == "fragments" || at == "zip") {
						closed = true
						how.do(c)
					}
				}
				h, ends := closing(&Handler{
					Open:    func(c *Conn) { do(c, "open") },
					Message: func(c *Conn, op Op, p []byte) { do(c, "message") },
					Pong:    func(c *Conn, p []byte) { do(c, "pong") },
					Deflate: &Deflate{},
				})
				if at == "stream" {
					h.Stream = func(c *Conn, op Op, p []byte, last bool) { do(c, "stream") }
				}
				s := start(t, h)
				p := s.raw()
				in := []byte(request("Sec-WebSocket-Extensions: permessage-deflate"))
				switch at {
				case "fragments", "stream":
					in = append(in, append(begin(Text, "a"), end("b")...)...)
				case "zip":
					in = append(in, zip(Text, squeeze(k64))...)
				case "pong":
					in = append(in, pong("x")...)
				}
				for range 3 {
					in = append(append(append(in, text("x")...), pong("y")...), zip(Text, squeeze("z"))...)
				}
				p.send(append(in, bye(1000, "")...))
				io.Copy(io.Discard, p.in)
				p.Close()
				wait(t, ends)
			})
		}
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

// A server that shuts down says goodbye.
func TestShutdown(t *testing.T) {
	t.Parallel()
	h, ends := closing(&Handler{})
	s := start(t, h)
	p := s.dial()
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	p.want("close 1001")
	p.send(bye(1001, ""))
	if got := p.all(); got != "" {
		t.Error(got)
	}
	if e := wait(t, ends); e.Code != GoingAway || e.Err != nil {
		t.Error(e)
	}
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}
