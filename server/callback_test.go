// Every kind of callback, and what may go wrong in it: its connection ends alone, the
// books are kept, others are served, and the server stops.

package server

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/faulty"
)

// A callbackKind is a handler, and the callback in which it calls bad. The client sends in first.
type callbackKind struct {
	in     string
	act    func(c *client)                         // what the client does then
	server func(s *Server, bad func(c *conn.Conn)) // sets a callback of the server
	h      func(w Response, r Request, bad func())
}

func sinkKind(method string) callbackKind {
	return callbackKind{in: chunked1("2\r\nhi\r\n"), act: func(c *client) {
		if method == "Abort" {
			c.FIN()
		} else {
			c.Write([]byte("0\r\n\r\n"))
		}
	}, h: func(w Response, r Request, bad func()) { r.Pipe(faulty.Sink{In: method, Bad: bad}) }}
}

func handKind(h func(c *conn.Conn, bad func()) *conn.Handler) callbackKind {
	return callbackKind{in: get("/", "Connection: upgrade", "Upgrade: x"), act: func(c *client) { c.Write([]byte("x")); c.FIN() },
		h: func(w Response, r Request, bad func()) {
			w.Status(101)
			w.Set("Upgrade", "x")
			if c, err := w.Hijack(nil); err == nil {
				c.SetHandler(h(c, bad))
			}
		}}
}

var callbackKinds = map[string]callbackKind{
	"Handler":            {in: get("/"), h: func(w Response, r Request, bad func()) { bad() }},
	"Handler, begun":     {in: get("/"), h: func(w Response, r Request, bad func()) { w.WriteString("a"); bad() }},
	"Handler, HEAD":      {in: request("HEAD", "/"), h: func(w Response, r Request, bad func()) { w.WriteString("a"); bad() }},
	"Handler, 1.0":       {in: "GET / HTTP/1.0\r\n\r\n", h: func(w Response, r Request, bad func()) { w.WriteString("a"); bad() }},
	"Handler, ended":     {in: get("/"), h: func(w Response, r Request, bad func()) { w.End("a"); bad() }},
	"Handler, pipelined": {in: get("/") + get("/"), h: func(w Response, r Request, bad func()) { w.End("a"); bad() }},
	"Stream":             {in: post("/", "hi"), h: func(w Response, r Request, bad func()) { r.Stream(func([]byte, bool) { bad() }) }},
	"Stream, no body":    {in: get("/"), h: func(w Response, r Request, bad func()) { r.Stream(func([]byte, bool) { bad() }) }},
	"Stream, late":       {in: post("/", "hi"), h: func(w Response, r Request, bad func()) { w.After(0, func() { r.Stream(func([]byte, bool) { bad() }) }) }},
	"Body":               {in: post("/", "hi"), h: func(w Response, r Request, bad func()) { r.Body(9, func([]byte) { bad() }) }},
	"Body, collected":    {in: chunks("/", "hi", "ho"), h: func(w Response, r Request, bad func()) { r.Body(9, func([]byte) { bad() }) }},
	"Trailer": {in: chunked1("1\r\nx\r\n0\r\nA: b\r\n\r\n"), h: func(w Response, r Request, bad func()) {
		r.Trailer(func(_, _ []byte) { bad() })
		r.Stream(func([]byte, bool) {})
	}},
	"After":            {in: get("/"), h: func(w Response, r Request, bad func()) { w.After(0, bad) }},
	"second After":     {in: get("/"), h: func(w Response, r Request, bad func()) { w.After(time.Hour, func() {}); w.After(0, bad) }},
	"Post":             {in: get("/"), h: func(w Response, r Request, bad func()) { w.Post(bad) }},
	"OnDrain":          {in: get("/"), h: func(w Response, r Request, bad func()) { w.OnDrain(bad) }},
	"OnAbort at FIN":   {in: get("/"), act: (*client).FIN, h: func(w Response, r Request, bad func()) { w.OnAbort(bad) }},
	"OnAbort at reset": {in: get("/"), act: (*client).Reset, h: func(w Response, r Request, bad func()) { w.OnAbort(bad) }},
	"OnAbort at Abort": {in: get("/"), h: func(w Response, r Request, bad func()) { w.OnAbort(bad); w.Abort() }},
	"OnAbort at a refusal": {in: chunked1("1\r\nxx"), h: func(w Response, r Request, bad func()) {
		w.OnAbort(bad)
		r.Stream(func([]byte, bool) {})
	}},
	"OnAbort at a body cut off": {in: chunked1("1\r\n"), act: (*client).FIN, h: func(w Response, r Request, bad func()) {
		w.OnAbort(bad)
		r.Stream(func([]byte, bool) {})
	}},
	"OnAbort at a panic": {in: get("/"), h: func(w Response, r Request, bad func()) { w.OnAbort(bad); panic("first") }},
	"Access":             {in: get("/"), server: accessed, h: func(w Response, r Request, bad func()) { w.End("") }},
	"Access at reset":    {in: get("/"), act: (*client).Reset, server: accessed, h: func(w Response, r Request, bad func()) {}},
	"Access in a Hub":    {in: get("/"), server: accessed, h: func(w Response, r Request, bad func()) { h := new(Hub); h.Add(w); h.End(nil) }},
	"OnRefuse":           {in: "GET\r\n", server: func(s *Server, bad func(c *conn.Conn)) { s.OnRefuse = func(Refusal) { bad(nil) } }},

	"Sink.Write": sinkKind("Write"), "Sink.Full": sinkKind("Full"), "Sink.OnDrain": sinkKind("OnDrain"), "Sink.Close": sinkKind("Close"), "Sink.Abort": sinkKind("Abort"),

	"hijacked, Data": handKind(func(c *conn.Conn, bad func()) *conn.Handler {
		return &conn.Handler{Data: func(_ *conn.Conn, p []byte) int { bad(); return len(p) }}
	}),
	"hijacked, End": handKind(func(c *conn.Conn, bad func()) *conn.Handler {
		return &conn.Handler{End: func(*conn.Conn) { bad() }}
	}),
	"hijacked, Close": handKind(func(c *conn.Conn, bad func()) *conn.Handler {
		return &conn.Handler{Close: func(*conn.Conn, error) { bad() }}
	}),
	"hijacked, Timeout": handKind(func(c *conn.Conn, bad func()) *conn.Handler {
		c.SetDeadline(time.Millisecond)
		return &conn.Handler{Timeout: func(*conn.Conn) { bad() }, End: func(*conn.Conn) {}}
	}),
}

