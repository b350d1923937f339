// The parser under test, driven as a connection would: pieces arrive, a buffer grows and moves, the
// head is parsed, then the body. What comes of it is a Message.

package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/lurcher-net/lurcher/parser"
)

const maxFields = 64 // the room that is given for fields, here and in trailers

// outcome is what became of an input.
type outcome struct {
	m    Message
	used int   // bytes of the message
	err  error // nil, io.ErrUnexpectedEOF or a parser.Error
	at   int   // where the error was found

	broken string // a promise of the parser's that did not hold
}

// same is nil when two outcomes are equal but for the slices that hold them.
func (o *outcome) same(p *outcome) error {
	if broken := o.broken + p.broken; broken != "" {
		return errors.New(broken)
	}
	if o.err != p.err || o.used != p.used || o.at != p.at {
		return fmt.Errorf("%v at %d, %d bytes used; and %v at %d, %d bytes used", o.err, o.at, o.used, p.err, p.at, p.used)
	}
	if d := o.m.Diff(&p.m); d != "" {
		return errors.New(d)
	}
	return nil
}

// head is what parser.Request and parser.Response have in common.
type head interface {
	Parse(buf []byte) (int, error)
	ErrorOffset() int
	Body() parser.Body
}

// driveRequest and driveResponse read one message out of pieces. end means that the connection ends there.
func driveRequest(pieces [][]byte) outcome {
	r := &parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}}
	return drive(r, pieces, false, func(buf []byte) Message {
		m := tellHead(&r.Head, buf)
		m.Method, m.Target, m.Host = string(r.Method.Of(buf)), string(r.Target.Of(buf)), string(r.Host.Of(buf))
		return m
	})
}

func driveResponse(pieces [][]byte, method string, end bool) outcome {
	r := &parser.Response{Head: parser.Head{Fields: make([]parser.Field, 0, maxFields)}, Method: method}
	return drive(r, pieces, end, func(buf []byte) Message {
		m := tellHead(&r.Head, buf)
		m.Method, m.Status, m.Reason = method, r.Status, string(r.Reason.Of(buf))
		return m
	})
}

func tellHead(h *parser.Head, buf []byte) Message {
	m := Message{
		Minor: int(h.Minor), KeepAlive: h.KeepAlive, Upgrade: h.Upgrade, Expect: h.Expect,
		Chunked: h.Framing == parser.Chunked, UntilClose: h.Framing == parser.UntilClose, Length: h.Length,
	}
	for _, f := range h.Fields {
		m.Fields = append(m.Fields, Field{string(f.Name(buf)), string(f.Value(buf))})
	}
	return m
}

// drive moves the buffer at every growth, and lays traps past its end, so that what was kept by
// address or read beyond len shows.
func drive(h head, pieces [][]byte, end bool, tell func([]byte) Message) (o outcome) {
	var buf []byte
	for i, p := range pieces {
		buf = append(append(make([]byte, 0, len(buf)+len(p)+len(trap)), buf...), p...)
		copy(buf[len(buf):cap(buf)], trap)
		n, err := h.Parse(buf)
		if err != nil {
			o.err, o.at = err, h.ErrorOffset()
			if n != 0 {
				o.broken = fmt.Sprintf("Parse gave both %d and %v", n, err)
			}
			if n, again := h.Parse(append(buf, "\r\n\r\n"...)); n != 0 || again != err {
				o.broken = fmt.Sprintf("error not sticky: %v, then %d, %v", err, n, again)
			}
			return o
		}
		if n > 0 {
			if again, err := h.Parse(buf); again != n || err != nil {
				o.broken = fmt.Sprintf("Parse of a whole head gave %d, and then %d, %v", n, again, err)
			}
			o.m = tell(buf)
			o.m.Head = n
			o.driveBody(h.Body(), append([][]byte{buf[n:]}, pieces[i+1:]...), end)
			return o
		}
	}
	o.err = io.ErrUnexpectedEOF
	return o
}

const trap = "\r\n\r\nX: y\r\n\r\n0\r\n\r\n"

// driveBody reads the body twice, once with the trailer section skipped and once with it read, which
// has to come to the same end.
func (o *outcome) driveBody(b parser.Body, pieces [][]byte, end bool) {
	skipping := outcome{m: Message{Head: o.m.Head, UntilClose: o.m.UntilClose}}
	skipping.body(b, pieces, end)
	b.KeepTrailer()
	o.body(b, pieces, end)
	limits := o.err == parser.ErrFields || o.err == parser.ErrTrailerLarge || skipping.err == parser.ErrTrailerLarge
	if !limits && (skipping.err != o.err || skipping.used != o.used || skipping.at != o.at || skipping.m.Body != o.m.Body) {
		o.broken = fmt.Sprintf("trailers skipped: %v at %d, %d used, %q\ntrailers read: %v at %d, %d used, %q",
			skipping.err, skipping.at, skipping.used, skipping.m.Body, o.err, o.at, o.used, o.m.Body)
	}
}

func (o *outcome) body(b parser.Body, pieces [][]byte, end bool) {
	var body []byte
	for i, p := range pieces {
		for {
			data, n, err := b.Next(p)
			body = append(body, data...)
			o.m.Body = string(body)
			p = p[n:]
			switch {
			case err == io.EOF:
				o.used = o.m.Head + int(b.Offset())
				return
			case err == parser.ErrTrailer:
				o.trailer(o.m.Head+int(b.Offset()), append([][]byte{p}, pieces[i+1:]...))
				return
			case err != nil:
				o.err, o.at = err, o.m.Head+int(b.Offset())
				if _, n, again := b.Next([]byte("x")); n != 0 || again != err {
					o.broken = fmt.Sprintf("error not sticky: %v, then %d, %v", err, n, again)
				}
				return
			case n == 0 && len(p) > 0:
				o.broken = fmt.Sprintf("no progress on %q", p)
			}
			if len(p) == 0 {
				break
			}
		}
	}
	o.err = b.End()
	if o.m.UntilClose && !end {
		o.err = io.ErrUnexpectedEOF
	} else if o.err == nil {
		o.used = o.m.Head + int(b.Offset())
	}
}

func (o *outcome) trailer(from int, pieces [][]byte) {
	t := parser.Trailer{Fields: make([]parser.Field, 0, maxFields)}
	var buf []byte
	for _, p := range pieces {
		buf = append(bytes.Clone(buf), p...)
		n, err := t.Parse(buf)
		if err != nil {
			o.err, o.at = err, from+t.ErrorOffset()
			return
		}
		if n > 0 {
			for _, f := range t.Fields {
				o.m.Trailers = append(o.m.Trailers, Field{string(f.Name(buf)), string(f.Value(buf))})
			}
			o.used = from + n
			return
		}
	}
	o.err = io.ErrUnexpectedEOF
}
