package parser

import (
	"io"
	"strconv"
)

// reader feeds an input to the parser in pieces and writes down what comes of it, as text: two
// readings of the same bytes have to be equal to the letter.
type reader struct {
	req     Request
	resp    Response
	log     []byte
	content []byte

	response bool   // what the input holds
	headOnly bool   // stop after the first head
	skipBody bool   // do not look for bodies
	noHost   bool   // go on where nothing but a Host is missing, as most corpora do without
	method   string // that the responses answer
	keep     bool   // read trailers

	err       error
	missed    bool // a Host was missing
	heads     int  // heads read
	whole     int  // messages read to their end
	untilEOF  bool // the input ended in a body until close
	stopped   bool // after close, or at bytes of another protocol; at says where
	at        int  // of the error, or where reading stopped
	keepAlive bool
}

func newReader() *reader {
	r := new(reader)
	r.req.Fields = make([]Field, 0, 128)
	r.resp.Fields = make([]Field, 0, 128)
	return r
}

// read reads in as it becomes available up to each of the cuts, and then all of it.
func (r *reader) read(in []byte, cuts ...int) string {
	k := 0
	return r.feed(in, func() int {
		if k == len(cuts) {
			return len(in)
		}
		k++
		return cuts[k-1]
	})
}

// drip reads in with step bytes more each time.
func (r *reader) drip(in []byte, step int) string {
	have := 0
	return r.feed(in, func() int {
		have = min(have+step, len(in))
		return have
	})
}

// feed reads in; more says how much of it is there when the reader asks for more.
func (r *reader) feed(in []byte, more func() int) string {
	r.log, r.err, r.missed, r.heads, r.whole = r.log[:0], nil, false, 0, 0
	r.untilEOF, r.stopped, r.at = false, false, 0
	have := more()
	for start := 0; ; {
		n, ok := r.head(in, start, &have, more)
		if !ok {
			return string(r.log)
		}
		r.heads++
		start += n
		h := r.current()
		r.keepAlive = h.KeepAlive
		if r.headOnly {
			r.at = start
			return string(r.log)
		}
		tunnel := !r.response && string(r.req.Method.Of(in[start-n:])) == "CONNECT"
		if !r.skipBody && !tunnel {
			n, ok = r.body(in, start, &have, more)
			start += n
			if !ok {
				return string(r.log)
			}
		}
		r.whole++
		r.log = append(r.log, "end "...)
		r.log = strconv.AppendInt(r.log, int64(start), 10)
		r.log = append(r.log, '\n')
		if tunnel || h.Upgrade || !h.KeepAlive && !r.skipBody {
			r.stopped, r.at = true, start
			return string(r.log)
		}
		if start == len(in) {
			return string(r.log)
		}
	}
}

func (r *reader) current() *Head {
	if r.response {
		return &r.resp.Head
	}
	return &r.req.Head
}

// head reads a head that begins at start.
func (r *reader) head(in []byte, start int, have *int, more func() int) (n int, ok bool) {
	r.req.Reset()
	r.resp.Reset()
	r.resp.Method = r.method
	h := r.current()
	for {
		buf := in[start:*have:*have]
		var err error
		if r.response {
			n, err = r.resp.Parse(buf)
		} else {
			n, err = r.req.Parse(buf)
			if err == ErrHostMissing && r.noHost {
				r.missed = true
				h.state, h.err, err, n = atEnd, 0, nil, int(h.pos)
				if h.framing(buf, 0); h.state == failed {
					n, err = 0, h.err
				} else {
					h.persistence(buf)
				}
			}
		}
		if err != nil {
			return 0, r.fail(err, start+h.ErrorOffset())
		}
		if n > 0 {
			r.logHead(h, buf)
			return n, true
		}
		if *have == len(in) {
			return 0, false
		}
		*have = more()
	}
}

func (r *reader) fail(err error, at int) bool {
	r.err, r.at = err, at
	r.log = append(r.log, "error at "...)
	r.log = strconv.AppendInt(r.log, int64(at), 10)
	r.log = append(r.log, ' ')
	r.log = append(r.log, err.Error()...)
	r.log = append(r.log, '\n')
	return false
}

func (r *reader) logHead(h *Head, buf []byte) {
	if r.response {
		r.log = append(r.log, "status "...)
		r.log = strconv.AppendInt(r.log, int64(r.resp.Status), 10)
		r.quoted(r.resp.Reason.Of(buf))
	} else {
		r.log = append(r.log, "request"...)
		r.quoted(r.req.Method.Of(buf))
		r.quoted(r.req.Target.Of(buf))
		r.log = append(r.log, "\npath"...)
		r.quoted(r.req.Path.Of(buf))
		r.quoted(r.req.Query.Of(buf))
		r.quoted(r.req.Host.Of(buf))
	}
	r.log = append(r.log, "\nmeans "...)
	r.log = strconv.AppendInt(r.log, int64(h.Minor), 10)
	r.log = append(r.log, ' ')
	r.log = append(r.log, h.Framing.String()...)
	r.log = append(r.log, ' ')
	r.log = strconv.AppendInt(r.log, h.Length, 10)
	r.log = strconv.AppendBool(r.log, h.KeepAlive)
	r.log = strconv.AppendBool(r.log, h.Upgrade)
	r.log = strconv.AppendBool(r.log, h.Expect)
	r.log = append(r.log, '\n')
	r.logFields(h.Fields, buf)
}

func (r *reader) logFields(fields []Field, buf []byte) {
	for _, f := range fields {
		r.log = append(r.log, "field"...)
		r.quoted(f.Name(buf))
		r.quoted(f.Value(buf))
		r.log = append(r.log, '\n')
	}
}

// quoted appends b in quotes; what needs no escape goes as it is.
func (r *reader) quoted(b []byte) {
	r.log = append(r.log, ' ', '"')
	r.log = append(r.log, b...)
	r.log = append(r.log, '"')
}

// body reads the body that begins at start.
func (r *reader) body(in []byte, start int, have *int, more func() int) (used int, ok bool) {
	b := r.current().Body()
	if r.keep {
		b.KeepTrailer()
	}
	r.content = r.content[:0]
	for {
		p := in[start+used : *have : *have]
		data, n, err := b.Next(p)
		r.content = append(r.content, data...)
		used += n
		switch {
		case err == io.EOF:
			r.logBody()
			return used, true
		case err == ErrTrailer:
			r.logBody()
			n, ok = r.trailer(in, start+used, have, more)
			return used + n, ok
		case err != nil:
			r.logBody()
			if int(b.Offset()) != used {
				panic("Body.Offset is not what was used up")
			}
			return used, r.fail(err, start+used)
		case len(data) > 0:
			continue
		case n != len(p):
			panic("Next wants more and has not used up all")
		case *have == len(in):
			r.logBody()
			r.untilEOF = b.End() == nil
			return used, false
		}
		*have = more()
	}
}

func (r *reader) logBody() {
	r.log = append(r.log, "body"...)
	r.quoted(r.content)
	r.log = append(r.log, '\n')
}

func (r *reader) trailer(in []byte, start int, have *int, more func() int) (n int, ok bool) {
	t := Trailer{Fields: make([]Field, 0, 16)}
	for {
		buf := in[start:*have:*have]
		n, err := t.Parse(buf)
		if err != nil {
			return 0, r.fail(err, start+t.ErrorOffset())
		}
		if n > 0 {
			r.logFields(t.Fields, buf)
			return n, true
		}
		if *have == len(in) {
			return 0, false
		}
		*have = more()
	}
}
