// Every kind of callback, and what may go wrong in it: its connection ends alone, places
// and loops are given back, others are served, and the server stops.

package nethttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

// A callbackKind is a handler, or another function of the program, that calls bad. The
// client sends in.
type callbackKind struct {
	in     string
	server func(s *server.Server, bad func()) // sets a callback of the server
	logs   bool                               // bad is called by the server's Log
	h      func(w http.ResponseWriter, r *http.Request, bad func())
	around func(h http.Handler) http.Handler
	own    bool // bad is called on a goroutine of the handler's own, where a panic ends the process, as anywhere in Go
	kept   bool // a mistake is answered, or the connection is not the server's any more
}

var callbackKinds = map[string]callbackKind{
	"handler": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) { bad() }},
	"handler, written": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		io.WriteString(w, "a")
		bad()
	}},
	"handler, flushed": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		bad()
	}},
	"handler, much written": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		w.Write(make([]byte, 200<<10))
		bad()
	}},
	"handler, second of a pipeline": {in: get("/first") + get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		if r.URL.Path == "/" {
			bad()
		}
	}},
	"handler, informed": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		w.WriteHeader(http.StatusEarlyHints)
		bad()
	}},
	"handler, body": {in: post("/", "body"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		io.Copy(io.Discard, r.Body)
		bad()
	}},
	"handler, body to come": {in: request("POST", "/", "Content-Length: 9"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		bad()
	}},
	"handler, body read elsewhere": {in: request("POST", "/", "Content-Length: 9") + "x", h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		first := make(chan bool)
		go func() {
			r.Body.Read(make([]byte, 1))
			close(first)
			io.Copy(io.Discard, r.Body)
		}()
		<-first
		bad()
	}},
	"handler, deadlines": {in: get("/"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		c := http.NewResponseController(w)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		c.SetWriteDeadline(time.Now().Add(time.Hour))
		bad()
	}},
	"handler, hijacked": {in: get("/"), kept: true, h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			defer c.Close()
		}
		bad()
	}},
	"goroutine of the handler's": {in: get("/"), own: true, kept: true, h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		done := make(chan bool)
		go func() {
			defer close(done)
			w.Write(make([]byte, 10<<10))
			bad()
		}()
		<-done
	}},
	"TimeoutHandler": {in: get("/"), kept: true, h: func(w http.ResponseWriter, r *http.Request, bad func()) { bad() },
		around: func(h http.Handler) http.Handler { return http.TimeoutHandler(h, 50*time.Millisecond, "late") }},
	"native handler, next of a pipeline": {in: get("/") + get("/native"), h: func(w http.ResponseWriter, r *http.Request, bad func()) {}},
	"Access":                             {in: get("/"), server: accessed, h: func(w http.ResponseWriter, r *http.Request, bad func()) {}},
	"Access, much written":               {in: get("/"), server: accessed, h: func(w http.ResponseWriter, r *http.Request, bad func()) { w.Write(make([]byte, 200<<10)) }},
	"Access, of a pipeline":              {in: get("/first") + get("/"), server: accessed, h: func(w http.ResponseWriter, r *http.Request, bad func()) {}},
	"Access, at a panic":                 {in: get("/"), server: accessed, h: func(w http.ResponseWriter, r *http.Request, bad func()) { panic("first") }},
	"Log": {in: get("/"), logs: true, h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		w.WriteHeader(200)
		w.WriteHeader(200)
	}},
	"Log, at a panic": {in: get("/"), logs: true, h: func(w http.ResponseWriter, r *http.Request, bad func()) { panic("first") }},
	"OnRefuse": {in: get("/"), server: refusing, h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		w.WriteHeader(101)
	}},
	"OnRefuse, much written": {in: "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", server: refusing, h: func(w http.ResponseWriter, r *http.Request, bad func()) {
		w.Write(make([]byte, 200<<10)) // a tunnel is for Hijack
	}},
	"OnRefuse, of a request that is no URL": {in: get("/%zz"), server: refusing, h: func(w http.ResponseWriter, r *http.Request, bad func()) {}},
}

func accessed(s *server.Server, bad func()) {
	s.Access = func(a server.Access) {
		if string(a.Target) != "/other" {
			bad()
		}
	}
}

func refusing(s *server.Server, bad func()) { s.OnRefuse = func(server.Refusal) { bad() } }

