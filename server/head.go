// The head of an answer: what HTTP requires, and what the program set.

package server

import (
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/field"
)

var (
	crlf     = []byte("\r\n")
	crlfcrlf = []byte("\r\n\r\n")
)

// noBody reports whether the answer has no body, whatever the program writes
// (RFC 9110 6.4.1).
func (s *session) noBody() bool {
	return s.is(headOnly) || s.status == 101 || s.status == 204 || s.status == 205 || s.status == 304
}

// tunnel reports whether the status would make the connection stop speaking HTTP
// after the answer's head (RFC 9110 9.3.6, 15.2.2). Only Hijack may send it.
func (s *session) tunnel() bool {
	return s.status == 101 || s.is(connect) && s.status < 300
}

// Values in place of the length of an answer's body.
const (
	unknown    = adapt.Chunked
	untilClose = adapt.UntilClose
	unsaid     = adapt.Unsaid
)

// startAnswer is writeHead for an answer after which the connection still speaks
// HTTP. A status that would end HTTP is a mistake of the program: the server refuses
// the request in its place, a CONNECT with 501, any other with 500.
func (s *session) startAnswer(n int64, body []byte) error {
	switch {
	case !s.tunnel():
		return s.writeHead(n, body)
	case s.is(connect):
		s.refuse(501, "this server is no proxy", ErrStatus)
	default:
		s.refuse(500, "the protocol was not switched", ErrStatus)
	}
	return ErrStatus
}

// A head is built in the connection's output buffer, and the body is appended if it
// is not too long to be copied.
const (
	headRoom  = 256 // bytes for what the server itself writes in a head
	mostWhole = 16 << 10
)

// writeHead sends the head of the answer, and body with it, if the answer has
// one. n is the length of the whole body if that is known, else -1 or untilClose.
func (s *session) writeHead(n int64, body []byte) error {
	x := s.x
	if s.status == 0 {
		s.status = 200
	}
	s.set(sent)
	s.worker.counts.status(int(s.status))
	if s.noBody() {
		s.set(bodiless)
		body = nil
	}
	switch {
	case s.status == 304 && (x == nil || x.declared < 0):
		n = unsaid // only the program knows what the answer to GET would have (RFC 9110 8.6)
	case s.status == 205:
		n = 0 // RFC 9110 15.3.6
		if x != nil {
			x.declared = 0
		}
	}
	size := headRoom
	if x != nil {
		size += len(x.fields)
		if x.declared < 0 {
			x.declared = n
		}
		n, x.written = x.declared, int64(len(body))
	}
	if len(body) <= mostWhole {
		size += len(body)
	}
	b := s.conn.AvailableBuffer(size)
	if n >= 0 && s.usual() {
		b = s.appendUsual(b, n)
	} else {
		b = s.appendHead(b, n)
	}
	if len(body) <= mostWhole {
		b, body = append(b, body...), nil
	}
	if x != nil {
		x.out = len(b) + len(body)
	}
	_, err := s.conn.Write(b)
	if err == nil && len(body) > 0 {
		_, err = s.conn.Write(body)
	}
	return err
}

// usual reports whether the head needs no more than the length of the body, as with
// most answers.
func (s *session) usual() bool {
	return (s.status == 200 || s.status == 0) && s.phase == answering && s.flags&(persist|old|connect|wantsClose) == persist &&
		!s.worker.quiescing && (s.x == nil || !s.x.hasDate && s.x.options == "" && !s.x.upgrades)
}

// appendUsual is appendHead for a usual answer: most of that is prepared.
func (s *session) appendUsual(b []byte, n int64) []byte {
	h := s.worker.usualHead(n)
	if s.x == nil || len(s.x.fields) == 0 {
		return append(b, h...)
	}
	return append(append(append(b, h[:len(h)-len(crlf)]...), s.x.fields...), crlf...)
}

// appendHead appends the head. Fields that concern the message as a whole come
// first (RFC 9110 5.3).
func (s *session) appendHead(b []byte, n int64) []byte {
	x := s.x
	b = append(b, statusLine(int(s.status))...)
	if x == nil || !x.hasDate {
		b = append(b, s.worker.dateLine()...)
	}
	b = s.appendFraming(b, n)
	if x != nil {
		b = append(b, x.fields...)
	}
	b = s.appendConnection(b)
	return append(b, "\r\n"...)
}

// appendFraming appends the fields that say how the body ends (RFC 9112 6).
func (s *session) appendFraming(b []byte, n int64) []byte {
	switch {
	case s.status == 204 || s.tunnel():
		return b // RFC 9110 8.6, RFC 9112 6.1: such an answer has neither field
	case n >= 0:
		b = append(b, lengthName...)
		b = strconv.AppendInt(b, n, 10)
		return append(b, "\r\n"...)
	case n == unsaid:
		return b // HEAD: the length of the answer to GET is unknown
	case s.is(old) || n == untilClose:
		s.clear(persist)
		if !s.is(bodiless) {
			s.set(untilEnd)
			s.conn.ResetOnError()
		}
		return b
	}
	s.set(chunked)
	b = append(b, "Transfer-Encoding: "...)
	if x := s.x; x != nil && x.coding != "" {
		b = append(append(b, x.coding...), ", "...)
	}
	return append(b, "chunked\r\n"...)
}

// appendConnection appends a Connection field where one is needed. It reports whether
// the connection goes on (RFC 9112 9.3, 9.6), and lists the options that the
// program set.
func (s *session) appendConnection(b []byte) []byte {
	switch {
	case s.tunnel():
	case s.worker.quiescing || s.is(wantsClose) || s.is(connect):
		s.clear(persist) // after a CONNECT that is refused the client may already be sending what is not HTTP
	case s.phase == receiving && !s.canSkip():
		if s.is(whole | expecting) {
			s.clear(persist)
		} else {
			s.set(promised) // the program may read the rest by the end of the answer; if not, we do
		}
	}
	var own, options string
	if s.x != nil {
		options = s.x.options
		if s.x.upgrades && !s.tunnel() && !hasOption(options, "upgrade") {
			options += ", upgrade" // RFC 9110 7.8: an Upgrade field requires it
		}
	}
	switch {
	case s.status == 101 && !hasOption(options, "upgrade"):
		own = "upgrade"
	case s.tunnel():
	case !s.is(persist):
		own = "close"
	case s.is(old):
		own = "keep-alive"
	}
	if own == "" && options == "" {
		return b
	}
	return appendOptions(b, own, options)
}

func hasOption(options, name string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if strings.EqualFold(field.Trim(o), name) {
			return true
		}
	}
	return false
}

// appendOptions appends a Connection line. It leaves out those of the program's
// options that repeat the server's own, or contradict it.
func appendOptions(b []byte, own, options string) []byte {
	n := len(b)
	b = append(append(b, "Connection: "...), own...)
	empty := own == ""
	for o := range strings.SplitSeq(options, ",") {
		o = field.Trim(o)
		if o == "" || strings.EqualFold(o, own) || own == "close" && strings.EqualFold(o, "keep-alive") {
			continue
		}
		if !empty {
			b = append(b, ", "...)
		}
		b, empty = append(b, o...), false
	}
	if empty {
		return b[:n]
	}
	return append(b, "\r\n"...)
}
