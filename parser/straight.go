// Straight on: lines that are in the buffer as a whole, without the machine's states.

package parser

import (
	"encoding/binary"
	"math/bits"
)

// The portable path's straight way: lines that lie in the buffer whole and have the common form, read
// eight bytes at a time and without a state. What is not so is left to line and lines, which go on in
// the middle of it, decide, and word the errors.

// straight reads such field lines from buf[i:]. It returns how far it came, and the state that the
// section is in there: atLine, inValue or atEnd.
//
// What costs here is branches that are guessed wrong, since names and values are of any length: a name
// of up to fifteen bytes and a line of up to 32 take none that depends on its length. And it is instructions,
// the checks of bounds among them: the compiler sees that i < len(buf)-32 leaves room for an array of 33 bytes at i.
// Without the capacity in its slice, the window's address would wait for arithmetic that keeps a pointer to an
// empty slice within its array: that costs a browser's head 4 %.
func (s *section) straight(buf []byte, i int, fields []Field) (int, state, []Field) {
	for i >= 4 && len(fields) < cap(fields) {
		var n, end int
		var id uint32
		var ok bool
		if i < len(buf)-32 {
			w := (*window)(buf[i-4 : i+33 : i+33])
			x, y := w.word(0), w.word(1)
			at := firstOf4(unprintable(x), unprintable(y), unprintable(w.word(2)), unprintable(w.word(3)))
			if end, ok = i+at, true; !w.crlf(at) {
				end, ok = scanLine(buf, end)
			}
			if n = firstOf2(colons(x), colons(y)); n < 16 {
				id = shortName(w.before(n), n, x, y)
			} else if n, id = w.longName(); n > maxName {
				break
			}
		} else if len(buf)-i < 8 {
			break
		} else if n, id, end, ok = tail(buf, i); n >= 16 {
			break
		}
		colon := i + n
		// A known name is a token: its bytes need no other look.
		if id == 0 && !unknownName(buf, i, colon) {
			break
		}
		if !ok {
			s.start, s.colon = uint32(i), uint32(colon)
			return end, inValue, fields
		}
		fields = s.add(fields, i, colon, end, id)
		i = end + len("\r\n")
	}
	if crlf(buf, i) {
		return i + 2, atEnd, fields
	}
	return i, atLine, fields
}

// A window is the first 32 bytes of a line, with the four before them and the one after. It is an array so that
// looking at its bytes needs no check of bounds.
type window [4 + 32 + 1]byte

// word returns the line's bytes from 8*k on.
func (w *window) word(k int) uint64 { return binary.LittleEndian.Uint64(w[4+8*(k&3):]) }

// before returns the four bytes before the line's byte n.
func (w *window) before(n int) uint32 { return binary.LittleEndian.Uint32(w[n&31:]) }

// crlf reports whether CRLF is at the line's byte n, the first that is no text. Where there is none n is 32, which stands
// for the line's first bytes here, and they are text.
func (w *window) crlf(n int) bool { return load16(w[:], 4+n&31) == crlfWord }

// longName returns the length of a name of sixteen bytes or more, and its number as a known name, or 0. The length
// is 32 where no colon follows within the window.
func (w *window) longName() (n int, id uint32) {
	z, u := w.word(2), w.word(3)
	n = 16 + firstOf2(colons(z), colons(u))
	if n > maxName {
		return n, 0
	}
	id = shortName(w.before(n), n, w.word(0), w.word(1))
	row := &nameWord[id%64]
	if (z^row[2].bytes)&row[2].mask|(u^row[3].bytes)&row[3].mask != 0 {
		id = 0
	}
	return n, id
}

// shortName returns the number of the known name that is n bytes long, ends in last4, and begins with x and y,
// or 0. What a name has after sixteen bytes is not looked at.
func shortName(last4 uint32, n int, x, y uint64) uint32 {
	id := uint32(nameSlot[nameHash(last4, n)])
	row := &nameWord[id%64]
	if (x^row[0].bytes)&row[0].mask|(y^row[1].bytes)&row[1].mask != 0 {
		id = 0
	}
	return id
}

