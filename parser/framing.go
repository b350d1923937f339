// Framing: where the body ends and whether the connection goes on, from the fields.

package parser

// framing settles how long the body is (RFC 9112 6). It runs once, when the head is whole. length is that
// of a message without Content-Length.
func (h *Head) framing(buf []byte, length int64) {
	h.Framing, h.Length = NoBody, length

	const both = 1<<nameContentLength | 1<<nameTransferEncoding
	if h.seen&both != 0 {
		h.framed(buf)
	}
}

// framed is framing for a message that has one of the fields that say something about it. It is apart so that the
// compiler can inline framing, as options is.
func (h *Head) framed(buf []byte) {
	const both = 1<<nameContentLength | 1<<nameTransferEncoding
	switch h.seen & both {
	case both: // 9112 6.1: the mark of request smuggling
		f, _ := h.find(h.Fields, nameTransferEncoding)
		h.fail(ErrBothFraming, int(f.start))
		return
	case 1 << nameContentLength:
		h.contentLength(buf)
	default:
		h.transferEncoding(buf)
	}
}

// persistence settles what becomes of the connection (RFC 9112 9.3, RFC 9110 7.8).
func (h *Head) persistence(buf []byte) {
	h.KeepAlive = h.Minor > 0
	const about = 1<<nameConnection | 1<<nameUpgrade | 1<<nameExpect
	if h.seen&about != 0 {
		h.options(buf)
	}
}

// options is persistence for a message that has one of the fields that say something about it.
func (h *Head) options(buf []byte) {
	o := h.connection(buf)
	h.KeepAlive = o&optClose == 0 && (h.Minor > 0 || o&optKeepAlive != 0)
	if h.Minor > 0 && h.seen&(1<<nameUpgrade|1<<nameExpect) != 0 {
		h.Upgrade = o&optUpgrade != 0 && h.seen&(1<<nameUpgrade) != 0
		h.Expect = h.seen&(1<<nameExpect) != 0
	}
}

// contentLength reads 1*DIGIT.
func (h *Head) contentLength(buf []byte) {
	n, at, e := h.lengthSaid(buf)
	if e != 0 {
		h.fail(e, at)
		return
	}
	h.Length = n
	if n > 0 {
		h.Framing = Sized
	}
}

// lengthSaid returns what Content-Length says, or the error and the line to blame. Two lines are refused even
// when they agree, unless they are to be repaired (9112 6.3).
func (h *Head) lengthSaid(buf []byte) (n int64, at int, e Error) {
	f, _ := h.find(h.Fields, nameContentLength)
	twice := h.twice&(1<<nameContentLength) != 0
	if !twice {
		if n, ok := decimal(buf, f.value(buf)); ok {
			return n, 0, 0
		}
	}
	if h.repair {
		if n, ok := h.lengthAgreed(buf); ok {
			return n, 0, 0
		}
	}
	if twice {
		return 0, int(f.start), ErrLengthTwice
	}
	return 0, int(f.start), ErrLength
}

