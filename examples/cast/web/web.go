// Package web is cast as browsers see it: the page, the three transports, and what
// operators ask for.
//
//	/            the page
//	/ws          a room by WebSocket: ?room=&name=&id=
//	/events      the same as server-sent events
//	/wait        the same by long polls: one answer for each question, ?token= names the visitor
//	/send        POST, JSON: {"room","name","text","key","speaker"}
//	/healthz     200 while messages can be stored
//	/metrics     for Prometheus
package web

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/url"
	"path"
	"strings"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

//go:embed page
var page embed.FS

// policy lets the page load what stands beside it and connect to where it came from;
// no script or style within it runs, whoever wrote that.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A Site answers requests. The fields are settings.
type Site struct {
	House   *rooms.House
	Journal *journal.Journal
	Metrics server.Handler // /metrics; nil: there is no such page
	Origins []string       // hosts of other pages that may connect, "chat.example.org" say
	Rate    float64        // messages a second of a visitor, and
	Burst   int            // so many at once
	Proxied bool           // the last X-Forwarded-For is who asks

	limits  limits
	sockets ws.Handler
	files   map[string]file
}

type file struct {
	kind string
	body []byte
}

// Open has the site ready to serve. The house's limits for each address go by who the site
// says asks.
func (s *Site) Open() error {
	s.House.Address = s.address
	s.files = make(map[string]file)
	err := fs.WalkDir(page, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := page.ReadFile(name)
		at := strings.TrimPrefix(name, "page")
		if at == "/index.html" {
			at = "/"
		}
		s.files[at] = file{mime.TypeByExtension(path.Ext(name)), body}
		return err
	})
	s.sockets = ws.Handler{
		Message:      s.message,
		Close:        func(c *ws.Conn, err *ws.CloseError) { c.State.(*visitor).close(c) },
		CheckOrigin:  s.welcome,
		MaxMessage:   s.most(),
		CloseTimeout: s.House.Slow,
	}
	return err
}

// most returns how long the JSON of a message may be: each byte of the text may be written
// as \u00XX.
func (s *Site) most() int { return 6*s.House.MaxText + 1024 }

// Serve is the server's Handler.
func (s *Site) Serve(w server.Response, r server.Request) {
	w.Set("X-Content-Type-Options", "nosniff")
	switch string(r.Path()) {
	case "/ws":
		s.socket(w, r)
	case "/events", "/wait", "/send":
		if s.share(w, r) {
			return
		}
		switch string(r.Path()) {
		case "/events":
			s.events(w, r)
		case "/wait":
			s.wait(w, r)
		case "/send":
			s.send(w, r)
		}
	case "/healthz":
		s.health(w)
	case "/metrics":
		if s.Metrics == nil {
			fail(w, 404, errNone)
			return
		}
		s.Metrics(w, r)
	default:
		s.file(w, r)
	}
}

var (
	errNone   = errors.New("there is no such page")
	errMethod = errors.New("that method is not for this page")
	errOrigin = errors.New("a page of another origin may not ask this")
	errJSON   = errors.New("that is not the JSON that is expected")
	errToken  = errors.New("a poll needs a token, of 64 bytes at most, by which it is known when it asks again")
	errFast   = errors.New("too many messages: wait a moment")
	errStore  = errors.New("messages cannot be stored at the moment")
)

func fail(w server.Response, status int, err error) {
	w.Status(status)
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	b, _ := json.Marshal(map[string]string{"error": err.Error()})
	w.EndBytes(b)
}

func (s *Site) file(w server.Response, r server.Request) {
	f, ok := s.files[string(r.Path())]
	switch method := string(r.Method()); {
	case !ok:
		fail(w, 404, errNone)
		return
	case method != "GET" && method != "HEAD":
		w.Set("Allow", "GET, HEAD")
		fail(w, 405, errMethod)
		return
	}
	w.Set("Content-Type", f.kind)
	w.Set("Content-Security-Policy", policy)
	w.Set("Referrer-Policy", "no-referrer")
	w.Set("Cache-Control", "no-cache")
	w.EndBytes(f.body)
}

func (s *Site) health(w server.Response) {
	if !s.Journal.Ready() {
		fail(w, 503, errStore)
		return
	}
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	w.End(`{"ok":true}`)
}

// welcome reports whether a request comes from a page of ours, or from no page.
func (s *Site) welcome(r server.Request) bool {
	origin := string(r.Get("Origin"))
	return origin == "" || ws.SameOrigin(r) || s.other(origin)
}

// other reports whether an origin is one of Origins.
func (s *Site) other(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	for _, o := range s.Origins {
		if strings.EqualFold(o, u.Host) {
			return true
		}
	}
	return false
}

// share lets pages of Origins read an answer (Fetch, CORS protocol), and ends
// the question that browsers ask before they POST JSON to another origin.
func (s *Site) share(w server.Response, r server.Request) (ended bool) {
	if len(s.Origins) == 0 {
		return false
	}
	w.Set("Vary", "Origin")
	if origin := string(r.Get("Origin")); s.other(origin) {
		w.Set("Access-Control-Allow-Origin", origin)
	}
	if string(r.Method()) != "OPTIONS" {
		return false
	}
	w.Set("Access-Control-Allow-Methods", "GET, POST")
	w.Set("Access-Control-Allow-Headers", "Content-Type")
	w.Set("Access-Control-Max-Age", "600")
	w.Status(204)
	w.End("")
	return true
}