func accessed(s *Server, bad func(c *conn.Conn)) {
	s.Access = func(a Access) {
		if string(a.Target) != "/other" {
			bad(nil)
		}
	}
}

// callbackMistakes are what goes wrong. stops means that the server does.
var callbackMistakes = map[string]struct {
	do    func(s *Server, w Response)
	stops bool
}{
	"panic":         {func(*Server, Response) { panic("on purpose") }, false},
	"nil panic":     {func(*Server, Response) { panic(http.ErrAbortHandler) }, false},
	"Goexit":        {func(*Server, Response) { runtime.Goexit() }, false},
	"blocks":        {func(_ *Server, w Response) { time.Sleep(20 * time.Millisecond); w.Abort() }, false},
	"Abort":         {func(_ *Server, w Response) { w.Abort() }, false},
	"Abort, panic":  {func(_ *Server, w Response) { w.Abort(); panic("on purpose") }, false},
	"End, Goexit":   {func(_ *Server, w Response) { w.End(""); runtime.Goexit() }, false},
	"Close":         {func(s *Server, _ Response) { s.Close() }, true},
	"Shutdown":      {func(s *Server, w Response) { s.Shutdown(context.Background()); w.End("") }, true},
	"Close, panic":  {func(s *Server, _ Response) { s.Close(); panic("on purpose") }, true},
	"Close, Goexit": {func(s *Server, _ Response) { s.Close(); runtime.Goexit() }, true},
}

func TestMistakesInCallbacks(t *testing.T) {
	t.Parallel()
	for kind, k := range callbackKinds {
		for name, m := range callbackMistakes {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				called := make(chan bool, 100)
				var w Response
				srv := &Server{Loops: 1, DrainTimeout: 10 * time.Millisecond}
				bad := func() {
					called <- true
					m.do(srv, w)
				}
				if k.server != nil {
					k.server(srv, func(*conn.Conn) { bad() })
				}
				s := start(t, srv, func(x Response, r Request) {
					if string(r.Path()) == "/other" {
						x.End("fine")
						return
					}
					w = x
					k.h(x, r, bad)
				})
				other := s.dial()
				other.Send(get("/other"))
				other.Want("200 fine")
				c := s.dial()
				c.Write([]byte(k.in))
				if k.act != nil {
					until(t, "it is read", func() bool { return s.Stats().BytesIn >= uint64(len(get("/other"))+len(k.in)) || len(called) > 0 })
					k.act(c)
				}
				wait(t, called)
				if m.stops {
					c.Close()
					other.Close()
					s.serve <- wait(t, s.serve) // Serve returns, and the rig looks what is left
					s.logs.Take()
					return
				}
				other.Send(get("/other"))
				other.Want("200 fine")
				c.Close()
				io.Copy(io.Discard, c.In)
				until(t, "one connection is left", func() bool { st := s.Stats(); return st.Conns == 1 && st.Idle == 1 && st.Others == 0 })
				other.Send(get("/other"))
				other.Want("200 fine")
				s.logs.Take()
			})
		}
	}
}
