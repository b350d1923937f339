// Response: the status line, and what framing its request and status leave.

package parser

// Response is the head of a response. The zero value with storage for Fields is ready for use, as
// is any after Reset. A Response is used by one goroutine at a time.
type Response struct {
	Head
	// Method is the method of the request that is answered; the empty string stands for any that
	// is neither HEAD nor CONNECT. The caller sets it before each message, since the framing of
	// a response depends on it (RFC 9112 6.3); Reset forgets it.
	Method string
	Status int  // three digits; a class above 5 is the caller's to judge (RFC 9110 15)
	Reason Span // may be empty
}

// Reset makes r ready for the next message. The storage of Fields and MaxSize are kept.
func (r *Response) Reset() {
	r.reset()
	r.Method, r.Status, r.Reason = "", 0, Span{}
}

// Parse reads a response's head from the start of buf, with the contract of Request.Parse.
//
// A response to HEAD, any with status 1xx, 204 or 304, and a 2xx to CONNECT have no body, whatever
// their fields say. After a 2xx to CONNECT and after a 101 the connection's bytes are no longer
// HTTP; after any other 1xx the response proper follows (Reset, and Parse again).
func (r *Response) Parse(buf []byte) (n int, err error) {
	if hasFast && r.state == atStart && r.fast(buf) {
		return int(r.pos), nil
	}
	if r.state < atEnd {
		limit := r.limit()
		if r.state != atStart && len(buf) < limit && r.goesOn(buf) {
			return 0, nil
		}
		in := buf[:min(len(buf), limit)]
		if r.state == atStart {
			r.straightLine(in)
		}
		if r.state < atLine {
			r.line(in)
		}
		if r.state >= atLine && r.state < atEnd {
			r.Fields = r.lines(in, r.Fields)
			if r.state == atEnd {
				r.finish(buf)
			}
		}
		if r.state < atEnd && len(in) == limit {
			r.fail(ErrHeadLarge, limit)
		}
	}
	return r.result()
}

// line reads
//
//	HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF
//
// as far as buf goes (RFC 9112 4). The second SP is there even when the reason is not.
func (r *Response) line(buf []byte) {
	i, st := int(r.pos), r.state
	for {
		switch st {
		case atStart:
			st = inStatusVersion
			fallthrough

		case inStatusVersion:
			var bad bool
			if i, bad = scanVersion(buf, i, 0); bad {
				r.fail(ErrVersion, i)
				return
			}
			if i < len(version) {
				r.pos, r.state = uint32(i), inStatusVersion
				return
			}
			fallthrough

		case inStatus:
			const shape = version + " 000 "
			for ; i < len(shape); i++ {
				if i == len(buf) {
					r.pos, r.state = uint32(i), inStatus
					return
				}
				c := buf[i]
				if digit := shape[i] == '0'; digit != is(c, isDigit) || !digit && c != ' ' {
					r.fail(ErrStatus, i)
					return
				}
			}
			r.start = uint32(i)
			fallthrough

		case inReason:
			i = scanText(buf, i)
			if i == len(buf) {
				r.pos, r.state = uint32(i), inReason
				return
			}
			if c := buf[i]; c == '\n' {
				r.fail(ErrLineEnd, i)
				return
			} else if c != '\r' {
				r.fail(ErrStatus, i)
				return
			}
			i++
			fallthrough

		case inReasonEnd:
			if i == len(buf) {
				r.pos, r.state = uint32(i), inReasonEnd
				return
			}
			if buf[i] != '\n' {
				r.fail(ErrLineEnd, i)
				return
			}
			from := int(r.start)
			r.Reason = span(from, i-1)
			r.Status = int(buf[from-4]-'0')*100 + int(buf[from-3]-'0')*10 + int(buf[from-2]-'0')
			r.pos = uint32(i + 1)
			r.start = 0
			if r.minor(buf) {
				r.state = atLine
			}
			return

		default:
			return
		}
	}
}

// finish settles the framing when all fields are there (RFC 9112 6.3, its list's order).
func (r *Response) finish(buf []byte) {
	tunnel := r.Method == "CONNECT" && r.Status/100 == 2
	var ignore uint64
	if tunnel {
		ignore = 1<<nameContentLength | 1<<nameTransferEncoding
	}
	r.framing(buf, -1, ignore)
	if r.state == failed {
		return
	}
	switch {
	case tunnel, r.Method == "HEAD", r.Status/100 == 1, r.Status == 204, r.Status == 304:
		r.Framing = NoBody
		r.Length = max(r.Length, 0)
	case r.Length < 0 && r.Framing == NoBody:
		r.Framing = UntilClose
		r.KeepAlive = false
	}
}
