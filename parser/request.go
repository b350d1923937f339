// Request: the request line, the target's four forms, and Host.

package parser

import "bytes"

const (
	maxMethod     = 32 // bytes of a method: the longest registered one has 17
	maxEmptyLines = 8  // before a request
)

// Request is the head of a request. It is ready for use as NewRequest returns it, as the zero value
// with storage for Fields, and after each Reset. A Request is used by one goroutine at a time.
type Request struct {
	Head
	Method Span // a token, whose case counts (RFC 9110 9.1)
	Target Span // as it was sent, in any of its four forms (RFC 9112 3.2)
	// Path is the target's path without the query, still encoded: "*" for the asterisk-form, "/"
	// for an absolute-form without a path, empty for the authority-form.
	Path  Span
	Query Span // what follows the "?"; the zero Span, whose bytes are nil, where there is none
	// Host is the authority that the request is for: the target's, if it has one (RFC 9112 3.2.2),
	// else the value of the Host field. It may be empty.
	Host Span
}

// NewRequest returns a Request with room for that many fields. One that has more is refused (431).
func NewRequest(fields int) *Request {
	return &Request{Head: Head{Fields: make([]Field, 0, fields)}}
}

// Reset makes r ready for the next message. The storage of Fields and MaxSize are kept.
func (r *Request) Reset() {
	r.reset()
	r.Method, r.Target, r.Path, r.Query, r.Host = Span{}, Span{}, Span{}, Span{}, Span{}
}

// Parse reads a request's head from the start of buf.
//
// Where n > 0 the head is whole: it is buf[:n], and the fields of r are set. 0 and nil mean that it is not
// whole yet: call again with the same bytes followed by more (the buffer may have moved). No byte is
// read twice for that. An error is of type Error, and final until Reset.
//
// Up to eight empty lines before the request line are skipped (RFC 9112 2.2), and are part of n.
func (r *Request) Parse(buf []byte) (n int, err error) {
	if hasFast && r.fastStart(buf) {
		left := fastHead(&r.section, &r.Fields, within(buf, r.MaxSize), ofRequest)
		if left == 0 || left > 0 && r.fastRest(buf, left) {
			return int(r.pos), nil
		}
	}
	return r.resume(buf)
}

// resume reads on from where the last call, or the fast path, has stopped.
func (r *Request) resume(buf []byte) (n int, err error) {
	if (!hasFast || r.plain) && r.state == atStart && r.whole(buf) {
		return int(r.pos), nil
	}
	if in, full, ok := r.goOn(buf, r.MaxSize); ok {
		r.line(in)
		if r.Fields = r.lines(in, r.Fields); r.state == atEnd {
			r.finish(buf)
		} else if full && r.state < atLine {
			r.fail(ErrTargetLong, len(in))
		} else if full && r.state < atEnd {
			r.fail(ErrHeadLarge, len(in))
		}
	}
	return r.result()
}

// whole reads a head that lies in buf whole and has the common form, straight on. It reports whether that is what is
// there. If not, it has read some of it, or found an error, and resume goes on from there.
func (r *Request) whole(buf []byte) bool {
	in := within(buf, r.MaxSize)
	if r.pos != 0 || !r.straightLine(in) {
		return false
	}
	i, st, fields := r.straight(in, int(r.pos), r.Fields)
	r.Fields = r.Fields[:len(fields)]
	if r.pos, r.state = uint32(i), st; st == atEnd {
		r.finish(buf)
	}
	return r.state == atEnd
}

// line reads as much of
//
//	*CRLF method SP request-target SP HTTP-version CRLF
//
// as there is in buf. Each part of it returns false where it is malformed, or buf ends within it.
func (r *Request) line(buf []byte) {
	if r.state == atStart && r.pos == 0 && r.straightLine(buf) {
		return
	}
	if r.state < inMethod && !r.emptyLines(buf) ||
		r.state == inMethod && !r.method(buf) ||
		r.state == inTarget && !r.wholeTarget(buf) ||
		r.state == inVersion && !r.version(buf) ||
		r.state == inLineEnd && !r.lineEnd(buf) {
		return
	}
}

func (r *Request) emptyLines(buf []byte) bool {
	for ; int(r.pos) < len(buf); r.pos++ {
		i := int(r.pos)
		switch c := buf[i]; {
		case r.state == inEmptyLine && c != '\n':
			r.fail(ErrLineEnd, i)
			return false
		case r.state == inEmptyLine:
			r.state = atStart
		case c == '\r' && i >= 2*maxEmptyLines:
			r.fail(ErrEmptyLines, i)
			return false
		case c == '\r':
			r.state = inEmptyLine
		default:
			r.start, r.state = r.pos, inMethod
			return true
		}
	}
	return false
}

func (r *Request) method(buf []byte) bool {
	start := int(r.start)
	i := scanToken(buf[:min(len(buf), start+maxMethod+1)], int(r.pos))
	r.pos = uint32(i)
	switch {
	case i-start > maxMethod:
		r.fail(ErrMethodLong, i-1)
		return false
	case i == len(buf):
		return false
	case buf[i] != ' ' || i == start:
		r.fail(ErrMethod, i)
		return false
	}
	r.Method = span(start, i)
	r.pos++
	r.start, r.state = r.pos, inTarget
	return true
}

