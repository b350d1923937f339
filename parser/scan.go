// Scans: the next byte that may not be there, eight bytes at a time.

package parser

import (
	"encoding/binary"
	"math/bits"
)

// Scanning eight bytes at a time. A zero byte of x shows as the lowest bit that is set in
// (x - ones) & ^x & highs: exact for the first hit, which is all that is asked (bytes above it
// may be false hits, since the subtraction borrows). LittleEndian.Uint64 puts the first byte
// lowest on every machine.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
func load16(b []byte, i int) uint16 { return binary.LittleEndian.Uint16(b[i:]) }

// zeros marks the first zero byte of x.
func zeros(x uint64) uint64 { return (x - ones) &^ x & highs }

// controls marks the first byte of x below limit (at most 0x80) and the first DEL.
func controls(x uint64, limit uint64) uint64 {
	del := x ^ 0x7f*ones
	return ((x-limit*ones)&^x | (del-ones)&^del) & highs
}

// scanText returns the first i' >= i where b holds a byte that no field value may hold.
func scanText(b []byte, i int) int {
	for {
		for i >= 0 && i < len(b)-7 {
			if m := controls(load64(b, i), 0x20); m != 0 {
				i += bits.TrailingZeros64(m) / 8
				goto hit
			}
			i += 8
		}
		for i < len(b) && b[i] >= 0x20 && b[i] != 0x7f {
			i++
		}
		if i == len(b) {
			return i
		}
	hit:
		if b[i] != '\t' {
			return i
		}
		i++
	}
}

// scanTarget returns the first i' >= i where b holds a byte that no target may hold.
func scanTarget(b []byte, i int) int {
	for i >= 0 && i < len(b)-7 {
		if m := notTargets(load64(b, i)); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	for i < len(b) && is(b[i], isTarget) {
		i++
	}
	return i
}

// notTargets marks the first byte of x that no target may hold. In bytes below 0x80 no sum carries over, and
// one from there on is marked itself. One comparison is for '"' and "#", which differ in their lowest bit,
// one for "<" and ">", which differ in the next.
func notTargets(x uint64) uint64 {
	visible := x + (0x80-0x21)*ones
	notHash := ((x | 1*ones) ^ '#'*ones) + 0x7f*ones
	notAngle := ((x | 2*ones) ^ '>'*ones) + 0x7f*ones
	del := x + ones
	return (^(visible & notHash & notAngle) | del | x) & highs
}

// scanToken returns the first i' >= i where b holds a byte that is not a tchar.
func scanToken(b []byte, i int) int {
	for ; i >= 0 && i < len(b)-7; i += 8 {
		if other := ^plainHost(load64(b, i)) & highs; other != 0 {
			i += bits.TrailingZeros64(other) / 8
			break
		}
	}
	for i < len(b) && is(b[i], isToken) {
		i++
	}
	return i
}
