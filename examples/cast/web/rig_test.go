// The rig of the tests: a server on a free port, and visitors by each transport.

package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

const patienceOfTests = time.Minute

// A node is cast within the test.
type node struct {
	t     *testing.T
	house *rooms.House
	site  *Site
	srv   *server.Server
	j     *journal.Journal
	host  string
}

// serve starts a node; set may change its settings first.
func serve(t *testing.T, dir string, set func(h *rooms.House, s *Site)) *node {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	h := &rooms.House{Node: "n", Keep: 1000, Fresh: 50, MaxText: 4000, MaxName: 64, MaxRooms: 100, Poll: 2 * time.Second, Slow: time.Hour, Log: quiet}
	s := &Site{House: h, Rate: 1e6, Burst: 1 << 20}
	if set != nil {
		set(h, s)
	}
	j, err := journal.Open(ctx, journal.Options{Dir: dir, Keep: h.Keep, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s.Journal = j
	n := &node{t: t, house: h, site: s, j: j}
	if err := h.Open(j); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	n.srv = &server.Server{Handler: s.Serve, Log: quiet, Loops: 1, OnShutdown: func(*conn.Loop) { h.Close() }}
	at, err := n.srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.host = at.String()
	go n.srv.Serve()
	t.Cleanup(n.stop)
	return n
}

// stop ends the node; it may be called again.
func (n *node) stop() {
	n.srv.Close()
	n.house.Close()
	n.j.Close()
}

func query(room, name, id string, more ...string) string {
	q := url.Values{"room": {room}, "name": {name}, "id": {id}, "token": {"of " + name}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q.Encode()
}

// An event is any of those that visitors get.
type event struct {
	ID, From, Text string
	Who            *struct {
		Count int
		Names []string
	}
	Move       string
	Wait, Lost bool
	End        string
	Ack, Nak   *string
	Error      string
	Again      bool
}

// A guest is a visitor by a transport that stays connected.
type guest struct {
	t      *testing.T
	events chan event
	closed chan *ws.CloseError
	c      *ws.Conn
	cancel func()
}

// next returns the first event that comes and of which is says yes.
func (g *guest) next(what string, is func(event) bool) event {
	g.t.Helper()
	late := time.After(patienceOfTests)
	for {
		select {
		case e, ok := <-g.events:
			if !ok {
				g.t.Fatalf("the connection has ended, and %s has not come", what)
			}
			if is(e) {
				return e
			}
		case <-late:
			g.t.Fatalf("%s does not come", what)
		}
	}
}

func (g *guest) hears(text string) event {
	g.t.Helper()
	return g.next(text, func(e event) bool { return e.Text == text })
}

func (g *guest) count(n int) event {
	g.t.Helper()
	return g.next(fmt.Sprint("a crowd of ", n), func(e event) bool { return e.Who != nil && e.Who.Count == n })
}

// told returns what comes until the crowd is named, which ends what a visitor is told at
// first.
func (g *guest) told() (all []event) {
	g.t.Helper()
	g.next("who is here", func(e event) bool { all = append(all, e); return e.Who != nil })
	return all
}

func texts(all []event) (texts []string) {
	for _, e := range all {
		if e.Text != "" {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func (g *guest) take(p []byte) {
	var list []event
	if err := json.Unmarshal(p, &list); err != nil {
		g.t.Errorf("%q: %v", p, err)
	}
	for _, e := range list {
		g.events <- e
	}
}

// loop returns a loop for the test's clients.
func loop(t *testing.T) *conn.Loop {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	l.Ref()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// socket visits by WebSocket.
func (n *node) socket(l *conn.Loop, q string) *guest {
	n.t.Helper()
	g, err := n.dial(l, q)
	if err != nil {
		n.t.Fatal(err)
	}
	return g
}

func (n *node) dial(l *conn.Loop, q string) (*guest, error) {
	g := &guest{t: n.t, events: make(chan event, 10_000), closed: make(chan *ws.CloseError, 1)}
	h := &ws.Handler{
		Message:    func(c *ws.Conn, op ws.Op, p []byte) { g.take(p) },
		Close:      func(c *ws.Conn, err *ws.CloseError) { g.closed <- err; close(g.events) },
		MaxMessage: 16 << 20,
	}
	failed := make(chan error, 1)
	l.Post(func() {
		new(ws.Dialer).Dial(l, "ws://"+n.host+"/ws?"+q, h, func(c *ws.Conn, err error) {
			g.c = c
			failed <- err
		})
	})
	g.cancel = func() { g.c.Post(func() { g.c.Close(ws.NormalClosure, "") }) }
	return g, <-failed
}

// say sends by WebSocket.
func (g *guest) say(text, key string) {
	b, _ := json.Marshal(map[string]string{"text": text, "key": key})
	g.write(b)
}

func (g *guest) write(p []byte) { g.c.Post(func() { g.c.Write(ws.Text, p) }) }

// ended returns the close frame that a WebSocket connection ended with.
func (g *guest) ended() *ws.CloseError {
	g.t.Helper()
	select {
	case err := <-g.closed:
		return err
	case <-time.After(patienceOfTests):
		g.t.Fatal("the connection is not closed")
		return nil
	}
}

// stream visits by server-sent events.
func (n *node) stream(q string) *guest {
	n.t.Helper()
	g, err := n.listen(q)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(g.cancel)
	return g
}

func (n *node) listen(q string) (*guest, error) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &guest{t: n.t, events: make(chan event, 10_000), cancel: cancel}
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+n.host+"/events?"+q, nil)
	resp, err := http.DefaultClient.Do(req)
	if err == nil && resp.StatusCode != 200 {
		resp.Body.Close()
		err = errors.New(resp.Status)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer resp.Body.Close()
		defer close(g.events)
		for r := bufio.NewReader(resp.Body); ; {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				g.take(data)
			}
		}
	}()
	return g, nil
}

// ask does a request and returns the answer's status and body.
func (n *node) ask(method, path, body string, fields ...string) (*http.Response, string) {
	n.t.Helper()
	req, err := http.NewRequest(method, "http://"+n.host+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp, string(b)
}

// poll asks once.
func (n *node) poll(q string) (list []event) {
	n.t.Helper()
	resp, body := n.ask("GET", "/wait?"+q, "")
	if resp.StatusCode != 200 {
		n.t.Fatal(resp.Status, body)
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		n.t.Fatal(err)
	}
	return list
}

// post says something by POST, and returns its id.
func (n *node) post(room, name, text, key string) string {
	n.t.Helper()
	b, _ := json.Marshal(map[string]string{"room": room, "name": name, "text": text, "key": key})
	resp, body := n.ask("POST", "/send", string(b))
	var a struct{ ID string }
	if err := json.Unmarshal([]byte(body), &a); err != nil || resp.StatusCode != 200 {
		n.t.Fatal(resp.Status, body, err)
	}
	return a.ID
}
