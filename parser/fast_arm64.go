//go:build !purego

// The fast path of arm64: the assembly's Go side. It is measured in instructions, since it was never run but
// under qemu: of those of the portable path it takes 0.63 for a browser's head, 0.66 for nine fields, 0.68 for the mix
// of 512 and 0.86 for curl's (qemu-aarch64-static -one-insn-per-tb -d exec,nochain, parser's own instructions).

package parser

import "unsafe"

// NEON is there on every arm64.
const (
	hasFast   = true
	fastAgain = 32 // bytes of input that make a try worth its call
	fastSlack = 64 // bytes past the input's end that linesNEON may read
	ofRequest = 0
)

// linesNEON reads lines of buf from s.pos on, up to the end of the section or of the last whole line, into the
// fields from field on, of which the first knows its start already. The input has n bytes, and no block of 64 may
// begin at stop or later. have are the fields before field, and room how many there may be from there on.
//
// It returns how many lines it read, and s is up to date then; or -1 where it does not decide, and nothing has
// changed but storage that is not in use.
//
//go:noescape
func linesNEON(s *section, buf *byte, n, stop int, field *Field, have, room int) (count int)

// fastLines is lines for input that begins at the start of a line, s.pos. It reads whole lines only.
func (s *section) fastLines(buf []byte, fields []Field) []Field {
	have := len(fields)
	all := fields[:cap(fields)]
	if len(all)-have < 2 || s.pos < 4 { // linesNEON reads four bytes before the colon
		return fields
	}
	n, stop := readable(buf)
	all[have].start = s.pos
	count := linesNEON(s, unsafe.SliceData(buf), n, stop, &all[have], have, len(all)-have-1)
	return all[:have+max(count, 0)]
}

// readable returns how many bytes of buf are looked at, and from where on no block of 64 bytes may begin. Reading
// past the input's end is harmless where the slice has the capacity, or where what follows is on the page of the
// last byte. Otherwise the last bytes are left to the portable path.
func readable(buf []byte) (n, stop int) {
	const page = 4096 // or a multiple
	n = len(buf)
	end := uintptr(unsafe.Pointer(unsafe.SliceData(buf))) + uintptr(n)
	if cap(buf)-n >= fastSlack || -end%page > fastSlack {
		return n, n
	}
	return max(n-fastSlack, 0), max(n-fastSlack+1, 0)
}

// The first line is left to the portable path, and with it what follows from a whole head.

func fastHead(*section, *[]Field, []byte, uint8) int { return -1 }

func (h *Head) fastStart([]byte) bool { return false }

func (r *Request) fastRest([]byte, int) bool { return false }

func (r *Response) fast([]byte) bool { return false }