// A visit is what the query of a transport says.
type visit struct {
	room  *rooms.Room
	name  string
	id    rooms.ID
	key   string // of a queue's agents
	token string
}

// visit reads the query, or refuses it and says what is wrong.
func (s *Site) visit(w server.Response, r server.Request) (v visit, ok bool) {
	if m := string(r.Method()); m != "GET" && m != "HEAD" {
		w.Set("Allow", "GET, HEAD")
		fail(w, 405, errMethod)
		return v, false
	}
	if !s.welcome(r) {
		fail(w, 403, errOrigin)
		return v, false
	}
	room, id, err := v.read(string(r.Query()))
	if err == nil {
		v.name, err = s.House.Nickname(v.name)
	}
	if err == nil {
		v.room, err = s.House.Room(room, r)
	}
	if err != nil {
		refuse(w, err)
		return v, false
	}
	if id == "" { // what an EventSource says when it comes back
		id = string(r.Get("Last-Event-ID"))
	}
	v.id = rooms.ParseID(id)
	return v, true
}

// read takes what is known of a query. url.ParseQuery makes a map of it, and thousands
// of polls come at a time.
func (v *visit) read(query string) (room, id string, err error) {
	for pair := range strings.SplitSeq(query, "&") {
		name, escaped, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(escaped)
		if err != nil {
			return "", "", err
		}
		switch name {
		case "room":
			room = value
		case "id":
			id = value
		case "name":
			v.name = value
		case "key":
			v.key = value
		case "token":
			v.token = value
		}
	}
	return room, id, nil
}

// events is the transport for those whose proxies do not let WebSocket through.
func (s *Site) events(w server.Response, r server.Request) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	if string(r.Method()) == "HEAD" {
		w.End("")
		return
	}
	if err := v.room.Enter(v.name); err != nil {
		fail(w, 503, err)
		return
	}
	room, name := v.room, strings.Clone(v.name) // not the query that it is a part of
	leave := func() { room.Leave(name) }
	if s.House.Lobby(v.room.Name) {
		out := s.House.Wait(v.room.Name, v.key,
			func(room string) { w.Post(func() { w.Write(rooms.Event("move", room)) }) },
			func() { w.Post(func() { w.Write(rooms.Event("wait", true)) }) })
		enter := leave
		leave = func() { out(); enter() }
	}
	leave = once(leave)
	w.OnAbort(leave)
	v.room.Stream(w, v.id, leave)
}

// wait is the transport that goes through everything.
func (s *Site) wait(w server.Response, r server.Request) {
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	if v.token == "" || len(v.token) > 64 {
		fail(w, 400, errToken)
		return
	}
	if err := v.room.Poll(w, r, v.id, v.name, v.key, v.token); err != nil {
		refuse(w, err)
	}
}

// refuse says why somebody cannot visit. A page gives up after a 400, and comes again
// after the others.
func refuse(w server.Response, err error) {
	var escape url.EscapeError
	switch {
	case errors.Is(err, rooms.ErrRoom), errors.Is(err, rooms.ErrName), errors.As(err, &escape):
		fail(w, 400, err)
	case errors.Is(err, rooms.ErrShare):
		w.Set("Retry-After", "30")
		fail(w, 429, err)
	default:
		fail(w, 503, err)
	}
}

// once returns a function that calls fn the first time, and does nothing after that.
func once(fn func()) func() {
	done := false
	return func() {
		if !done {
			done = true
			fn()
		}
	}
}

// send stores a message of a visitor who comes by events or polls.
func (s *Site) send(w server.Response, r server.Request) {
	switch {
	case string(r.Method()) != "POST":
		w.Set("Allow", "POST")
		fail(w, 405, errMethod)
		return
	case !s.welcome(r):
		fail(w, 403, errOrigin)
		return
	}
	from := s.address(r)
	r.Body(s.most(), func(p []byte) {
		var m struct{ Room, Name, Text, Key, Speaker string }
		if json.Unmarshal(p, &m) != nil {
			fail(w, 400, errJSON)
			return
		}
		name, err := s.House.Nickname(m.Name)
		if err == nil && !s.limits.allow(from, name, s.Rate, s.Burst) {
			w.Set("Retry-After", "1")
			fail(w, 429, errFast)
			return
		}
		if err == nil {
			err = s.House.Say(m.Room, name, m.Text, m.Key, m.Speaker, func(id string, err error) {
				w.Post(func() {
					if err != nil {
						fail(w, 503, errStore)
						return
					}
					w.Set("Content-Type", "application/json")
					b, _ := json.Marshal(map[string]string{"ack": m.Key, "id": id})
					w.EndBytes(b)
				})
			})
		}
		switch {
		case errors.Is(err, journal.ErrBusy):
			fail(w, 503, errStore)
		case errors.Is(err, rooms.ErrMute):
			fail(w, 403, err)
		case err != nil:
			fail(w, 400, err)
		}
	})
}
