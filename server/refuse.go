// Refusals: the answers that the server gives on its own, and the staged close
// behind them (RFC 9112 9.6).

package server

import (
	"errors"
	"strconv"
	"time"

	"github.com/lurcher-net/lurcher/parser"
)

const (
	lingerTime = 2 * time.Second // for the client to read the answer and close
	lingerMost = 8 << 20         // bytes of it that are discarded meanwhile
)

func (s *session) refuseError(err error) {
	var e parser.Error
	if errors.As(err, &e) {
		switch l := &s.worker.counts.limits; e {
		case parser.ErrFields:
			l.MaxFields++
		case parser.ErrHeadLarge, parser.ErrTargetLong, parser.ErrTrailerLarge:
			l.MaxHead++
		}
		s.refuse(e.Status(), e.Reason())
	} else {
		s.refuse(400, err.Error())
	}
}

// refuse ends the exchange under way, if any, with an answer of the server's
// own, and then the connection.
func (s *session) refuse(status int, reason string) {
	begun, headOnly := s.is(sent), s.is(headOnly)
	if !begun {
		s.status = uint16(status)
		if s.worker.server.Access != nil && (s.x == nil || !s.x.visit.open) {
			s.note() // there was no request, but there is an answer
		}
	}
	defer s.abandon()()
	s.worker.counts.refuse(status, s.phase)
	if begun {
		s.cutOff()
		return
	}
	s.worker.counts.status(status)
	text := strconv.Itoa(status) + " " + reasons[status] + ": " + reason + "\n"
	b := append(s.conn.AvailableBuffer(headRoom+len(text)), statusLine(status)...)
	b = append(b, s.worker.dateLine()...)
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, "\r\n\r\n"...)
	if !headOnly {
		b = append(b, text...)
	}
	s.conn.Write(b)
	s.linger()
}

// cutOff closes the connection behind half an answer, which must not pass for a
// whole one. Where only the connection's end would end it, that is a reset.
func (s *session) cutOff() {
	s.enter(gone)
	if s.is(endless) {
		s.conn.Abort()
	} else {
		s.conn.Close()
	}
}

// linger closes the connection in stages: our side now, the rest when the
// client has closed its own, or has had time enough to read the answer.
func (s *session) linger() {
	if s.is(halfClosed) {
		s.enter(gone)
		s.conn.Close()
		return
	}
	s.enter(lingering)
	s.extra().received = 0
	s.conn.CloseWrite()
	s.conn.SetDeadline(lingerTime)
	if s.is(waiting) {
		s.feed()
	}
}

// discard takes what comes after the last answer.
func (s *session) discard(p []byte) (used int, more bool) {
	s.x.received += int64(len(p))
	if s.x.received > lingerMost {
		s.conn.Abort()
	}
	return len(p), false
}
