// Sections: field lines as a machine that stops and goes on at any byte.

package parser

// section is the state of a run of field lines, ended by an empty line: what is left to be done
// when the input ends at any byte. A head is a first line and a section; a trailer is a section.
//
//	section    = *( field-line ) CRLF
//	field-line = name ":" value CRLF
//	name       = 1*tchar
//	value      = *( HTAB / SP / VCHAR / obs-text )    ; OWS is trimmed when it is asked for
type section struct {
	pos    uint32 // the first byte not yet looked at
	start  uint32 // where the line, or the token, being read began
	colon  uint32
	errOff uint32
	seen   uint64 // known names that are here
	twice  uint64 // and those that are here more than once
	state  state
	err    Error
	repair bool       // see Response.Repair
	folded bool       // the last field has more than one line, and what is read now belongs to it
	plain  bool       // without the fast path, see fast_amd64.s: for tests
	first  [64]uint16 // known name -> its field; true where seen, and not twice
}

type state uint8

const (
	// The first line of a request,
	atStart state = iota
	inEmptyLine
	inMethod
	inTarget
	inVersion
	inLineEnd
	// the first line of a response,
	inStatusVersion
	inStatus
	inReason
	inReasonEnd
	// a section,
	atLine
	inName
	inValue
	inValueEnd
	inSectionEnd
	// and where it ends.
	atEnd
	failed
)

// result returns what Parse does.
func (s *section) result() (n int, err error) {
	switch s.state {
	case atEnd:
		return int(s.pos), nil
	case failed:
		return 0, s.err
	}
	return 0, nil
}

func (s *section) fail(e Error, at int) {
	s.state, s.err, s.errOff = failed, e, uint32(at)
}

// inRun are the bytes that leave a state what it is.
var inRun = [failed + 1]uint8{inTarget: isTarget, inReason: isText, inName: isToken, inValue: isText}

// goOn returns what there is to read: in is buf, or as much of it as max allows, and full reports that no more
// will be read. ok is false where nothing is left to do: at the end, after an error, and where what is new
// only goes on with what the last call ended in.
func (s *section) goOn(buf []byte, max int) (in []byte, full, ok bool) {
	if s.state >= atEnd {
		return nil, false, false
	}
	if s.state == atStart && max == 0 && len(buf) < DefaultMaxSize { // the usual case, without arithmetic
		return buf, false, true
	}
	limit := sizeOf(max)
	if s.state != atStart && len(buf) < limit && s.onlyGoesOn(buf) {
		return nil, false, false
	}
	return buf[:min(len(buf), limit)], len(buf) >= limit, true
}

// onlyGoesOn reports whether what is new in buf, a few bytes, only goes on with what the last call ended
// in. This is for input that drips: it saves all other work for the ends of names and lines.
func (s *section) onlyGoesOn(buf []byte) bool {
	i, set := int(s.pos), inRun[s.state]
	if len(buf)-i >= 8 {
		if set != isText {
			return false
		}
		for i+8 <= len(buf) && controls(load64(buf, i), 0x20) == 0 {
			i += 8
		}
	}
	for i < len(buf) && is(buf[i], set) {
		i++
	}
	s.pos = uint32(i)
	return i == len(buf)
}

// after returns the state that follows the byte c. This is all of the grammar of field lines: lines asks it
// where a scan has ended, and Body for each byte of a trailer section that it skips.
func (st state) after(c byte) (state, Error) {
	switch st {
	case atLine:
		switch {
		case is(c, isToken):
			return inName, 0
		case c == '\r':
			return inSectionEnd, 0
		case c == ' ' || c == '\t': // 9112 2.2 and 5.2
			return st, ErrFold
		}
		return st, ErrName
	case inName:
		switch {
		case c == ':':
			return inValue, 0
		case is(c, isToken):
			return st, 0
		}
		return st, ErrName // 9112 5.1: not even whitespace
	case inValue:
		switch {
		case c == '\r':
			return inValueEnd, 0
		case is(c, isText):
			return st, 0
		case c == '\n':
			return st, ErrLineEnd
		}
		return st, ErrValue
	case inValueEnd, inSectionEnd:
		switch {
		case c != '\n':
			return st, ErrLineEnd
		case st == inSectionEnd:
			return atEnd, 0
		}
		return atLine, 0
	}
	return st, 0
}