// tail finds what straight looks for where no window fits: in a line that begins in the last 32 bytes of buf, but not
// in the last seven. It leaves names of sixteen bytes and more, and returns n as 16 then.
func tail(buf []byte, i int) (n int, id uint32, end int, ok bool) {
	x, y := load64(buf, i), uint64(0)
	if room := len(buf) - i; room >= 16 {
		y = load64(buf, i+8)
	} else {
		y = load64(buf, len(buf)-8) >> (8 * uint(16-room))
	}
	if n = firstOf2(colons(x), colons(y)); n < 16 {
		end, ok = scanLast(buf, i)
		id = shortName(load32(buf, i+n-4), n, x, y)
	}
	return n, id, end, ok
}

// unknownName reports whether buf[i:colon] is a token with a colon after it.
func unknownName(buf []byte, i, colon int) bool {
	return i < colon && scanToken(buf, i) == colon && buf[colon] == ':'
}

// scanLine finds the CRLF that ends the text at buf[i:], a line or what follows text in one. Where ok is
// false there is none, or something else comes before it, and what is before end is text.
func scanLine(buf []byte, i int) (end int, ok bool) {
	for ; i >= 0 && i < len(buf)-32; i += 32 {
		p := (*[33]byte)(buf[i:])
		a, b, c, d := load64(p[:], 0), load64(p[:], 8), load64(p[:], 16), load64(p[:], 24)
		at := firstOf4(unprintable(a), unprintable(b), unprintable(c), unprintable(d))
		if at < 32 && load16(p[:], at) != crlfWord {
			at = firstOf4(ends(a), ends(b), ends(c), ends(d))
		}
		if at < 32 {
			return i + at, load16(p[:], at) == crlfWord
		}
	}
	return scanLast(buf, i)
}

// scanLast is scanLine for an i in the last 32 bytes of buf. It takes a byte from 0x80 on for an end that is not CRLF. A
// control just before i can falsely mark a space at i; no line starts with a space, so that does not matter.
func scanLast(buf []byte, i int) (end int, ok bool) {
	from := len(buf) - 32
	if from < 0 {
		return i, false
	}
	p := (*[32]byte)(buf[from:])
	a, b, c, d := unprintable(load64(p[:], 0)), unprintable(load64(p[:], 8)), unprintable(load64(p[:], 16)), unprintable(load64(p[:], 24))
	i += bits.TrailingZeros64((gather(a) | gather(b)<<8 | gather(c)<<16 | gather(d)<<24 | 1<<32) >> (uint(i-from) % 64))
	return i, crlf(buf, i)
}

// crlfWord is CRLF as load16 loads it.
const crlfWord = '\r' | '\n'<<8

func crlf(buf []byte, i int) bool { return i+2 <= len(buf) && string(buf[i:i+2]) == "\r\n" }

// ends marks the first control of x. A byte of text after a 0xff may be marked too, since x+1 carries. That is
// harmless: scanLine returns !ok, and the slow path decides.
func ends(x uint64) uint64 { return unprintable(x) &^ x }

// unprintable marks the first byte of x that is a control, or from 0x80 on: it sets its high bit in x-0x20 or in x+1.
func unprintable(x uint64) uint64 { return (x - 0x20*ones) | (x + ones) }

// gather makes eight bits of the high bits of the eight bytes of x.
func gather(x uint64) uint64 { return x & highs * 0x0002040810204081 >> 56 }

// firstOf2 returns the byte of the first mark in x, or else y: 16 where there is none.
func firstOf2(x, y uint64) int {
	return bits.TrailingZeros32(uint32(gather(x) | gather(y)<<8 | 1<<16))
}

// firstOf4 is firstOf2 for four words: 32 where there is no mark.
func firstOf4(a, b, c, d uint64) int {
	if (a|b|c|d)&highs == 0 {
		return 32
	}
	return bits.TrailingZeros32(uint32(gather(a) | gather(b)<<8 | gather(c)<<16 | gather(d)<<24))
}

