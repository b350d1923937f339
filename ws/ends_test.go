// How connections end: the close handshake and its reasons, silence, callbacks that do
// what they should not, a server that shuts down.

package ws

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"
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
		{"FIN", func(p *peer) { p.FIN(); p.all() }, Abnormal, "", io.EOF},
		{"FIN within a frame", func(p *peer) { p.send(text("hello")[:7]); p.FIN(); p.all() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"FIN within a message", func(p *peer) { p.send(begin(Text, "hello")); p.FIN(); p.all() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"the program closes", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.send(bye(4001, "")); p.all() }, 4001, "", nil},
		{"both close", func(p *peer) { p.send(append(text("close"), bye(1001, "x")...)); p.all() }, 1001, "x", nil},
		{"messages behind the program's close", func(p *peer) {
			p.send(append(text("close"), text("lost")...))
			p.send(append(ping(""), begin(Text, "lost")...))
			p.want("close 4001")
			p.send(append(end("lost"), bye(4001, "y")...))
			if got := p.all(); got != "" {
				p.T.Error(got)
			}
		}, 4001, "y", nil},
		{"a broken rule behind it", func(p *peer) { p.send(append(text("close"), 0xf0)); p.want("close 4001"); p.all() }, ProtocolError, "", ErrReserved},
		{"the program closes, and the peer does not", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.all() }, Abnormal, "", os.ErrDeadlineExceeded},
		{"the program closes, and the peer ends", func(p *peer) { p.send(text("close")); p.want("close 4001"); p.FIN(); p.all() }, Abnormal, "", io.EOF},
		{"the program aborts", func(p *peer) { p.send(text("abort")); p.all() }, Abnormal, "", net.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, ends := closing(&Handler{CloseTimeout: patience})
			if c.err == os.ErrDeadlineExceeded {
				h.CloseTimeout = 50 * time.Millisecond
			}
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
	h, ends := closing(&Handler{PingAfter: 20 * time.Millisecond, Silence: 2 * time.Second})
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
	var p *peer
	// A machine that stands still for as long as Silence answers too late. So it is asked until it does not.
	until(t, "who answers pings is kept", func() bool {
		p = s.dial()
		if p.answersPings(h.Silence + time.Second) {
			return true
		}
		p.Close()
		wait(t, ends)
		return false
	})
	p.all() // and answers no more
	if e := wait(t, ends); !errors.Is(e, os.ErrDeadlineExceeded) || e.Code != Abnormal {
		t.Errorf("silence ended in %v", e)
	}
}

// answersPings answers those that come for so long, and reports whether the connection is still there.
func (p *peer) answersPings(long time.Duration) bool {
	for begun := time.Now(); time.Since(begun) < long; {
		f, err := p.read()
		if err != nil {
			return false
		}
		if f.String() == `ping ""` {
			p.Write(pong(""))
		}
	}
	return true
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
		Deflate: &Deflate{},
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
			p.send(zip(Text, squeeze("m")))
		}
		io.Copy(io.Discard, p.In)
		if e := wait(t, ends); e.Code != Abnormal || e.Err == nil {
			t.Errorf("%s: %v", at, e)
		}
		s.logs.Want(t, "on purpose")
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
				io.Copy(io.Discard, p.In)
				p.Close()
				wait(t, ends)
			})
		}
	}
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

// TestCloseWhileBothWrite: a server that closes while its output waits reads what the
// client is writing. Otherwise a client that reads nothing before it has written all would
// wait for ever, and so would the close frame.
func TestCloseWhileBothWrite(t *testing.T) {
	t.Parallel()
	const messages = 128
	h, ends := closing(&Handler{Open: func(c *Conn) {
		for range messages {
			c.WriteText(k64)
		}
		c.Close(4001, "")
	}})
	s := start(t, h)
	p := s.dial()
	p.send(bytes.Repeat(text(k64), 2*messages))
	for range messages {
		p.want("text of 65536")
	}
	p.want("close 4001")
	p.send(bye(4001, ""))
	if e := wait(t, ends); e.Code != 4001 || e.Err != nil {
		t.Error(e)
	}
}
