//go:build !purego

package parser

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// hasFast says that this processor runs headAVX2.
var hasFast = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

const (
	fastLeast = 24 // bytes of input that make a try worth its call
	fastAgain = 64 // and of more input, in the middle of a head
	fastSlack = 64 // bytes behind the input that headAVX2 may read
)

// headAVX2 reads lines of buf, as far as the end of the section or the last whole line, into
// fields. See fast_amd64.s for how.
//
//	from, next   where to start; the first line end found is followed by fields[next]
//	n, stop      the input's length, and where no block of 64 bytes may begin any more
//	have, room   the first of fields to be filled in, and how many there can be
//	request      buf begins with a request line
//
// It returns count < 0 where it does not want to decide; nothing has changed then but storage that
// is not in use. Else there are count fields, and end is where the next line begins, or with whole
// the end of the section. Of a request line it has found the method's length and the first "?",
// and of Host's value the length of what is a reg-name without "%".
//
//go:noescape
func headAVX2(s *section, t *tables, buf *byte, fields *Field, from, n, stop, have, next, room int, request bool) (count, end int, whole bool, method, query, host int)

// readable returns n and stop for buf. Reading behind the input is harmless where the slice has the
// capacity, or where what follows is on the page of buf's last byte; and what is found there does
// not matter. Where there is no room the last bytes are left to the portable path.
func readable(buf []byte) (n, stop int) {
	const page = 4096 // or a multiple
	n = len(buf)
	last := uintptr(unsafe.Pointer(unsafe.SliceData(buf))) + uintptr(n-1)
	if cap(buf)-n >= fastSlack || last%page+fastSlack < page {
		return n, n
	}
	return max(n-fastSlack, 0), max(n-fastSlack+1, 0)
}

// fastLines is lines for input that begins at the start of a line, s.pos. It reads whole lines only.
func (s *section) fastLines(buf []byte, fields []Field) []Field {
	have, from := len(fields), int(s.pos)
	if have == cap(fields) {
		return fields
	}
	n, stop := readable(buf)
	fields[:have+1][have].start = s.pos
	count, end, whole, _, _, _ := headAVX2(s, &fast, unsafe.SliceData(buf), unsafe.SliceData(fields),
		from, n, stop, have, have+1, cap(fields), false)
	if count < 0 {
		return fields
	}
	s.pos = uint32(end)
	if whole {
		s.state = atEnd
	}
	return fields[:count]
}

// fast reads a request from its first byte. Either it comes to the end of a line, or nothing has
// changed.
func (r *Request) fast(buf []byte) {
	n, stop := readable(buf)
	count, end, whole, method, query, host := headAVX2(&r.section, &fast, unsafe.SliceData(buf), unsafe.SliceData(r.Fields),
		0, n, stop, 0, 0, cap(r.Fields), true)
	if count < 0 {
		return
	}
	at := firstLine(r.Fields, count, end, whole) - len(version)
	v := load64(buf, at)
	r.Method, r.Target = span(0, method), span(method+1, at-1)
	r.Minor = uint8(v >> 56 & 1)
	if t := r.Target.Of(buf); t[0] == '/' && (method != len("CONNECT") || string(buf[:method]) != "CONNECT") {
		r.Path, r.Query = r.Target, Span{}
		if query < at-1 {
			r.Path, r.Query = span(method+1, query), span(query+1, at-1)
		}
	} else if r.target(buf); r.state == failed {
		// The portable path finds the same error, with no fields around it.
		r.Reset()
		return
	}
	r.Fields = r.Fields[:count]
	r.pos = uint32(end)
	r.state = atLine
	if whole {
		r.state = atEnd
		r.fastFinish(buf, host)
	}
}