// colons marks the first colon of x, or a byte from 0x80 on before it: whoever asks looks at the byte again.
func colons(x uint64) uint64 { return (x ^ ':'*ones) - ones }

// httpVersion is "HTTP/1.0" as one word; HTTP/1.1 differs in the lowest bit of the last byte.
const httpVersion = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56

// straightLine reads a request line from the start of buf: a method of up to seven capital letters, a
// target, HTTP/1.0 or 1.1. It reports whether that is what is there. If not it changes nothing, unless the target is
// an error.
func (r *Request) straightLine(buf []byte) bool {
	if len(buf) < 16 {
		return false
	}
	x := load64(buf, 0)
	n := bits.TrailingZeros64(zeros(x^' '*ones)) / 8
	if n > 7 || n == 0 {
		return false
	}
	x = x<<(8*uint(8-n)%64) | 'A'*ones>>(8*uint(n)%64) // the letters, and others before them
	if (x|(x+(0x7f-'Z')*ones)|^(x+(0x80-'A')*ones))&highs != 0 {
		return false
	}
	start := n + 1
	end, query := scanPath(buf, start)
	if end <= start || end >= len(buf)-10 {
		return false
	}
	rest := (*[len(" HTTP/1.1\r\n")]byte)(buf[end:])
	v := load64(rest[:], 1)
	if rest[0] != ' ' || v&^(1<<56) != httpVersion || load16(rest[:], 9) != crlfWord {
		return false
	}
	r.Method, r.Target, r.Query = span(0, n), span(start, end), Span{}
	r.Minor = uint8(v >> 56 & 1)
	r.pos, r.state = uint32(end+len(rest)), atLine
	if buf[start] != '/' || n == len("CONNECT") && string(buf[:n]) == "CONNECT" {
		r.target(buf)
		return r.state != failed
	}
	if r.Path = span(start, end); query < end {
		r.Path, r.Query = span(start, query), span(query+1, end)
	}
	return true
}

// scanPath does what scanTarget does, and also finds the first "?". Where there is none before end, query is
// not before end.
func scanPath(b []byte, i int) (end, query int) {
	query = len(b)
	for ; i >= 0 && i < len(b)-7; i += 8 {
		x := load64(b, i)
		if m := zeros(x ^ '?'*ones); m != 0 {
			query = min(query, i+bits.TrailingZeros64(m)/8)
		}
		if m := notTargets(x); m != 0 {
			return i + bits.TrailingZeros64(m)/8, query
		}
	}
	return len(b), query
}

// straightLine reads a status line of HTTP/1.0 or 1.1 from the start of buf. Where there is another it changes
// nothing.
func (r *Response) straightLine(buf []byte) {
	if len(buf) < len(statusShape)+len("\r\n") {
		return
	}
	minor, status, ok := commonStatus(buf)
	if !ok {
		return
	}
	end, ok := scanLine(buf, len(statusShape))
	if !ok {
		return
	}
	r.Minor, r.Status, r.Reason = minor, status, span(len(statusShape), end)
	r.pos, r.state = uint32(end+len("\r\n")), atLine
}

// statusShape is how status lines begin.
const statusShape = version + " 000 "

// commonStatus reads that beginning, if it is of HTTP/1.0 or 1.1.
func commonStatus(buf []byte) (minor uint8, status int, ok bool) {
	v := load64(buf, 0)
	if v&^(1<<56) != httpVersion || buf[8] != ' ' || buf[12] != ' ' ||
		buf[9] == '0' || !is(buf[9], isDigit) || !is(buf[10], isDigit) || !is(buf[11], isDigit) {
		return 0, 0, false
	}
	return uint8(v >> 56 & 1), int(buf[9]-'0')*100 + int(buf[10]-'0')*10 + int(buf[11]-'0'), true
}
