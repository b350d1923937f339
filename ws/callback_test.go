// Every kind of callback, and what may go wrong in it.

package ws

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// callbackKinds are all kinds of callback. Each sets one of h's, or one that Open calls,
// and says what the peer sends for it. The peer is a client, or a server that we dial.
var callbackKinds = map[string]struct {
	set  func(h *Handler, bad func(c *Conn))
	send func() []byte
}{
	"Open":    {func(h *Handler, bad func(c *Conn)) { h.Open = bad }, nil},
	"Message": {func(h *Handler, bad func(c *Conn)) { h.Message = func(c *Conn, _ Op, _ []byte) { bad(c) } }, func() []byte { return text("m") }},
	"Message, of fragments": {func(h *Handler, bad func(c *Conn)) { h.Message = func(c *Conn, _ Op, _ []byte) { bad(c) } },
		func() []byte { return append(begin(Text, "m"), end("n")...) }},
	"Message, one of many": {func(h *Handler, bad func(c *Conn)) { h.Message = func(c *Conn, _ Op, _ []byte) { bad(c) } },
		func() []byte { return append(text("m"), append(ping("p"), text("n")...)...) }},
	"Stream": {func(h *Handler, bad func(c *Conn)) { h.Stream = func(c *Conn, _ Op, _ []byte, _ bool) { bad(c) } }, func() []byte { return begin(Text, "m") }},
	"Pong":   {func(h *Handler, bad func(c *Conn)) { h.Pong = func(c *Conn, _ []byte) { bad(c) } }, func() []byte { return pong("p") }},
	"Drain": {func(h *Handler, bad func(c *Conn)) {
		h.Drain = bad
		h.Open = func(c *Conn) { c.Conn().Handler().High = 1; c.WriteText("x"); c.Full() }
	}, nil},
	"OnDrain":       {opened(func(c *Conn, bad func()) { c.OnDrain(bad) }), nil},
	"After":         {opened(func(c *Conn, bad func()) { c.After(0, bad) }), nil},
	"Post":          {opened(func(c *Conn, bad func()) { c.Post(bad) }), nil},
	"Each of a Hub": {opened(func(c *Conn, bad func()) { h := new(Hub); h.Add(c); h.Each(func(*Conn) { bad() }) }), nil},
	"Close, by us": {func(h *Handler, bad func(c *Conn)) {
		h.Open = func(c *Conn) { c.Abort() }
		h.Close = func(c *Conn, _ *CloseError) { bad(c) }
	}, nil},
	"Close, by a peer": {func(h *Handler, bad func(c *Conn)) { h.Close = func(c *Conn, _ *CloseError) { bad(c) } }, func() []byte { return bye(1000, "") }},
	"Close, malformed": {func(h *Handler, bad func(c *Conn)) { h.Close = func(c *Conn, _ *CloseError) { bad(c) } }, func() []byte { return []byte("\xff\xff\xff") }},
	"CheckOrigin": {func(h *Handler, bad func(c *Conn)) {
		h.CheckOrigin = func(server.Request) bool { bad(nil); return true }
	}, nil},
}

func opened(set func(c *Conn, bad func())) func(h *Handler, bad func(c *Conn)) {
	return func(h *Handler, bad func(c *Conn)) { h.Open = func(c *Conn) { set(c, func() { bad(c) }) } }
}

var callbackMistakes = map[string]func(s *rig, c *Conn){
	"panic":       func(*rig, *Conn) { panic("on purpose") },
	"nil panic":   func(*rig, *Conn) { panic(http.ErrAbortHandler) },
	"Goexit":      func(*rig, *Conn) { runtime.Goexit() },
	"blocks":      func(*rig, *Conn) { time.Sleep(20 * time.Millisecond); runtime.Goexit() },
	"Close":       func(_ *rig, c *Conn) { c.Close(1000, "") },
	"Abort":       func(_ *rig, c *Conn) { c.Abort() },
	"Abort panic": func(_ *rig, c *Conn) { c.Abort(); panic("on purpose") },
	"Server":      func(s *rig, _ *Conn) { s.Server.Close() },
}

