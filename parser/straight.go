package parser

import "math/bits"

// The portable path's straight way: lines that lie in the buffer whole and have the common form, read
// eight bytes at a time and without a state. What is not so is left to line and lines, which go on in
// the middle of it, decide, and word the errors.

// straight reads such field lines from buf[i:]. It returns how far it came, and the state that the
// section is in there: atLine or inValue.
func (s *section) straight(buf []byte, i int, fields []Field) (int, state, []Field) {
	for len(buf)-i >= 8 && len(fields) < cap(fields) {
		x := load64(buf, i)
		if uint8(x) == '\r' {
			break
		}
		n := 0
		hit := zeros(x ^ ':'*ones)
		for hit == 0 {
			if n += 8; n > maxName || len(buf)-i-n < 8 {
				return i, atLine, fields
			}
			hit = zeros(load64(buf, i+n) ^ ':'*ones)
		}
		n += bits.TrailingZeros64(hit) / 8
		colon := i + n
		if n == 0 {
			break
		}

		id := knownName(buf, i, colon) // that is a token: its bytes need no other look
		if id == 0 && scanToken(buf[:colon], i) != colon {
			break
		}
		end, ok := scanLine(buf, colon+1)
		if !ok {
			s.start, s.colon = uint32(i), uint32(colon)
			return end, inValue, fields
		}
		fields = s.add(fields, i, colon, end, id)
		i = end + len("\r\n")
	}
	return i, atLine, fields
}

// scanLine finds the CRLF that ends the text at buf[i:]. Where ok is false there is none, or something
// else comes before it, and what is before i is text.
func scanLine(buf []byte, i int) (end int, ok bool) {
	// A byte of a control sets its high bit in x-0x20 or x+1. So does one of text behind a 0xff, from
	// which x+1 carries: then ok is false for no harm.
	const low = 0x20 * ones
	for ; i+16 <= len(buf); i += 16 {
		x, y := load64(buf, i), load64(buf, i+8)
		hx, hy := ((x-low)|(x+ones))&^x&highs, ((y-low)|(y+ones))&^y&highs
		if hx|hy == 0 {
			continue
		}
		if hx == 0 {
			i, hx = i+8, hy
		}
		i += bits.TrailingZeros64(hx) / 8
		return i, i+1 < len(buf) && buf[i] == '\r' && buf[i+1] == '\n'
	}
	for i < len(buf) && buf[i] >= 0x20 && buf[i] != 0x7f {
		i++
	}
	return i, i+1 < len(buf) && buf[i] == '\r' && buf[i+1] == '\n'
}

// httpVersion is "HTTP/1.0" as one word; HTTP/1.1 differs in the lowest bit of the last byte.
const httpVersion = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56

// straightLine reads a request line from the start of buf: a method of up to seven capital letters, a
// target, HTTP/1.0 or 1.1. Otherwise it changes nothing.
func (r *Request) straightLine(buf []byte) {
	if len(buf) < 16 {
		return
	}
	x := load64(buf, 0)
	n := bits.TrailingZeros64(zeros(x^' '*ones)) / 8
	if n > 7 || n == 0 {
		return
	}
	x = x<<(8*uint(8-n)) | 'A'*ones>>(8*uint(n)) // the letters, and others before them
	if (x|(x+(0x7f-'Z')*ones)|^(x+(0x80-'A')*ones))&highs != 0 {
		return
	}
	start := n + 1
	i := scanTarget(buf, start)
	if i == start || len(buf)-i < len(" HTTP/1.1\r\n") || buf[i] != ' ' || string(buf[i+9:i+11]) != "\r\n" {
		return
	}
	v := load64(buf, i+1)
	if v&^(1<<56) != httpVersion {
		return
	}
	r.Method, r.Target = span(0, n), span(start, i)
	r.Minor = uint8(v >> 56 & 1)
	r.target(buf)
	if r.state != failed {
		r.pos, r.state = uint32(i+len(" HTTP/1.1\r\n")), atLine
	}
}