// lengthAgreed returns the value that all elements of all Content-Length lines have.
func (h *Head) lengthAgreed(buf []byte) (n int64, ok bool) {
	var first []byte
	for _, f := range h.Fields {
		if f.name != nameContentLength {
			continue
		}
		for more, v := true, f.Value(buf); more; {
			var e []byte
			e, v, more = element(v)
			if first == nil {
				first = e
			}
			if len(e) == 0 || string(e) != string(first) {
				return 0, false
			}
		}
	}
	for _, c := range first {
		d := uint64(c - '0')
		if d > 9 || uint64(n) > (1<<63-1-d)/10 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, first != nil
}

// decimal reads 1*DIGIT that fits an int64, from a field's value: there are more than eight bytes
// before its end.
func decimal(buf []byte, v Span) (int64, bool) {
	if v.Len-1 < 8 {
		// Up to eight digits at once: the bytes before them are made zeros, then tens are added to
		// units, hundreds to those, and so on.
		x := (load64(buf, int(v.Off+v.Len)-8) ^ '0'*ones) &^ (1<<(64-8*v.Len) - 1)
		if (x+(0x80-10)*ones|x)&highs != 0 {
			return 0, false
		}
		const two = 0xff | 0xff<<32
		x = x*10 + x>>8
		return int64(uint32((x&two*(100+1000000<<32) + x>>16&two*(1+10000<<32)) >> 32)), true
	}
	var n uint64
	for _, c := range v.Of(buf) {
		d := uint64(c - '0')
		if d > 9 || n > (1<<63-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return int64(n), v.Len > 0
}

// transferEncoding takes one thing only: chunked, once, alone, without parameters. RFC 9110 5.6.1.2 would
// have empty elements of the list ignored. They are refused, since no sender has a reason for them, and
// implementations differ in what they make of "chunked," and of an empty line beside another.
func (h *Head) transferEncoding(buf []byte) {
	at := -1 // the line to blame
	chunked, after, odd, other := 0, false, false, false
	for _, f := range h.Fields {
		if f.name != nameTransferEncoding {
			continue
		}
		if at < 0 {
			at = int(f.start)
		}
		for more, v := true, f.Value(buf); more; {
			var e []byte
			e, v, more = element(v)
			n := scanToken(e, 0)
			switch {
			case len(e) == 0:
				odd = true
			case equalFold(e[:n], "chunked"):
				chunked++
				after = false
				odd = odd || n != len(e) // 9112 7.1: parameters on chunked are an error
			default:
				other = true
				after = true
			}
		}
	}
	switch {
	case h.Minor == 0: // 9112 6.1
		h.fail(ErrCodingMinor, at)
	case chunked > 1, odd, chunked == 1 && after, chunked == 0 && !other:
		h.fail(ErrCoding, at)
	case other:
		h.fail(ErrCodingOther, at)
	default:
		h.Framing, h.Length = Chunked, -1
	}
}

const (
	optClose = 1 << iota
	optKeepAlive
	optUpgrade
)

// connection collects the options of every Connection line that matter here (9110 7.6.1).
func (h *Head) connection(buf []byte) (opts uint8) {
	f, ok := h.find(h.Fields, nameConnection)
	if !ok {
		return 0
	}
	if h.twice&(1<<nameConnection) == 0 {
		if opts = loneOption(buf, f); opts != 0 {
			return opts
		}
	}
	for _, f := range h.Fields {
		if f.name != nameConnection {
			continue
		}
		for more, v := true, f.Value(buf); more; {
			var e []byte
			e, v, more = element(v)
			switch {
			case equalFold(e, "close"):
				opts |= optClose
			case equalFold(e, "keep-alive"):
				opts |= optKeepAlive
			case equalFold(e, "upgrade"):
				opts |= optUpgrade
			}
		}
	}
	return opts
}

// loneOption is for the two lines that nearly every Connection is, with one SP before the value and none after it,
// and 0 for others. It looks at both without a branch between them. The head is whole: there are four bytes after
// the value.
func loneOption(buf []byte, f Field) uint8 {
	v := buf[f.colon+1:]
	n := int(f.next-f.colon) - len(": \r\n")
	if n < len("close") || v[0] != ' ' {
		return 0
	}
	const keepAli, live, clos, lose = 0x696c612d7065656b, 0x6576696c, 0x736f6c63, 0x65736f6c // first byte lowest
	from, to := load64(v, 1)|spaces<<32|spaces, load32(v, n-3)|spaces
	keepAlive := (from ^ keepAli) | uint64(to^live) | uint64(n^len("keep-alive"))
	closes := uint64(uint32(from)^clos) | uint64(to^lose) | uint64(n^len("close"))
	if min(keepAlive, closes) != 0 {
		return 0
	}
	opt := uint(optKeepAlive) // of a word's size: this becomes a conditional move
	if closes == 0 {
		opt = optClose
	}
	return uint8(opt)
}

// element cuts the first element off a comma-separated list, without the whitespace around it. more
// reports whether a comma follows it, and so another element.
func element(v []byte) (e, rest []byte, more bool) {
	n := 0
	for n < len(v) && v[n] != ',' {
		n++
	}
	e = v[:n]
	if n < len(v) {
		rest, more = v[n+1:], true
	}
	for len(e) > 0 && (e[0] == ' ' || e[0] == '\t') {
		e = e[1:]
	}
	for len(e) > 0 && (e[len(e)-1] == ' ' || e[len(e)-1] == '\t') {
		e = e[:len(e)-1]
	}
	return e, rest, more
}
