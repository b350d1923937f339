// HTTP/2 by hand-over: a connection whose client chose it by ALPN leaves the loop, and
// net/http serves it.

package nethttp

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/server"
)

// HTTP2 makes s offer HTTP/2 on its listeners for TLS. net/http serves it with h, on
// goroutines of its own; as a rule h is the handler that was also given to [Handler].
// Call HTTP2 once, before [server.Server.ListenTLS].
//
//	s := &server.Server{Handler: nethttp.Handler(mux, 256), TLS: config}
//	if err := nethttp.HTTP2(s, mux); err != nil { ... }
//	s.ListenTLS("tcp", ":443")
//
// These connections count for MaxConns. Shutdown sends GOAWAY to their clients and waits
// for the requests under way; Close closes them. MaxHead, MaxBody, HeadTimeout,
// IdleTimeout and WriteTimeout apply. The workers of Handler do not: a connection has
// at most 250 requests under way. Server.Access is not called for these requests, and
// Stats counts only their connections.
func HTTP2(s *server.Server, h http.Handler) error {
	if h == nil {
		h = http.DefaultServeMux
	}
	t := &http2{server: s, handler: h, release: make(map[net.Conn]func())}
	t.come.L = &t.mu
	return adapt.Offer(s, "h2", adapt.Protocol{Open: t.open, Quiesce: t.quiesce, Stop: t.stop})
}

// http2 is net/http's server, and the listener from which it accepts the connections that
// loops hand over.
type http2 struct {
	server  *server.Server
	handler http.Handler
	begin   sync.Once

	mu      sync.Mutex
	come    sync.Cond
	std     *http.Server
	waiting []net.Conn
	release map[net.Conn]func() // of those that are open
	closed  bool
}

// open takes a connection off its loop.
func (t *http2) open(c *conn.Conn, release func()) {
	nc, err := c.Detach()
	if err != nil {
		c.Abort()
		release()
		return
	}
	t.begin.Do(t.serve)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		nc.Close()
		release()
		return
	}
	t.release[nc] = release
	t.waiting = append(t.waiting, nc)
	t.come.Signal()
}

// serve begins when the first connection comes, and has the server's settings then.
func (t *http2) serve() {
	s := t.server
	h := t.handler
	if s.MaxBody > 0 {
		h = http.MaxBytesHandler(h, s.MaxBody)
	}
	std := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: max(s.HeadTimeout, 0),
		IdleTimeout:       max(s.IdleTimeout, 0),
		MaxHeaderBytes:    max(s.MaxHead, 0),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: max(s.WriteTimeout, 0)},
		ConnState:         t.changed,
	}
	if s.Log != nil {
		std.ErrorLog = slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn)
		std.ErrorLog.SetFlags(log.Lmsgprefix)
	}
	t.mu.Lock()
	t.std = std
	t.mu.Unlock()
	go std.Serve(t)
}

// changed is http.Server.ConnState.
func (t *http2) changed(nc net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	t.mu.Lock()
	release := t.release[nc]
	delete(t.release, nc)
	t.mu.Unlock()
	if release != nil {
		release()
	}
}

// Accept is part of net.Listener.
func (t *http2) Accept() (net.Conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) == 0 {
		if t.closed {
			return nil, net.ErrClosed
		}
		t.come.Wait()
	}
	nc := t.waiting[0]
	t.waiting = t.waiting[1:]
	return nc, nil
}

// Close is part of net.Listener: what has come is still accepted.
func (t *http2) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.come.Broadcast()
	return nil
}

// Addr is part of net.Listener.
func (t *http2) Addr() net.Addr { return &net.TCPAddr{} }

// quiesce makes net/http send GOAWAY to the clients, and accepts no more connections.
func (t *http2) quiesce() {
	t.Close()
	if std := t.begun(); std != nil {
		std.Shutdown(context.Background()) // which Close ends
	}
}

// stop closes what is open, and what was never accepted.
func (t *http2) stop() {
	t.Close()
	if std := t.begun(); std != nil {
		std.Close()
	}
	t.mu.Lock()
	rest := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, nc := range rest {
		nc.Close()
		t.changed(nc, http.StateClosed)
	}
}

func (t *http2) begun() *http.Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.std
}
