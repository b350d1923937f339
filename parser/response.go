// Response: the status line, and what framing its request and status leave.

package parser

// Response is the head of a response. It is ready for use as NewResponse returns it, as the zero value
// with storage for Fields, and after each Reset. A Response is used by one goroutine at a time.
type Response struct {
	Head
	// Method is the method of the request that is answered; the empty string stands for any that
	// is neither HEAD nor CONNECT. The caller sets it before each message, since the framing of
	// a response depends on it (RFC 9112 6.3); Reset forgets it.
	Method string
	// Repair makes Parse repair what RFC 9112 lets the recipient of a response repair: a folded line is joined
	// with the line before by one space, in buf (5.2), and a Content-Length that is repeated with the same value
	// counts once (6.3). Body then takes folded trailer fields too, and whitespace at the end of a
	// chunk's size line, with which some old servers pad. All this is refused otherwise. Reset keeps Repair.
	Repair bool
	Status int  // 100 to 999; what is above 599 is treated as a server's error (RFC 9110 15)
	Reason Span // may be empty
}

// NewResponse returns a Response with room for that many fields. One that has more is refused.
func NewResponse(fields int) *Response {
	return &Response{Head: Head{Fields: make([]Field, 0, fields)}}
}

// Reset makes r ready for the next message. The storage of Fields and MaxSize are kept.
func (r *Response) Reset() {
	r.reset()
	r.Method, r.Status, r.Reason = "", 0, Span{}
}

// Body returns the decoder for this response's body.
func (r *Response) Body() Body {
	b := r.Head.Body()
	if r.Repair {
		b.opts = repairs
	}
	return b
}

// Parse reads a response's head from the start of buf, with the contract of Request.Parse.
//
// A response to HEAD, any with status 1xx, 204 or 304, and a 2xx to CONNECT have no body, whatever
// their fields say, and be it nonsense (RFC 9112 6.3). Of a well-formed Content-Length Length is kept,
// since it is that of the content another request would have got. After a 2xx to CONNECT and after a 101 the connection's bytes are no longer
// HTTP; after any other 1xx the response proper follows (Reset, and Parse again).
func (r *Response) Parse(buf []byte) (n int, err error) {
	r.repair = r.Repair
	if hasFast && r.fastStart(buf) && r.fast(buf) {
		return int(r.pos), nil
	}
	if in, full, ok := r.goOn(buf, r.MaxSize); ok {
		r.line(in)
		if r.Fields = r.lines(in, r.Fields); r.state == atEnd {
			r.finish(buf)
		} else if full && r.state < atEnd {
			r.fail(ErrHeadLarge, len(in))
		}
	}
	return r.result()
}

// line reads as much of
//
//	HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF
//
// as there is in buf (RFC 9112 4). Where there is no reason the second SP may be missing: RFC 9112 2.2
// lets a recipient be lenient, and servers that leave it out are common. Each part of it returns false
// where it is malformed, or buf ends within it.
func (r *Response) line(buf []byte) {
	if r.state == atStart {
		r.straightLine(buf)
	}
	if r.state == atStart {
		r.state = inStatusVersion
	}
	if r.state == inStatusVersion {
		if !r.version(buf) {
			return
		}
		r.state = inStatus
	}
	if r.state == inStatus && !r.status(buf) ||
		r.state == inReason && !r.reason(buf) ||
		r.state == inReasonEnd && !r.reasonEnd(buf) {
		return
	}
}

func (r *Response) status(buf []byte) bool {
	for ; r.pos < uint32(len(statusShape)); r.pos++ {
		i := int(r.pos)
		if i == len(buf) {
			return false
		}
		c := buf[i]
		if i == len(statusShape)-1 && c == '\r' {
			break
		}
		digit := statusShape[i] == '0'
		if digit != is(c, isDigit) || !digit && c != ' ' || c == '0' && i == statusAt {
			r.fail(ErrStatus, i)
			return false
		}
	}
	r.start, r.state = r.pos, inReason
	return true
}

func (r *Response) reason(buf []byte) bool {
	i := scanText(buf, int(r.pos))
	r.pos = uint32(i)
	if i == len(buf) {
		return false
	}
	switch buf[i] {
	case '\r':
		r.pos++
		r.state = inReasonEnd
		return true
	case '\n':
		r.fail(ErrLineEnd, i)
	default:
		r.fail(ErrStatus, i)
	}
	return false
}

func (r *Response) reasonEnd(buf []byte) bool {
	i := int(r.pos)
	if i == len(buf) {
		return false
	}
	if buf[i] != '\n' {
		r.fail(ErrLineEnd, i)
		return false
	}
	r.Reason = span(int(r.start), i-1)
	r.Status = int(buf[statusAt]-'0')*100 + int(buf[statusAt+1]-'0')*10 + int(buf[statusAt+2]-'0')
	r.pos++
	r.start = 0
	if !r.minor(buf) {
		return false
	}
	r.state = atLine
	return true
}

// statusAt is where the status begins.
const statusAt = len(version + " ")

// finish settles the framing when all fields are there, in the order of RFC 9112 6.3.
func (r *Response) finish(buf []byte) {
	untilClose := false
	switch {
	case r.Method == "CONNECT" && r.Status/100 == 2: // rule 2
	case r.Method == "HEAD", r.Status/100 == 1, r.Status == 204, r.Status == 304: // rule 1
		r.Length = r.declared(buf)
	default:
		if r.framing(buf, -1); r.state == failed {
			return
		}
		if untilClose = r.Framing == NoBody && r.Length < 0; untilClose { // rule 8
			r.Framing = UntilClose
		}
	}
	r.persistence(buf)
	// Without a body a coding does no harm, but after a 1.0 response the connection closes (6.1).
	if untilClose || r.Minor == 0 && r.seen&(1<<nameTransferEncoding) != 0 {
		r.KeepAlive = false
	}
}

// declared returns the value of a Content-Length that could frame a message, or 0.
func (r *Response) declared(buf []byte) int64 {
	const both = 1<<nameContentLength | 1<<nameTransferEncoding
	if r.seen&both != 1<<nameContentLength {
		return 0
	}
	n, _, e := r.lengthSaid(buf)
	if e != 0 {
		return 0
	}
	return n
}
