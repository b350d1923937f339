//go:build !purego

// What the assembly looks up.

package parser

// tables is what the assembly looks up. A class of bytes is two tables of 16 entries, each there twice
// for VPSHUFB: byte c is in the class if low[c&15] & high[c>>4] is not 0.
type tables struct {
	row                 [64][32]uint8 // known name -> its bytes and ":", then zeros
	slot                [256]uint16   // hash -> 32 times known name
	tokenLow, tokenHigh [32]uint8
	hostLow, hostHigh   [32]uint8
	nibble, space       [32]uint8 // 0x0f, 0x20: each 32 times, as all below
	controls, del       [32]uint8 // 0x9f, 0x7f
	question            [32]uint8 // "?"
	target              [32]uint8 // those that no target may hold, by their lower halves
}

//lint:ignore U1000 the assembly reads it
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
		t.nibble[i], t.space[i], t.controls[i], t.del[i], t.question[i] = 0x0f, 0x20, 0x9f, 0x7f, '?'
	}
	for c := byte(' '); c < 0x7f; c++ {
		if !is(c, isTarget) {
			t.target[c&15], t.target[16+c&15] = c, c
		}
	}
	return t
}
