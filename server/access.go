// Access: a report to the program of each exchange that has ended.

package server

import (
	"net"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// An Access describes an exchange that has ended, for a log: see Server.Access.
// Its bytes are valid until that function returns.
type Access struct {
	Method, Target []byte        // as they came; nil if the request was refused before its head was complete
	Status         int           // status of the answer; 0 if there was none
	Received       int64         // bytes of the request's body
	Sent           int64         // bytes of the answer's body, as the program wrote them
	Began          time.Time     // the beginning of the loop's turn in which the head was complete
	Duration       time.Duration // from then until the exchange was over
	Aborted        bool          // the exchange was over before the program ended it: the client left, or a limit was reached

	conn *conn.Conn
}

// RemoteAddr asks the kernel for the client's address. It returns nil if the
// client is gone.
func (a Access) RemoteAddr() net.Addr { return a.conn.RemoteAddr() }

// A visit holds notes on an exchange for Server.Access, if that is set.
type visit struct {
	open   bool // the exchange is to be reported
	began  time.Time
	line   []byte // the method and the target, if the head is gone
	method int    // length of the method in line
}

// note begins to take notes. It uses the time of the loop's turn, which costs
// nothing and counts how long the request waited for others of the same turn.
func (s *session) note() {
	v := &s.extra().visit
	v.open, v.began = true, s.conn.Loop().Now()
}

// keepLine copies the method and the target when the handler has returned, which
// releases the head, and the exchange goes on. Access needs them, and so does the
// search for exchanges that nobody ends.
func (s *session) keepLine(h *head) {
	if x := s.x; (x == nil || !x.visit.open) && !s.forgotten() {
		return
	}
	v := &s.extra().visit
	m := h.Method.Of(h.buf)
	v.line, v.method = append(append(v.line[:0], m...), h.Target.Of(h.buf)...), len(m)
}

// report calls Server.Access at the end of the exchange.
func (s *session) report(f final) {
	x, v := f.x, &f.x.visit
	a := Access{Status: int(s.status), Received: x.received, Sent: x.written, Began: v.began, Duration: time.Since(v.began), Aborted: f.aborted, conn: s.conn}
	switch h := s.head; {
	case h != nil && h.buf != nil:
		a.Method, a.Target = h.Method.Of(h.buf), h.Target.Of(h.buf)
	case len(v.line) > 0:
		a.Method, a.Target = v.line[:v.method], v.line[v.method:]
	}
	s.worker.server.Access(a)
	poison(v.line)
}
