// Quiescing connections that speak no HTTP when the server stops: those that were
// hijacked or dialled, those of ListenConn, and those whose TLS handshake is under
// way.

package server

import (
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// lookEvery is how often a loop that stops checks which connections are left.
const lookEvery = 10 * time.Millisecond

// quiesceOthers quiesces all of them.
func (w *worker) quiesceOthers() {
	for c := range w.loop.Conns() {
		if !isSession(c) {
			quiesce(c)
		}
	}
	if d := w.server.DrainTimeout; d >= 0 {
		w.closeOthers(d)
	}
	if w.server.OnShutdown != nil {
		w.server.OnShutdown(w.loop)
	}
}

func isSession(c *conn.Conn) bool {
	_, ok := c.State.(*session)
	return ok
}

// quiesce calls Quiesce of the connection's protocol.
func quiesce(c *conn.Conn) {
	if fn := c.Handler().Quiesce; fn != nil {
		c.Post(func() { fn(c) }) // so that a panic ends this connection alone
	}
}

// closeOthers closes the connections that their protocol does not quiesce:
// handshakes once d has passed, and the rest when no exchange is left either that
// may be using them.
func (w *worker) closeOthers(d time.Duration) {
	step := min(d, lookEvery)
	w.loop.After(step, func() {
		d -= step
		exchanges, others := 0, 0
		for c := range w.loop.Conns() {
			if isSession(c) {
				exchanges++
			} else {
				others++
			}
		}
		for c := range w.loop.Conns() {
			switch h := c.Handler(); {
			case d > 0 || isSession(c):
			case h == &w.server.secure, // a handshake
				exchanges == 0 && h.Quiesce == nil && w.server.OnShutdown == nil:
				c.Close()
			}
		}
		if exchanges+others > 0 {
			w.closeOthers(max(d, lookEvery))
		}
	})
}