// fastFinish is finish, with the length of the reg-name that Host's value begins with.
func (r *Request) fastFinish(buf []byte, host int) {
	const once = 1 << nameHost
	var f Field
	if r.seen&once != 0 && r.twice&once == 0 {
		f = r.Fields[r.first[nameHost]]
	}
	if f.name != nameHost {
		r.finish(buf)
		return
	}
	from, to := int(f.colon)+1, int(f.end)
	if buf[from] == ' ' {
		from++
	}
	if host == 0 || from+host != to && !shortPort(buf[from+host:to]) {
		r.finish(buf)
		return
	}
	if r.Host.Len == 0 {
		r.Host = span(from, to)
	}
	r.framing(buf, 0, 0)
}

// fast reads a response from its first byte, with the contract of Request.fast.
func (r *Response) fast(buf []byte) {
	const shape = version + " 000 "
	v := load64(buf, 0)
	if v&^(1<<56) != httpVersion || buf[8] != ' ' || buf[12] != ' ' ||
		!is(buf[9], isDigit) || !is(buf[10], isDigit) || !is(buf[11], isDigit) {
		return
	}
	n, stop := readable(buf)
	count, end, whole, _, _, _ := headAVX2(&r.section, &fast, unsafe.SliceData(buf), unsafe.SliceData(r.Fields),
		0, n, stop, 0, 0, cap(r.Fields), false)
	if count < 0 {
		return
	}
	line := firstLine(r.Fields, count, end, whole)
	if line < len(shape) || buf[line] != '\r' || buf[line+1] != '\n' {
		r.seen, r.twice = 0, 0
		return
	}
	r.Minor = uint8(v >> 56 & 1)
	r.Status = int(buf[9]-'0')*100 + int(buf[10]-'0')*10 + int(buf[11]-'0')
	r.Reason = span(len(shape), line)
	r.Fields = r.Fields[:count]
	r.pos = uint32(end)
	r.state = atLine
	if whole {
		r.state = atEnd
	}
}

const httpVersion = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56

// firstLine returns where the CR of a first line is that headAVX2 has read.
func firstLine(fields []Field, count, end int, whole bool) int {
	switch {
	case count > 0:
		return int(fields[:1][0].start) - 2
	case whole:
		return end - 4
	}
	return end - 2
}

// shortPort reports whether b is ":" and no more digits than are in range whatever they say.
func shortPort(b []byte) bool {
	if b[0] != ':' || len(b) > len(":9999") {
		return false
	}
	for _, c := range b[1:] {
		if !is(c, isDigit) {
			return false
		}
	}
	return true
}

// tables is what headAVX2 looks up. A class of bytes is two tables of 16 entries, each there twice
// for VPSHUFB: byte c is in the class if low[c&15] & high[c>>4] is not 0.
type tables struct {
	row                 [64][32]uint8 // known name -> its bytes and ":", then zeros
	slot                [256]uint8    // hash -> known name
	tokenLow, tokenHigh [32]uint8
	hostLow, hostHigh   [32]uint8
	nibble, space       [32]uint8 // 0x0f, 0x20: each 32 times, as all below
	control, del        [32]uint8 // 0x1f, 0x7f
	hash, question      [32]uint8 // "#", "?"
}

var fast = newTables()

func newTables() (t tables) {
	for id, name := range names {
		if name != "" {
			t.slot[nameHash(lastFour(name), len(name))] = uint8(id)
			copy(t.row[id][:], name+":")
		}
	}
	// All bytes of both classes are ASCII: one bit of low for each of the eight rows of it.
	for c := range 0x80 {
		for half := 0; half < 32; half += 16 {
			high := uint8(1) << (c >> 4)
			if is(byte(c), isToken) {
				t.tokenLow[half+c&15] |= high
			}
			if is(byte(c), isHost) && c != '%' {
				t.hostLow[half+c&15] |= high
			}
			t.tokenHigh[half+c>>4], t.hostHigh[half+c>>4] = high, high
		}
	}
	for i := range 32 {
		t.nibble[i], t.space[i], t.control[i], t.del[i], t.hash[i], t.question[i] = 0x0f, 0x20, 0x1f, 0x7f, '#', '?'
	}
	return t
}
