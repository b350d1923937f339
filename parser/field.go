// Fields: where a line's name and value are in the buffer.

package parser

// A Span is a run of bytes within a buffer, as an offset: it stays true when the buffer is
// moved or grown. Spans of a head count from the start of the buffer that was given to Parse.
type Span struct{ Off, Len uint32 }

// Of returns the bytes of the span, and nil for the zero Span, which is that of what is not there. They
// are the caller's buffer, not a copy.
func (s Span) Of(buf []byte) []byte {
	if s.Off|s.Len == 0 {
		return nil
	}
	return buf[s.Off : s.Off+s.Len : s.Off+s.Len]
}

func span(from, to int) Span { return Span{uint32(from), uint32(to - from)} }

// A Field is one field line of a head or a trailer section. It holds no pointers; its bytes are
// reached through the buffer that was parsed.
type Field struct {
	start, colon uint32 // where the name begins, and ends
	next         uint32 // where the next line begins, after CRLF
	name         uint32 // of a known name, see names.go; 0: not a known one
}

// Name returns the field's name as it was sent, in whatever case.
func (f Field) Name(buf []byte) []byte { return buf[f.start:f.colon:f.colon] }

// Value returns the field's value without the whitespace around it (RFC 9112 5.1).
func (f Field) Value(buf []byte) []byte {
	v := f.value(buf)
	return v.Of(buf)
}

// unfold makes one line of a field that has several: in place of each line's end, and the whitespace around it,
// there is one space, and in front of the value as much as is left over (RFC 9112 5.2).
func (f Field) unfold(buf []byte) {
	from, end := int(f.colon)+1, int(f.next)-len("\r\n")
	to := end
	for i := end; i > from; {
		if buf[i-1] != '\n' {
			i--
			to--
			buf[to] = buf[i]
			continue
		}
		for to < end && isWhite(buf[to]) {
			to++
		}
		for i -= len("\r\n"); i > from && isWhite(buf[i-1]); {
			i--
		}
		to--
		buf[to] = ' '
	}
	for i := from; i < to; i++ {
		buf[i] = ' '
	}
}

func isWhite(c byte) bool { return c == ' ' || c == '\t' }

func (f Field) value(buf []byte) Span {
	from, to := int(f.colon)+1, int(f.next)-len("\r\n")
	for from < to && buf[from] <= ' ' { // no other byte of a value is as low as SP and HTAB
		from++
	}
	for from < to && buf[to-1] <= ' ' {
		to--
	}
	return span(from, to)
}