// lines reads field lines from where the last call stopped, until the section ends, an error,
// or the end of buf. It appends to fields, whose capacity is the limit.
func (s *section) lines(buf []byte, fields []Field) []Field {
	if s.state < atLine {
		return fields
	}
	i, st := int(s.pos), s.state
	fast := hasFast && !s.plain             // once: what it leaves it would leave again
	if st == atLine && !fast && !s.folded { // the usual case: often this is all there is to do
		i, st, fields = s.straight(buf, i, fields)
	}
	for st < atEnd {
		switch st {
		case atLine:
			if s.folded && i < len(buf) && !isWhite(buf[i]) {
				fields[len(fields)-1].unfold(buf)
				s.folded = false
			}
			if fast && len(buf)-i >= fastAgain {
				fast = false
				s.pos, s.state = uint32(i), st
				fields = s.fastLines(buf, fields)
				i, st = int(s.pos), s.state
				continue
			}
			if i, st, fields = s.straight(buf, i, fields); st != atLine {
				continue
			}
		case inName:
			i = scanToken(buf, i)
		case inValue:
			i = scanText(buf, i)
		}
		if i == len(buf) {
			break
		}
		next, e := st.after(buf[i])
		if e == ErrFold && s.repair && len(fields) > 0 {
			s.folded = true
			i, st = i+1, inValue
			continue
		}
		if st == atLine && next == inName && len(fields) == cap(fields) {
			e = ErrFields
		}
		if e != 0 {
			s.fail(e, i)
			return fields
		}
		fields = s.note(buf, fields, i, st, next)
		i, st = i+1, next
	}
	s.pos, s.state = uint32(i), st
	return fields
}

// note notes what of a line is at i, where its reading goes from one state to the next.
// It appends the line when that is whole.
func (s *section) note(buf []byte, fields []Field, i int, st, next state) []Field {
	switch {
	case st == atLine:
		s.start = uint32(i)
	case next == inValue:
		s.colon = uint32(i)
	case next == atLine && s.folded:
		fields[len(fields)-1].next = uint32(i + 1)
	case next == atLine:
		id := knownName(buf, int(s.start), int(s.colon))
		return s.add(fields, int(s.start), int(s.colon), i-1, id)
	}
	return fields
}

// add appends a line, whose CRLF is at end.
func (s *section) add(fields []Field, start, colon, end int, id uint32) []Field {
	n := len(fields)
	fields = fields[:n+1]
	fields[n] = Field{uint32(start), uint32(colon), uint32(end + len("\r\n")), id}
	bit := uint64(1) << (id % 64)
	s.twice |= s.seen & bit
	s.seen |= bit
	s.first[id%64] = uint16(n)
	return fields
}

// find returns the first field of a known name.
func (s *section) find(fields []Field, id uint32) (Field, bool) {
	bit := uint64(1) << (id % 64)
	if s.seen&bit == 0 {
		return Field{}, false
	}
	if s.twice&bit == 0 {
		if k := int(s.first[id%64]); k < len(fields) && fields[k].name == id {
			return fields[k], true
		}
	}
	for _, f := range fields {
		if f.name == id {
			return f, true
		}
	}
	return Field{}, false
}

// get returns the first value of the field called name.
func (s *section) get(buf []byte, fields []Field, name string) []byte {
	if id := knownString(name); id != 0 {
		if f, ok := s.find(fields, id); ok {
			return f.Value(buf)
		}
		return nil
	}
	for _, f := range fields {
		if f.name == 0 && int(f.colon-f.start) == len(name) && equalFold(f.Name(buf), name) {
			return f.Value(buf)
		}
	}
	return nil
}