func (r *Request) wholeTarget(buf []byte) bool {
	start := int(r.start)
	i := scanTarget(buf, int(r.pos))
	r.pos = uint32(i)
	switch {
	case i == len(buf):
		return false
	case buf[i] == '\r':
		r.fail(ErrVersion, i) // 9112 2.3: HTTP/0.9 is not spoken
		return false
	case buf[i] != ' ' || i == start:
		r.fail(ErrTarget, i)
		return false
	}
	r.Target = span(start, i)
	r.pos++
	r.start, r.state = r.pos, inVersion
	return true
}

// version reads HTTP-version, which begins at start (RFC 9112 2.3). The state of a request is inLineEnd then.
func (h *Head) version(buf []byte) bool {
	for ; h.pos-h.start < uint32(len(version)); h.pos++ {
		if int(h.pos) == len(buf) {
			return false
		}
		c, want := buf[h.pos], version[h.pos-h.start]
		if digit := want == '0'; digit != is(c, isDigit) || !digit && c != want {
			h.fail(ErrVersion, int(h.pos))
			return false
		}
	}
	h.state = inLineEnd
	return true
}

// lineEnd reads CRLF after the version, and then looks at what the line holds.
func (r *Request) lineEnd(buf []byte) bool {
	for end := r.start + uint32(len(version)); r.pos < end+2; r.pos++ {
		if int(r.pos) == len(buf) {
			return false
		}
		if c := buf[r.pos]; c != "\r\n"[r.pos-end] {
			e := ErrVersion
			if r.pos > end || c == '\n' {
				e = ErrLineEnd
			}
			r.fail(e, int(r.pos))
			return false
		}
	}
	if r.minor(buf) {
		r.target(buf)
	}
	if r.state == failed {
		return false
	}
	r.state = atLine
	return true
}

// finish checks what can be checked only when all fields are there.
func (r *Request) finish(buf []byte) {
	if !r.host(buf) {
		return
	}
	if r.framing(buf, 0); r.state != failed {
		r.persistence(buf)
	}
}

const version = "HTTP/0.0"

// minor takes over the version that begins at h.start.
func (h *Head) minor(buf []byte) bool {
	at := int(h.start) + len("HTTP/")
	if buf[at] != '1' {
		h.fail(ErrMajor, at)
		return false
	}
	h.Minor = min(buf[at+2]-'0', 1)
	return true
}

// target finds out which of the four forms the target has (RFC 9112 3.2), and sets Path, Query and, where
// the target holds an authority, Host.
func (r *Request) target(buf []byte) {
	t, m := r.Target.Of(buf), r.Method.Of(buf)
	off := int(r.Target.Off)
	end := off + len(t)
	path := off
	r.Query = Span{}
	switch {
	case string(m) == "CONNECT": // 9112 3.2.3
		if e := authority(t, true); e >= 0 {
			r.fail(ErrTargetForm, off)
			return
		}
		r.Host = r.Target
		r.Path = span(end, end)
		return
	case t[0] == '/': // 9112 3.2.1
	case t[0] == '*': // 9112 3.2.4
		if len(t) != 1 || string(m) != "OPTIONS" {
			r.fail(ErrTargetForm, off)
			return
		}
	default: // 9112 3.2.2
		n := 0
		for n < len(t) && is(t[n], isScheme) {
			n++
		}
		if n+3 > len(t) || string(t[n:n+3]) != "://" || !is(t[0], isAlpha) {
			r.fail(ErrTargetForm, off)
			return
		}
		from := n + 3
		to := from
		for to < len(t) && t[to] != '/' && t[to] != '?' {
			to++
		}
		if from == to || authority(t[from:to], false) >= 0 {
			r.fail(ErrTargetForm, off)
			return
		}
		r.Host = span(off+from, off+to)
		path = off + to
		if to == len(t) || t[to] == '?' {
			// 9112 3.2.1: an empty path is "/"; there is one at hand in the "://".
			r.Path = span(off+from-1, off+from)
			if to < len(t) {
				r.Query = span(path+1, end)
			}
			return
		}
	}
	if q := bytes.IndexByte(buf[path:end], '?'); q >= 0 {
		r.Path, r.Query = span(path, path+q), span(path+q+1, end)
		return
	}
	r.Path = span(path, end)
}

// host holds the request to RFC 9112 3.2: one Host in 1.1, at most one in 1.0, and valid.
func (r *Request) host(buf []byte) bool {
	f, ok := r.find(r.Fields, nameHost)
	if !ok {
		if r.Minor > 0 {
			r.fail(ErrHostMissing, int(r.pos))
			return false
		}
		return true
	}
	if r.twice&(1<<nameHost) != 0 {
		r.fail(ErrHostTwice, int(f.start))
		return false
	}
	v := f.value(buf)
	if v.Len > 0 && authority(v.Of(buf), false) >= 0 {
		r.fail(ErrHost, int(f.start))
		return false
	}
	if r.Host.Len == 0 {
		r.Host = v
	}
	return true
}
