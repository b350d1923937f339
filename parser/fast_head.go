//go:build (amd64 || arm64) && !purego

// The assembly's Go side: what it is given, and what is done with what it found.

package parser

const (
	fastLeast = 17   // bytes of input that make a try worth its call
	fastAgain = 64   // and of more input, in the middle of a head
	fastSlack = 64   // bytes past the input's end that fastHead may read
	fastCopy  = 512  // bytes of input that it copies at most, where it may not read past the end: the frame is one of 576
	page      = 4096 // or a multiple
	fastHost  = 32   // bytes of a Host that it checks
)

// What fastHead is given.
const (
	ofSection  = iota // lines, from s.pos on; the start of the field that comes next is noted already
	ofRequest         // a request's first byte; s is part of a Request
	ofResponse        // a response's; its first line is left to the caller
)

// What fastHead leaves to its caller: leftUndone, or some of the others.
const (
	leftUndone  = -1     // all: nothing has changed but storage that is not in use
	leftHost    = 1 << 0 // a Host that is longer than fastHost is to be checked
	leftFraming = 1 << 1 // fields that frame the message, or upgrade it
	leftAll     = 1 << 2 // what follows from the fields, and from a target that is not the origin-form
	leftLines   = 1 << 3 // the section goes on after the last whole line
)

// fastLines is lines for input that begins at the start of a line, s.pos. It reads whole lines only.
func (s *section) fastLines(buf []byte, fields []Field) []Field {
	have := len(fields)
	if have == cap(fields) || s.pos < 4 { // fastHead reads four bytes before the colon
		return fields
	}
	fields[:have+1][have].start = s.pos
	fastHead(s, &fields, buf, ofSection)
	return fields
}

// fastStart reports whether the fast path is to be tried on buf: at the first byte of a message, if it is not
// too short to be worth it.
func (h *Head) fastStart(buf []byte) bool {
	return h.state == atStart && len(buf) >= fastLeast && int(h.pos)|len(h.Fields) == 0 && !h.plain
}

// fastRest does what fastHead has left, and reports whether the head is whole and valid. If not, the routine
// came to the end of a line, or nothing has changed, or an error of the whole head was found.
func (r *Request) fastRest(buf []byte, left int) bool {
	if left&leftHost != 0 && authority(r.Host.Of(buf), false) >= 0 {
		left = leftAll // it may have more whitespace around it
	}
	if left >= leftAll {
		if !r.fastTarget(buf) || left == leftLines {
			return false
		}
		r.KeepAlive = false
		r.finish(buf)
		return r.state == atEnd
	}
	if left&leftFraming != 0 {
		const rare = 1<<nameTransferEncoding | 1<<nameUpgrade | 1<<nameExpect
		if r.seen&rare == 0 {
			r.contentLength(buf)
		} else if r.framing(buf, 0); r.state != failed {
			r.persistence(buf)
		}
	}
	r.KeepAlive = r.KeepAlive && r.state != failed
	return r.state != failed
}

// fastTarget calls target where the target may not be of the origin-form.
func (r *Request) fastTarget(buf []byte) bool {
	r.Host = Span{}
	if buf[r.Target.Off] == '/' && string(r.Method.Of(buf)) != "CONNECT" {
		return true
	}
	state := r.state
	if r.target(buf); r.state == failed {
		r.Reset() // the portable path finds the same, before there are fields
		return false
	}
	r.state = state
	return true
}

// fast reads a response from its first byte, and reports what fastRest does.
func (r *Response) fast(buf []byte) bool {
	minor, status, ok := commonStatus(buf)
	if !ok {
		return false
	}
	left := fastHead(&r.section, &r.Fields, within(buf, r.MaxSize), ofResponse)
	if left < 0 {
		return false
	}
	line := int(r.pos) - 2
	if len(r.Fields) > 0 {
		line = int(r.Fields[0].start) - 2
	} else if left == 0 {
		line -= 2
	}
	if line < len(statusShape) || buf[line] != '\r' || buf[line+1] != '\n' {
		r.Fields = r.Fields[:0]
		r.seen, r.twice, r.pos, r.state = 0, 0, 0, atStart
		return false
	}
	r.Minor, r.Status, r.Reason = minor, status, span(len(statusShape), line)
	if left == 0 {
		r.finish(buf)
	}
	return r.state == atEnd
}
