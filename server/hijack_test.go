// Hijack: the connection is another protocol's.

package server

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// upper returns a protocol that answers in capitals, and says goodbye at the end.
func upper() *conn.Handler {
	return &conn.Handler{
		Data: func(c *conn.Conn, p []byte) int { c.WriteString(strings.ToUpper(string(p))); return len(p) },
		End:  func(c *conn.Conn) { c.WriteString("BYE"); c.Close() },
	}
}

func TestHijack(t *testing.T) {
	t.Parallel()
	offer := []string{"Connection: keep-alive, Upgrade", "Upgrade: upper"}
	take := func(status int, h *conn.Handler) Handler {
		return func(w Response, r Request) {
			if status != 0 {
				w.Status(status)
				w.Set("Upgrade", "upper")
			}
			if _, err := w.Hijack(h); err != nil {
				t.Error(err)
			}
		}
	}
	const switched = "HTTP/1.1 101 Switching Protocols\r\nDate: D\r\nUpgrade: upper\r\nConnection: upgrade\r\n\r\n"
	small := upper()
	small.Hold = 1 // of what comes to it, not of what HTTP left
	for _, c := range []struct {
		name string
		in   string
		h    Handler
		want string
	}{
		{"row 79, 101", get("/", offer...) + "hello", take(101, upper()), switched + "HELLOBYE"},
		{"row 79, 101 and nothing behind", get("/", offer...), take(101, upper()), switched + "BYE"},
		{"a handler that holds little", get("/", offer...) + "hello", take(101, small), switched + "HELLOBYE"},
		{"in a batch", get("/", offer...) + strings.Repeat("x", 100<<10), take(101, upper()), switched + strings.Repeat("X", 100<<10) + "BYE"},
		{"CONNECT", request("CONNECT", "x:1") + "hello", take(200, upper()), "HTTP/1.1 200 OK\r\nDate: D\r\nUpgrade: upper\r\n\r\nHELLOBYE"},
		{"another status", get("/") + "hello", take(203, upper()), "HTTP/1.1 203 Non-Authoritative Information\r\nDate: D\r\nUpgrade: upper\r\nConnection: close, upgrade\r\n\r\nHELLOBYE"},
		{"no status", get("/") + "hello", take(0, upper()), "HELLOBYE"},
		{"later", get("/", offer...) + strings.Repeat("x", 40<<10), func(w Response, r Request) {
			w.After(time.Millisecond, func() { take(101, upper())(w, r) })
		}, switched + strings.Repeat("X", 40<<10) + "BYE"},
		{"behind the body", post("/", "body", offer...) + "hello", func(w Response, r Request) {
			r.Body(100, func([]byte) { take(101, upper())(w, r) })
		}, switched + "HELLOBYE"},
		{"behind the body, in Stream", chunked1("4\r\nbody\r\n0\r\n\r\nhello"), func(w Response, r Request) {
			r.Stream(func(_ []byte, last bool) {
				if last {
					take(0, upper())(w, r)
				}
			})
		}, "HELLOBYE"},
		{"with SetHandler later", get("/") + "hello", func(w Response, r Request) {
			c, _ := w.Hijack(&conn.Handler{Data: func(c *conn.Conn, p []byte) int { return 0 }})
			c.After(time.Millisecond, func() { c.SetHandler(upper()) })
		}, "HELLOBYE"},
		{"to an echo", get("/") + "hello", func(w Response, r Request) { c, _ := w.Hijack(nil); c.Pipe(c) }, "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{HeadTimeout: time.Hour}, c.h)
			k := s.dial()
			go func() {
				io.WriteString(k, c.in)
				if c.name != "with SetHandler later" {
					k.FIN()
				}
			}()
			if c.name == "with SetHandler later" {
				got := make([]byte, 5)
				io.ReadFull(k.In, got)
				k.FIN()
				rest, _ := io.ReadAll(k.In)
				if string(got)+string(rest) != c.want {
					t.Errorf("read %q, want %q", string(got)+string(rest), c.want)
				}
				return
			}
			all, err := io.ReadAll(k.In)
			if got := dateLine.ReplaceAllString(string(all), "\r\nDate: D\r\n"); err != nil || got != c.want {
				t.Errorf("read %.300q, %v, want %.300q", got, err, c.want)
			}
			s.idle()
		})
	}
}

// TestHijackEnded hijacks from a client whose FIN was seen before: the new
// handler is told of it.
func TestHijackEnded(t *testing.T) {
	t.Parallel()
	handle := make(chan Response, 1)
	s := start(t, &Server{}, func(w Response, r Request) { handle <- w })
	c := s.dial()
	c.Send(get("/") + "hello")
	c.FIN()
	w := wait(t, handle)
	until(t, "FIN is seen", func() (seen bool) {
		s.do(func() { seen = w.s.is(halfClosed) })
		return
	})
	s.do(func() { w.Hijack(upper()) })
	if all, err := io.ReadAll(c.In); err != nil || string(all) != "HELLOBYE" {
		t.Errorf("read %q, %v", all, err)
	}
}

// TestShutdownHijacked: Shutdown waits for hijacked connections too, as long as
// DrainTimeout and ctx let it.
func TestShutdownHijacked(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{DrainTimeout: -1}, func(w Response, r Request) { c, _ := w.Hijack(nil); c.Pipe(c) })
	c := s.dial()
	c.Send(get("/") + "hello")
	io.ReadFull(c.In, make([]byte, 5))
	s.idle() // no connection speaks HTTP
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	until(t, "the server is stopping", func() bool {
		var quiescing bool
		s.do(func() { quiescing = s.workers[0].quiescing })
		return quiescing
	})
	c.Send("still")
	io.ReadFull(c.In, make([]byte, 5))
	c.FIN()
	c.WantEnd()
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}
