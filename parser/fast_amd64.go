//go:build !purego

// The assembly's Go side: what it is given, and what is done with what it found.

package parser

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// hasFast says that this processor runs headAVX2.
var hasFast = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

const (
	fastLeast = 17 // bytes of input that make a try worth its call
	fastAgain = 64 // and of more input, in the middle of a head
	fastSlack = 64 // bytes behind the input that headAVX2 may read
	fastHost  = 32 // bytes of a Host that it checks
)

// headAVX2 reads lines of buf into fields, as far as the end of the section or else to the end of the
// last whole line. See fast_amd64.s for how.
//
//	from, next   where to start; what follows the first line end found is fields[next]
//	n, stop      the input's length, and from where on no block of 64 bytes may begin
//	have, room   the first of fields to be filled in, and how many there can be
//	request      buf begins with a request line, and s is part of a Request
//
// It returns count < 0 where it does not want to decide; then nothing has changed but storage that
// is not in use. Else there are count fields now, and s is up to date. So is, of a request, what its
// line holds, except that the target is taken for the origin-form. If host is not empty, the request
// is whole, KeepAlive is settled, and host is the value of its one Host field: valid, or longer than
// fastHost and to be checked.
//
//go:noescape
func headAVX2(s *section, buf *byte, fields *Field, from, n, stop, have, next, room int, request bool) (count int, host Span)

// readable returns n and stop for buf. Reading behind the input is harmless where the slice has the
// capacity, or where what follows is on the page of buf's last byte; and what is found there does
// not matter. Where there is no room the last bytes are left to the portable path.
func readable(buf []byte) (n, stop int) {
	const page = 4096 // or a multiple
	n = len(buf)
	end := uintptr(unsafe.Pointer(unsafe.SliceData(buf))) + uintptr(n)
	if cap(buf)-n >= fastSlack || -end%page > fastSlack {
		return n, n
	}
	return max(n-fastSlack, 0), max(n-fastSlack+1, 0)
}

// fastLines is lines for input that begins at the start of a line, s.pos. It reads whole lines only.
func (s *section) fastLines(buf []byte, fields []Field) []Field {
	have, from := len(fields), int(s.pos)
	if have == cap(fields) || from < 4 { // headAVX2 reads four bytes before the colon
		return fields
	}
	n, stop := readable(buf)
	fields[:have+1][have].start = s.pos
	count, _ := headAVX2(s, unsafe.SliceData(buf), unsafe.SliceData(fields), from, n, stop, have, have+1, cap(fields), false)
	if count < 0 {
		return fields
	}
	return fields[:count]
}

// fast reads a request from its first byte, and reports whether it is whole and valid. If not,
// either it came to the end of a line, or nothing has changed, or what is wrong with a whole head
// was found.
func (r *Request) fast(buf []byte) bool {
	in := buf[:min(len(buf), r.limit())]
	if len(in) < fastLeast || r.pos != 0 || r.plain || len(r.Fields) != 0 || cap(r.Fields) == 0 {
		return false
	}
	n, stop := readable(in)
	count, host := headAVX2(&r.section, unsafe.SliceData(buf), unsafe.SliceData(r.Fields), 0, n, stop, 0, 0, cap(r.Fields), true)
	if count < 0 {
		return false
	}
	r.Fields = r.Fields[:count]
	if buf[r.Target.Off] != '/' || buf[0] == 'C' {
		if !r.fastTarget(buf) {
			return false
		}
	}
	if r.state != atEnd {
		return false
	}

	// What follows is finish; the common heads need little of it.
	if host.Len == 0 || host.Len > fastHost && authority(host.Of(buf), false) >= 0 {
		r.KeepAlive = false
		r.finish(buf)
		return r.state == atEnd
	}
	if r.Host.Len == 0 {
		r.Host = host
	}
	const rare = 1<<nameTransferEncoding | 1<<nameUpgrade | 1<<nameExpect
	if r.seen&(rare|1<<nameContentLength) != 0 {
		if r.seen&rare != 0 {
			r.framing(buf, 0)
		} else {
			r.contentLength(buf)
		}
		if r.state == failed {
			r.KeepAlive = false
			return false
		}
		if r.seen&rare != 0 {
			r.persistence(buf)
		}
	}
	return true
}

// fastTarget is target where it may not be the origin-form.
func (r *Request) fastTarget(buf []byte) bool {
	state := r.state
	if buf[r.Target.Off] == '/' && string(r.Method.Of(buf)) != "CONNECT" {
		return true
	}
	r.Path, r.Query = Span{}, Span{}
	if r.target(buf); r.state == failed {
		r.Reset() // the portable path finds the same, before there are fields
		return false
	}
	r.state = state
	return true
}

// fast reads a response from its first byte, with the contract of Request.fast.
func (r *Response) fast(buf []byte) bool {
	in := buf[:min(len(buf), r.limit())]
	if len(in) < fastLeast || r.plain || len(r.Fields) != 0 || cap(r.Fields) == 0 {
		return false
	}
	minor, status, ok := commonStatus(buf)
	if !ok {
		return false
	}
	n, stop := readable(in)
	count, _ := headAVX2(&r.section, unsafe.SliceData(buf), unsafe.SliceData(r.Fields), 0, n, stop, 0, 0, cap(r.Fields), false)
	if count < 0 {
		return false
	}
	line := int(r.pos) - 2
	if count > 0 {
		line = int(r.Fields[:1][0].start) - 2
	} else if r.state == atEnd {
		line -= 2
	}
	if line < len(statusShape) || buf[line] != '\r' || buf[line+1] != '\n' {
		r.seen, r.twice, r.pos, r.state = 0, 0, 0, atStart
		return false
	}
	r.Minor, r.Status, r.Reason = minor, status, span(len(statusShape), line)
	r.Fields = r.Fields[:count]
	if r.state == atEnd {
		r.finish(buf)
	}
	return r.state == atEnd
}

// tables is what headAVX2 looks up. A class of bytes is two tables of 16 entries, each there twice
// for VPSHUFB: byte c is in the class if low[c&15] & high[c>>4] is not 0.
type tables struct {
	row                 [64][32]uint8 // known name -> its bytes and ":", then zeros
	slot                [256]uint16   // hash -> 32 times known name
	tokenLow, tokenHigh [32]uint8
	hostLow, hostHigh   [32]uint8
	nibble, space       [32]uint8 // 0x0f, 0x20: each 32 times, as all below
	control, del        [32]uint8 // 0x1f, 0x7f
	question            [32]uint8 // "?"
	target              [32]uint8 // those that no target may hold, by their lower halves
}

//lint:ignore U1000 headAVX2 reads it
var fastTables = newTables()

func newTables() (t tables) {
	for id, name := range names {
		if name != "" {
			t.slot[nameHash(lastFour(name), len(name))] = uint16(id * len(t.row[id]))
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
			t.tokenHigh[half+c>>4] |= high
			if is(byte(c), isHost) && c != '%' {
				t.hostLow[half+c&15] |= high
				t.hostHigh[half+c>>4] |= high
			}
			if is(byte(c), isDigit) { // marked by bit 0, since no host has a byte of row 0
				t.hostLow[half+c&15] |= 1
				t.hostHigh[half+c>>4] |= 1
			}
		}
	}
	for i := range 32 {
		t.nibble[i], t.space[i], t.control[i], t.del[i], t.question[i] = 0x0f, 0x20, 0x1f, 0x7f, '?'
	}
	for c := byte(' '); c < 0x7f; c++ {
		if !is(c, isTarget) {
			t.target[c&15], t.target[16+c&15] = c, c
		}
	}
	return t
}
