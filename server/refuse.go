// Refusals: the server's own 4xx and 5xx answers, and the staged close after them
// (RFC 9112 9.6).

package server

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/parser"
)

const (
	lingerTime = 2 * time.Second // for the client to read the answer and close
	lingerMost = 8 << 20         // bytes of input that are discarded meanwhile
)

// A Refusal is an answer of the server's own that is about to be sent: see
// Server.OnRefuse. It is valid until that function returns.
type Refusal struct {
	s      *session
	status int
	reason string
	fields *[]byte
}

// Status returns the status code.
func (r Refusal) Status() int { return r.status }

// Reason returns, in English, what was wrong: it is in the answer's body.
func (r Refusal) Reason() string { return r.reason }

// Request returns the request. Its methods return nothing if the head was malformed,
// or if the handler has returned.
func (r Refusal) Request() Request { return Request{r.s, r.s.gen} }

// Add adds a field to the answer. It returns ErrField for fields that frame the
// answer, Content-Type and Connection, which the server writes.
func (r Refusal) Add(name, value string) error {
	switch {
	case !field.IsName(name) || !field.IsValue(value), specialName(name) != "", strings.EqualFold(name, "Content-Type"):
		return ErrField
	}
	*r.fields = appendField(*r.fields, name, field.Trim(value))
	return nil
}

// refuseError refuses a request for an error of the parser.
func (s *session) refuseError(err error) {
	var e parser.Error
	if !errors.As(err, &e) {
		s.refuse(400, err.Error(), err)
		return
	}
	switch l := &s.worker.counts.limits; e {
	case parser.ErrFields:
		l.MaxFields++
	case parser.ErrHeadLarge, parser.ErrTargetLong, parser.ErrTrailerLarge:
		l.MaxHead++
	}
	s.refuse(e.Status(), e.Reason(), e)
}

// refuseFor carries out the action refuse of the table in life.go.
func (s *session) refuseFor(e event, cause error) {
	switch {
	case e == finCame:
		// The client has sent its FIN within the request. It may still read.
		s.answerRefusal(400, "the body ended early")
		s.happens(refused, cause)
	case s.phase == reading:
		s.refuse(408, "the head took too long", cause)
	default:
		s.refuse(408, "the body took too long", cause)
	}
}

// refuse ends the exchange under way, if any, with an answer of the server's
// own, and then the connection.
func (s *session) refuse(status int, reason string, cause error) {
	s.worker.counts.refuse(status, s.phase)
	s.answerRefusal(status, reason)
	s.happens(refused, cause)
}

// answerRefusal writes the refusal, unless an answer has begun.
func (s *session) answerRefusal(status int, reason string) {
	if s.is(sent) && (s.phase != receiving || !s.takeBack()) {
		return
	}
	s.status = uint16(status)
	if s.worker.server.Access != nil && (s.x == nil || !s.x.visit.open) {
		s.note() // there was no request, but there is an answer
	}
	s.worker.counts.status(status)
	var fields []byte
	if fn := s.worker.server.OnRefuse; fn != nil {
		fn(Refusal{s, status, reason, &fields})
	}
	text := strconv.Itoa(status) + " " + reasons[status] + ": " + reason + "\n"
	b := append(s.conn.AvailableBuffer(headRoom+len(fields)+len(text)), statusLine(status)...)
	b = append(b, s.worker.dateLine()...)
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(append(append(b, crlf...), fields...), crlf...)
	if !s.is(headOnly) {
		b = append(b, text...)
	}
	s.conn.Write(b)
}

// takeBack undoes what the program has written of its answer, if none of it has been
// sent, so that the client gets another answer and not half of this one.
func (s *session) takeBack() bool {
	if s.x == nil || s.x.out <= 0 || !s.conn.Unwrite(s.x.out) {
		return false
	}
	s.worker.counts.uncount(int(s.status))
	s.x.out, s.x.written, s.x.tooLong = 0, 0, false
	s.clear(sent | chunked | bodiless | untilEnd)
	return true
}

// parting returns how much of the last answer may be unsent when the connection is closed and
// no longer read: nothing; or as much as the kernel takes at once, if the client has said
// that it will send no more. Some send an empty line all the same, which resets a closed
// connection.
func (s *session) parting() int {
	if s.is(farewell) {
		return 16 << 10
	}
	return 0
}

// linger closes the connection in stages: it sends our FIN now, and closes when the
// client has closed its side, or has had time to read the answer.
func (s *session) linger() {
	s.extra().received = 0
	s.conn.CloseWrite()
	s.conn.SetDeadline(s.lingerFor())
	if s.is(waiting) {
		s.feed()
	}
}

// cutOff resets the connection, because only a reset shows that the answer is not
// complete. It does so in the next turn: by then the kernel has got what was accepted of
// the answer, and has sent what the client's window has room for. A client that has not
// read it when the reset comes still can, but on Windows.
func (s *session) cutOff() {
	s.conn.SetDeadline(0)
	s.conn.Pause()
	if s.conn.Post(func() { s.conn.Abort() }) != nil {
		s.conn.Abort()
	}
}

// discard drops input that comes after the last answer.
func (s *session) discard(p []byte) (used int, more bool) {
	s.x.received += int64(len(p))
	if s.x.received > lingerMost {
		s.happens(excess, nil)
	}
	return len(p), false
}