// callbackMistakes are what goes wrong.
var callbackMistakes = map[string]struct {
	do     func(s *server.Server)
	panics bool
	stops  bool // the server does
	ends   bool // the connection does
}{
	"panic":           {do: func(*server.Server) { panic("on purpose") }, panics: true, ends: true},
	"ErrAbortHandler": {do: func(*server.Server) { panic(http.ErrAbortHandler) }, panics: true, ends: true},
	"Goexit":          {do: func(*server.Server) { runtime.Goexit() }, ends: true},
	"blocks":          {do: func(*server.Server) { time.Sleep(10 * time.Millisecond) }},
	"Close":           {do: func(s *server.Server) { s.Close() }, stops: true},
	"Close, panic":    {do: func(s *server.Server) { s.Close(); panic("on purpose") }, panics: true, stops: true},
	"Close, Goexit":   {do: func(s *server.Server) { s.Close(); runtime.Goexit() }, stops: true},
	"Shutdown":        {do: shutdown, stops: true},
	"Shutdown, panic": {do: func(s *server.Server) { shutdown(s); panic("on purpose") }, panics: true, stops: true},
}

// shutdown waits for the handler that calls it, as net/http's does: so it gives up.
func shutdown(s *server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	s.Shutdown(ctx)
}

func TestMistakesInCallbacks(t *testing.T) {
	t.Parallel()
	for kind, k := range callbackKinds {
		for name, m := range callbackMistakes {
			if k.own && m.panics {
				continue
			}
			for where, quick := range map[string]time.Duration{"here": time.Hour, "worker": 0} {
				t.Run(fmt.Sprint(kind, "/", name, "/", where), func(t *testing.T) {
					t.Parallel()
					called := make(chan bool, 100)
					s, a := k.start(t, quick, func(s *server.Server) {
						called <- true
						m.do(s)
					})
					other := s.dial()
					other.Send(get("/other"))
					other.Want("200 fine")
					c := s.dial()
					c.Send(k.in)
					wait(t, called)
					if m.stops {
						c.WantGone()
						s.serve <- wait(t, s.serve) // Serve returns, and the rig looks what is left
						a.isFree(t)
						return
					}
					other.Send(get("/other"))
					other.Want("200 fine")
					if m.ends && !k.kept || k.logs && strings.Contains(kind, "panic") {
						c.WantGone()
					}
					c.Close()
					until(t, "one connection is left", func() bool { st := s.Stats(); return st.Conns == 1 && st.Others == 0 })
					a.isFree(t)
					other.Send(get("/other"))
					other.Want("200 fine")
					a.isFree(t)
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					defer cancel()
					if err := s.Shutdown(ctx); err != nil {
						t.Errorf("Shutdown: %v: a call has not been given back", err)
					}
				})
			}
		}
	}
}

// start starts a server with the callback, in which it calls do.
func (k callbackKind) start(t *testing.T, quick time.Duration, do func(s *server.Server)) (*rig, *adapter) {
	srv := &server.Server{Loops: 1, DrainTimeout: 10 * time.Millisecond}
	bad := func() { do(srv) }
	if k.server != nil {
		k.server(srv, bad)
	}
	var worse http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { k.h(w, r, bad) })
	if k.around != nil {
		worse = k.around(worse)
	}
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			io.WriteString(w, "fine")
		} else {
			worse.ServeHTTP(w, r)
		}
	}), 3)
	a.quick, a.wary = quick, 0
	s := start(t, srv, func(w server.Response, r server.Request) {
		if string(r.Path()) != "/native" {
			a.serve(w, r)
			return
		}
		bad()
		w.End("")
	})
	s.logs.Aside = func(string) bool { // what is logged of the mistakes is expected, now or later
		if k.logs {
			bad()
		}
		return true
	}
	return s, a
}

// TestMistakesInHTTP2: net/http serves these connections, and its rules hold: a handler that
// panics ends its stream alone.
func TestMistakesInHTTP2(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	for name, m := range callbackMistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := &server.Server{Loops: 1, DrainTimeout: 10 * time.Millisecond}
			s, url, one, two := startBoth(t, srv, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/bad" {
					m.do(srv)
				}
			}))
			s.logs.Aside = func(string) bool { return true }
			for _, c := range []*http.Client{one, two} {
				if resp, err := c.Get(url); err != nil {
					t.Fatal(err)
				} else {
					resp.Body.Close()
				}
			}
			resp, err := two.Get(url + "/bad")
			if err == nil {
				resp.Body.Close()
			} else if !m.ends && !m.stops {
				t.Error(err)
			}
			if m.stops {
				two.CloseIdleConnections()
				one.CloseIdleConnections()
				s.serve <- wait(t, s.serve)
				return
			}
			for _, c := range []*http.Client{one, two} {
				if resp, err := c.Get(url); err != nil {
					t.Error(err)
				} else {
					resp.Body.Close()
				}
				c.CloseIdleConnections()
			}
			s.idle()
		})
	}
}

// isFree waits until no handler counts any more.
func (a *adapter) isFree(t *testing.T) {
	t.Helper()
	until(t, "no handler has a place", func() bool {
		p := &a.pool
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.here == 0 && p.running == len(p.idle) && p.waiting == 0 && p.early == 0
	})
}
