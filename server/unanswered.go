// Warnings about what would go unnoticed: exchanges that nothing will end, and TLS
// handshakes that fail.

package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/sys"
)

// sweeps is how many times an exchange is looked at before it is reported. It is then
// as old as Unanswered says, or up to a fifth older.
const sweeps = 5

// forgotten reports whether perhaps nothing is left that will end the exchange: it
// has no timer, no Hub, no adapter with a goroutine, and its answer has not begun.
func (s *session) forgotten() bool {
	if s.worker.server.Unanswered < 0 || s.is(sent) || s.lasting != nil && s.lasting.adapter != nil || s.timer.Running() {
		return false
	}
	if s.x == nil {
		return true
	}
	for _, t := range s.x.timers {
		if t.Running() {
			return false
		}
	}
	return !s.x.crowded()
}

// sweep looks now and then for forgotten exchanges.
func (w *worker) sweep() {
	unanswered := w.server.Unanswered
	if unanswered < 0 || w.quiescing {
		return
	}
	w.sweeper = w.loop.After(unanswered/(sweeps-1), w.sweep)
	if w.counts.phases[answering] == 0 {
		return
	}
	var oldest *session
	more := -1
	for c := range w.loop.Conns() {
		s, ok := c.State.(*session)
		if !ok || s.phase != answering || !s.forgotten() {
			continue
		}
		if x := s.extra(); x.swept < sweeps {
			if x.swept++; x.swept == sweeps {
				oldest = s
				more++
			}
		}
	}
	if oldest != nil {
		v := &oldest.x.visit
		path, _, _ := bytes.Cut(v.line[v.method:], []byte("?"))
		w.server.log().Warn("server: nobody has answered a request: is there a way on which End is not called?",
			"handler", w.server.handlerName(), "method", string(v.line[:v.method]), "path", string(path), "older than", unanswered, "more of them", more)
	}
}

// tellHandshakes is how often a loop logs that handshakes fail.
const tellHandshakes = 10 * time.Second

// neverOpened handles the end of a connection whose TLS handshake was not completed.
func (w *worker) neverOpened(c *conn.Conn, err error) {
	if c.Handler().TLS == nil || err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, sys.ECONNRESET) {
		return // the client has left, or the server has closed the connection
	}
	w.failed++
	if now := w.loop.Now(); now.Sub(w.failedAt) >= tellHandshakes {
		w.server.log().Warn("server: a TLS handshake failed", "error", err, "since the last such line", w.failed)
		w.failed, w.failedAt = 0, now
	}
}
