// Mux: net/http's ServeMux decides, for handlers of both kinds. It is asked on the
// loop, with a request that has only what it looks at, and a ResponseWriter that
// notes what it has found.

package nethttp

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/server"
)

// A Mux finds a handler by method, host and path. Its method Serve is a
// [server.Handler]. An http.ServeMux decides: by its patterns and their precedence, with
// its redirects, 404 and 405. Native handlers and those of net/http are in one table.
// Routing happens on the loop and needs no goroutine.
//
//	m := new(nethttp.Mux)
//	m.Native("GET /ping", func(w server.Response, r server.Request) { w.End("pong\n") })
//	m.Native("GET /rooms/{room}", func(w server.Response, r server.Request) { w.End(r.PathValue("room")) })
//	m.Handle("/files/", http.FileServer(http.Dir(".")))
//	s := &server.Server{Handler: m.Serve}
//
// The zero Mux is empty and ready for use. It must not be copied. Handlers may be
// registered from any goroutine, and while it serves.
type Mux struct {
	// Workers is how many handlers of net/http run at a time: see [Handler]. It must be
	// set before the Mux serves.
	Workers int

	once    sync.Once
	mux     http.ServeMux
	adapter *adapter
	seekers sync.Pool // of *seeker
}

// Handle registers a handler of net/http for a pattern. It panics, like that of
// http.ServeMux, if the pattern is malformed or conflicts with another.
func (m *Mux) Handle(pattern string, h http.Handler) {
	if h == nil {
		panic("nethttp: nil handler")
	}
	m.mux.Handle(pattern, &route{std: h, names: wildcards(pattern)})
}

// HandleFunc is Handle of a function.
func (m *Mux) HandleFunc(pattern string, fn func(http.ResponseWriter, *http.Request)) {
	if fn == nil {
		panic("nethttp: nil handler")
	}
	m.Handle(pattern, http.HandlerFunc(fn))
}

// Native registers a handler of package server for a pattern. The handler is called on
// the loop. [server.Request.PathValue] returns the values of the wildcards.
func (m *Mux) Native(pattern string, h server.Handler) {
	if h == nil {
		panic("nethttp: nil handler")
	}
	m.mux.Handle(pattern, &route{native: h})
}

// Serve is a [server.Handler].
func (m *Mux) Serve(w server.Response, r server.Request) {
	m.once.Do(func() { m.adapter = newAdapter(&m.mux, m.Workers) })
	x := adapt.Of(&w)
	if x == nil {
		return
	}
	head, buf := x.Head()
	if head == nil {
		panic("nethttp: a Mux is asked within the server's Handler, as long as the request's head is there")
	}
	s, ok := m.seekers.Get().(*seeker)
	if !ok {
		s = new(seeker)
	}
	switch found, err := s.seek(&m.mux, head, buf); {
	case err != nil:
		x.Refuse(http.StatusBadRequest, err.Error())
	case found == nil:
		s.answer(w)
	case found.native != nil:
		x.SetPathValues(&s.req)
		found.native(w, r)
	default:
		m.adapter.take(w, r, found.std, s.match(found))
	}
	s.reset()
	m.seekers.Put(s) // a handler that panics keeps it
}

// A route is the entry for a pattern. It is an http.Handler that only reports which one
// was found.
type route struct {
	native server.Handler
	std    http.Handler
	names  []string // of the wildcards
}

func (r *route) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.(*seeker).found = r }

// wildcards returns the names that a pattern has in braces.
func wildcards(pattern string) (names []string) {
	for {
		_, after, ok := strings.Cut(pattern, "{")
		if !ok {
			return names
		}
		name, rest, _ := strings.Cut(after, "}")
		if name = strings.TrimSuffix(name, "..."); name != "$" && name != "" {
			names = append(names, name)
		}
		pattern = rest
	}
}

// A seeker asks ServeMux, as a request and its ResponseWriter.
type seeker struct {
	req    http.Request
	url    url.URL
	found  *route
	header http.Header // the head of ServeMux's own answer: a redirect, 404, 405
	status int
	body   []byte
}

func (s *seeker) seek(mux *http.ServeMux, head *parser.Request, buf []byte) (*route, error) {
	target := string(head.Target.Of(buf))
	s.req = http.Request{
		Method: methodOf(head.Method.Of(buf)), RequestURI: target, Host: string(head.Host.Of(buf)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: int(head.Minor),
	}
	var err error
	if s.req.URL, err = parseTarget(&s.url, s.req.Method, target); err != nil {
		return nil, err
	}
	mux.ServeHTTP(s, &s.req)
	return s.found, nil
}

// methodOf returns a method as a string: one that stands in the program, if it is known.
func methodOf(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	}
	return string(b)
}

func (s *seeker) Header() http.Header {
	if s.header == nil {
		s.header = make(http.Header)
	}
	return s.header
}

func (s *seeker) WriteHeader(code int) { s.status = code }

func (s *seeker) Write(p []byte) (int, error) {
	s.body = append(s.body, p...)
	return len(p), nil
}

// answer sends ServeMux's own answer.
func (s *seeker) answer(w server.Response) {
	if s.status != 0 {
		w.Status(s.status)
	}
	for name, values := range s.header {
		for _, v := range values {
			w.Add(name, v)
		}
	}
	w.EndBytes(s.body)
}

func (s *seeker) reset() {
	s.req, s.url, s.found, s.status, s.body = http.Request{}, url.URL{}, nil, 0, s.body[:0]
	clear(s.header)
}

// A match holds the pattern and path values for an http.Request.
type match struct {
	pattern string
	names   []string
	values  []string
}

func (s *seeker) match(r *route) *match {
	m := &match{pattern: s.req.Pattern, names: r.names}
	for _, name := range r.names {
		m.values = append(m.values, s.req.PathValue(name))
	}
	return m
}

// on sets the request's pattern and path values.
func (m *match) on(r *http.Request) {
	r.Pattern = m.pattern
	for i, name := range m.names {
		r.SetPathValue(name, m.values[i])
	}
}
