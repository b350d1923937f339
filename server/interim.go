// What surrounds the answer proper: interim answers in front of it, and trailer
// sections, the answer's and the request's, behind the bodies.

package server

import (
	"errors"
	"io"

	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/parser"
)

// Inform sends an interim answer, with the fields that have been set so far;
// they stay set for the answer proper. Early hints, for one (RFC 8297):
//
//	w.Add("Link", "</style.css>; rel=preload")
//	w.Inform(103)
//
// Status is 100 to 199, but not 101. A client that speaks HTTP/1.0 is not sent any
// (RFC 9110 15.2).
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
		s.clear(expecting) // it has been told
	}
	s.conn.Writev([]byte(statusLine(status)), fields, crlf)
}

// Trailer adds a field to the trailer section, which follows the body: what is
// known only when that has been sent, such as a checksum. It asks for the
// chunked coding, so it comes before the answer's head is sent, or goes with an
// answer that is chunked already. A client that speaks HTTP/1.0 gets none, nor
// does HEAD. Beside what Set refuses, fields that frame or route a message
// or say what its content is are answered with ErrField (RFC 9110 6.5.1).
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

// trails tells that the answer has to be chunked, for there will be a trailer.
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

// Trailer has fn called with each field of the trailer section that follows a
// chunked body, before the last call of what Stream or Body was given. What fn
// is given is valid until it returns. Trailer comes before those.
func (r Request) Trailer(fn func(name, value []byte)) error {
	if !r.valid() {
		return errOver
	}
	if r.s.phase == receiving {
		if r.s.x.sink != nil {
			return ErrBodyTaken
		}
		r.s.x.body.KeepTrailer()
		r.s.x.onTrailer = fn
	}
	return nil
}

// mostTrailer is how many fields a trailer section may have.
const mostTrailer = 32

// errMore is nextBody's word for a trailer section that has not all come.
var errMore = errors.New("more of the trailer section")

// nextBody finds the next piece of the body. A trailer section that is wanted
// belongs to its end.
func (x *exchange) nextBody(p []byte) (data []byte, n int, err error) {
	if x.section == nil {
		data, n, err = x.body.Next(p)
		if err != parser.ErrTrailer {
			return data, n, err
		}
		x.section = &parser.Trailer{Fields: make([]parser.Field, 0, mostTrailer)}
		return data, n, nil
	}
	n, err = x.section.Parse(p)
	switch {
	case err != nil:
		return nil, n, err
	case n == 0:
		return nil, 0, errMore
	}
	if x.onTrailer != nil {
		for _, f := range x.section.Fields {
			x.onTrailer(f.Name(p), f.Value(p))
		}
	}
	return nil, n, io.EOF
}
