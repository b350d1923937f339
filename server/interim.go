// What surrounds the answer: interim answers before it, and a trailer section after its body.

package server

import "github.com/lurcher-net/lurcher/internal/field"

// Inform sends an interim answer, with the fields that have been set so far; they
// stay set for the final answer. Early hints (RFC 8297) are an example:
//
//	w.Add("Link", "</style.css>; rel=preload")
//	w.Inform(103)
//
// The status is 100 to 199, but not 101. Nothing is sent to a client that speaks
// HTTP/1.0 (RFC 9110 15.2).
func (w Response) Inform(status int) error {
	switch {
	case !w.valid():
		return errOver
	case w.s.is(sent):
		return w.s.mistake(ErrHeadSent)
	case status < 100 || status > 199 || status == 101:
		return w.s.mistake(ErrInterim)
	}
	var fields []byte
	if w.s.x != nil {
		fields = w.s.x.fields
	}
	w.s.inform(status, fields)
	return nil
}

func (s *session) inform(status int, fields []byte) {
	if s.is(old | sent) {
		return
	}
	if status == 100 {
		s.clear(expecting) // this is what it waited for
	}
	s.conn.Writev([]byte(statusLine(status)), fields, crlf)
}

// Trailer adds a field to the trailer section, which follows the body. It is for
// what is known only then, such as a checksum. A trailer section needs the chunked
// coding: call Trailer before the answer's head is sent, or for an answer that is
// chunked. A client that speaks HTTP/1.0 gets no trailer section, nor does HEAD.
// Trailer returns ErrField for what Set does not take, and also for fields that
// frame or route a message or describe its content (RFC 9110 6.5.1).
func (w Response) Trailer(name, value string) error {
	switch {
	case !w.valid():
		return errOver
	case !field.IsName(name) || !field.IsValue(value) || !field.MayTrail(name):
		return w.s.mistake(ErrField)
	case w.s.is(old) || w.s.is(headOnly):
		return nil
	case w.s.is(sent) && !w.s.is(chunked):
		return w.s.mistake(ErrTrailer)
	}
	x := w.s.extra()
	if !w.s.is(sent) && x.declared >= 0 {
		return w.s.mistake(ErrTrailer)
	}
	x.trailer = append(append(x.trailer, name...), ": "...)
	x.trailer = append(append(x.trailer, field.Trim(value)...), "\r\n"...)
	return nil
}

// trails reports whether the answer has to be chunked because it has a trailer
// section.
func (s *session) trails() bool {
	return s.x != nil && len(s.x.trailer) > 0 && !s.is(sent) && !s.noBody()
}

// endChunks sends the last chunk and the trailer section.
func (s *session) endChunks() {
	if s.x == nil || len(s.x.trailer) == 0 {
		s.conn.WriteString("0\r\n\r\n")
		return
	}
	s.conn.Writev([]byte("0\r\n"), s.x.trailer, crlf)
}
