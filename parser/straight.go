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
// of up to fifteen bytes and a value of up to thirty take none that depends on its length.
func (s *section) straight(buf []byte, i int, fields []Field) (int, state, []Field) {
	for i >= 4 && len(buf)-i >= 8 && len(fields) < cap(fields) {
		x, y := load64(buf, i), uint64(0)
		if uint8(x) == '\r' {
			break
		}
		room := len(buf) - i
		if room >= 16 {
			y = load64(buf, i+8)
		} else {
			y = load64(buf, len(buf)-8) >> (8 * uint(16-room))
		}
		end, ok := scanLine(buf, i) // does not wait for the colon to be found
		n := firstOf2(zeros(x^':'*ones), zeros(y^':'*ones))
		var id uint32
		if n < 16 {
			id = uint32(nameSlot[nameHash(binary.LittleEndian.Uint32(buf[i+n-4:]), n)])
			row := &nameWord[id%64]
			if (x^row[0].bytes)&row[0].mask|(y^row[1].bytes)&row[1].mask != 0 {
				id = 0
			}
		} else if room >= 32 {
			n += firstOf2(zeros(load64(buf, i+16)^':'*ones), zeros(load64(buf, i+24)^':'*ones))
			if n > maxName {
				break
			}
			id = knownName(buf, i, i+n)
		} else {
			break
		}
		colon := i + n
		// A known name is a token: its bytes need no other look.
		if id == 0 && (n == 0 || scanToken(buf, i) != colon) {
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

// scanLine finds the CRLF that ends the text at buf[i:], a line or what follows text in one. Where ok is
// false there is none, or something else comes before it, and what is before end is text.
func scanLine(buf []byte, i int) (end int, ok bool) {
	for ; i+32 <= len(buf); i += 32 {
		p := (*[32]byte)(buf[i:])
		a, b, c, d := ends(load64(p[:], 0)), ends(load64(p[:], 8)), ends(load64(p[:], 16)), ends(load64(p[:], 24))
		if (a|b|c|d)&highs != 0 {
			i += bits.TrailingZeros64(gather(a) | gather(b)<<8 | gather(c)<<16 | gather(d)<<24)
			return i, crlf(buf, i)
		}
	}
	// The rest is the end of the last 32 bytes. A control just before i can falsely mark a space at i; no
	// line starts with a space, so that does not matter.
	from := len(buf) - 32
	if from < 0 {
		return i, false
	}
	p := (*[32]byte)(buf[from:])
	a, b, c, d := ends(load64(p[:], 0)), ends(load64(p[:], 8)), ends(load64(p[:], 16)), ends(load64(p[:], 24))
	i += bits.TrailingZeros64((gather(a) | gather(b)<<8 | gather(c)<<16 | gather(d)<<24 | 1<<32) >> (i - from))
	return i, crlf(buf, i)
}

func crlf(buf []byte, i int) bool { return i+2 <= len(buf) && string(buf[i:i+2]) == "\r\n" }

// ends marks the first control of x, which sets its high bit in x-0x20 or in x+1. A byte of text after a 0xff
// is marked too, since x+1 carries. That is harmless: scanLine returns !ok, and the slow path decides.
func ends(x uint64) uint64 { return ((x - 0x20*ones) | (x + ones)) &^ x }

// gather makes eight bits of the high bits of the eight bytes of x.
func gather(x uint64) uint64 { return x & highs * 0x0002040810204081 >> 56 }

// firstOf2 returns the byte of the first mark in x, or else y: 16 where there is none.
func firstOf2(x, y uint64) int {
	n, m := bits.TrailingZeros64(x), 64+bits.TrailingZeros64(y)
	if x == 0 {
		n = m
	}
	return n / 8
}

// httpVersion is "HTTP/1.0" as one word; HTTP/1.1 differs in the lowest bit of the last byte.
const httpVersion = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56

// straightLine reads a request line from the start of buf: a method of up to seven capital letters, a
// target, HTTP/1.0 or 1.1. Where that is not what is there it changes nothing.
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
	end, query := scanPath(buf, start)
	if end == start || len(buf)-end < len(" HTTP/1.1\r\n") || buf[end] != ' ' || string(buf[end+9:end+11]) != "\r\n" {
		return
	}
	v := load64(buf, end+1)
	if v&^(1<<56) != httpVersion {
		return
	}
	r.Method, r.Target, r.Query = span(0, n), span(start, end), Span{}
	r.Minor = uint8(v >> 56 & 1)
	if buf[start] != '/' || n == len("CONNECT") && string(buf[:n]) == "CONNECT" {
		if r.target(buf); r.state == failed {
			return
		}
	} else if r.Path = r.Target; query < end {
		r.Path, r.Query = span(start, query), span(query+1, end)
	}
	r.pos, r.state = uint32(end+len(" HTTP/1.1\r\n")), atLine
}

// scanPath does what scanTarget does, and also finds the first "?". Where there is none before end, query is
// not before end.
func scanPath(b []byte, i int) (end, query int) {
	query = len(b)
	for ; i+8 <= len(b); i += 8 {
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
