// Package content reads what follows a message's head, for server and client alike:
// the content, and the fields of the trailer section for a program that wants them.
package content

import (
	"errors"
	"io"

	"github.com/lurcher-net/lurcher/parser"
)

// ErrMore is what Next returns while a trailer section has not all come.
var ErrMore = errors.New("more of the trailer section")

// A Reader is a body and the trailer section after it.
type Reader struct {
	parser.Body
	onTrailer func(name, value []byte) // takes the fields of the section; nil: nobody does
	section   *parser.Trailer          // set while the section is being read
}

// Of returns a Reader of a body.
func Of(b parser.Body) Reader { return Reader{Body: b} }

// OnTrailer makes Next call fn with each field of the trailer section. Call it before Next.
func (r *Reader) OnTrailer(fn func(name, value []byte)) {
	r.KeepTrailer()
	r.onTrailer = fn
}

// Next finds the next piece of the body, as Body.Next does. The trailer section belongs to
// the last piece; it has at most fields lines, and p must hold all of it: until then the
// error is ErrMore. With repair, folded lines of it are joined: see parser.Trailer.
func (r *Reader) Next(p []byte, fields int, repair bool) (data []byte, n int, err error) {
	if r.section == nil {
		data, n, err = r.Body.Next(p)
		if err != parser.ErrTrailer {
			return data, n, err
		}
		r.section = parser.NewTrailer(fields)
		r.section.Repair = repair
		return data, n, nil
	}
	n, err = r.section.Parse(p)
	switch {
	case err != nil:
		return nil, n, err
	case n == 0:
		return nil, 0, ErrMore
	}
	if r.onTrailer != nil {
		for _, f := range r.section.Fields {
			r.onTrailer(f.Name(p), f.Value(p))
		}
	}
	return nil, n, io.EOF
}

// Rest returns a Reader of what is still to come, for nobody.
func (r *Reader) Rest() Reader { return Reader{Body: r.Body, section: r.section} }

// InTrailer reports whether the trailer section is being read.
func (r *Reader) InTrailer() bool { return r.section != nil }