// TestMistakesInCallbacks: what goes wrong in any callback ends its connection alone.
func TestMistakesInCallbacks(t *testing.T) {
	t.Parallel()
	for kind, k := range callbackKinds {
		for name, mistake := range callbackMistakes {
			if kind == "CheckOrigin" && (name == "Close" || name == "Abort" || name == "Abort panic") {
				continue // there is no connection yet
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				called := make(chan bool, 100)
				var s *rig
				h, other := &Handler{CloseTimeout: 100 * time.Millisecond}, echo()
				loops := make(chan *conn.Loop, 1)
				other.Open = func(c *Conn) { loops <- c.Loop() }
				k.set(h, func(c *Conn) { called <- true; mistake(s, c) })
				s = startWith(t, &server.Server{Loops: 1}, func(w server.Response, r server.Request) {
					if string(r.Get("X")) == "bad" {
						Upgrade(w, r, h)
					} else {
						Upgrade(w, r, other)
					}
				})
				o := s.dial()
				l := wait(t, loops)
				p := s.raw()
				in := []byte(request("X: bad"))
				if k.send != nil {
					in = append(in, k.send()...)
				}
				p.send(in)
				if strings.HasPrefix(kind, "Close, ") {
					p.FIN() // else it is waited for
				}
				wait(t, called)
				if name == "Server" {
					s.logs.Take()
					return
				}
				o.send(text("still here"))
				o.want(`text "still here"`)
				p.Close()
				io.Copy(io.Discard, p.In)
				until(t, "one connection is left", func() bool { return l.Stats().Open == 1 })
				s.logs.Take()
			})
		}
	}
}

// TestMistakesInCallbacksOfDial is the same for connections that are dialled.
func TestMistakesInCallbacksOfDial(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(d *Dialer, h *Handler, bad func(c *Conn)) func(c *Conn, err error){
		"Fields": func(d *Dialer, _ *Handler, bad func(c *Conn)) func(c *Conn, err error) {
			d.Fields = func(client.Request) { bad(nil) }
			return nil
		},
		"Open": func(_ *Dialer, h *Handler, bad func(c *Conn)) func(c *Conn, err error) { h.Open = bad; return nil },
		"Message": func(_ *Dialer, h *Handler, bad func(c *Conn)) func(c *Conn, err error) {
			h.Open = func(c *Conn) { c.WriteText("echo") }
			h.Message = func(c *Conn, _ Op, _ []byte) { bad(c) }
			return nil
		},
		"Close": func(_ *Dialer, h *Handler, bad func(c *Conn)) func(c *Conn, err error) {
			h.Open = func(c *Conn) { c.Close(1000, "") }
			h.Close = func(c *Conn, _ *CloseError) { bad(c) }
			return nil
		},
		"fn": func(_ *Dialer, _ *Handler, bad func(c *Conn)) func(c *Conn, err error) {
			return func(c *Conn, err error) { bad(c) }
		},
	}
	for kind, set := range kinds {
		for name, mistake := range callbackMistakes {
			if kind == "Fields" && (name == "Close" || name == "Abort" || name == "Abort panic") || name == "Server" {
				continue
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				called := make(chan bool, 100)
				eh := echo()
				loops := make(chan *conn.Loop, 16)
				eh.Open = func(c *Conn) { loops <- c.Loop() }
				s := start(t, eh)
				o := s.dial()
				l := wait(t, loops)
				h := Handler{CloseTimeout: 100 * time.Millisecond}
				d := new(Dialer)
				fn := set(d, &h, func(c *Conn) { called <- true; mistake(s, c) })
				// The loop of another server is where we dial.
				handle := make(chan *Conn, 1)
				lh := echo()
				lh.Open = func(c *Conn) { handle <- c }
				ls := start(t, lh)
				q := ls.dial()
				c := wait(t, handle)
				c.Post(func() { d.Dial(c.Loop(), "ws://"+s.addr.String()+"/", &h, fn) })
				wait(t, called)
				o.send(text("still here"))
				o.want(`text "still here"`)
				// The connection that called Dial may be the one that Fields fails.
				if kind != "Fields" {
					q.send(text("here too"))
					q.want(`text "here too"`)
				}
				ls.Server.Close()
				until(t, "one connection is left", func() bool { return l.Stats().Open == 1 })
				ls.logs.Take()
				s.logs.Take()
			})
		}
	}
}
