//go:build !purego

// The assembly's Go side: when it pays, and the tables of UTF-8.

package ws

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// hasFast reports whether this processor runs the assembly.
var hasFast = cpu.X86.HasAVX2

// maskAVX2 XORs n bytes, a multiple of 32.
//
//go:noescape
func maskAVX2(p *byte, n int, key uint32)

// utf8AVX2 reports whether n bytes, at least 35, are UTF-8. The last character may be
// incomplete. See fast_amd64.s for how.
//
//go:noescape
func utf8AVX2(p *byte, n int, t *utf8Table) bool

// maskFast does the first bytes of p, a multiple of 4, and returns how many.
func maskFast(p []byte, key uint32) int {
	if len(p) < 64 || !hasFast {
		return 0
	}
	n := len(p) &^ 31
	maskAVX2(unsafe.SliceData(p), n, key)
	return n
}

// validUTF8 reports whether p is UTF-8.
func validUTF8(p []byte) bool {
	if len(p) < 35 || !hasFast {
		return validPortable(p)
	}
	return openEnd(p) == 0 && utf8AVX2(unsafe.SliceData(p), len(p), &utf8Tables)
}

// utf8Table is what utf8AVX2 looks up: a set of possible errors for each half of
// a byte, as bits. A pair of neighbouring bytes has an error if it is in the sets
// of both halves of the first byte, and of the upper half of the second. Each
// table is there twice, once for each lane of VPSHUFB.
type utf8Table struct {
	firstHigh, firstLow, secondHigh [32]uint8
	nibble, three, four, top        [32]uint8 // 0x0f, 0xe0-0x80, 0xf0-0x80, 0x80: each 32 times
}

// Errors of two bytes (Keiser and Lemire, Validating UTF-8 In Less Than One
// Instruction Per Byte, 2020).
const (
	tooShort    = 1 << iota // 11______ 0_______, 11______ 11______
	tooLong                 // 0_______ 10______
	overlong3               // 11100000 100_____
	tooLarge                // 11110100 101_____ and up
	surrogate               // 11101101 101_____
	overlong2               // 1100000_ 10______
	overlong4               // 11110000 1000____, and 11110101 1000____ and up
	twoContinue             // 10______ 10______: right where three or four bytes are one character
)

var utf8Tables = newUTF8Table()

func newUTF8Table() (t utf8Table) {
	for i := range 32 {
		first, low, second := &t.firstHigh[i], &t.firstLow[i], &t.secondHigh[i]
		n := i & 15
		switch {
		case n < 8:
			*first, *second = tooLong, tooShort
		case n < 12:
			*first, *second = twoContinue, tooLong|overlong2|twoContinue
		case n == 12:
			*first, *second = tooShort|overlong2, tooShort
		case n == 13:
			*first, *second = tooShort, tooShort
		case n == 14:
			*first, *second = tooShort|overlong3|surrogate, tooShort
		default:
			*first, *second = tooShort|tooLarge|overlong4, tooShort
		}
		switch n {
		case 8:
			*second |= overlong3 | overlong4
		case 9:
			*second |= overlong3 | tooLarge
		case 10, 11:
			*second |= surrogate | tooLarge
		}
		*low = tooShort | tooLong | twoContinue // whatever that half is
		switch {
		case n == 0:
			*low |= overlong2 | overlong3 | overlong4
		case n == 1:
			*low |= overlong2
		case n == 4:
			*low |= tooLarge
		case n > 4:
			*low |= tooLarge | overlong4
		}
		if n == 13 {
			*low |= surrogate
		}
		t.nibble[i], t.three[i], t.four[i], t.top[i] = 0x0f, 0xe0-0x80, 0xf0-0x80, 0x80
	}
	return t
}
