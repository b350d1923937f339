//go:build !purego

// What the assembly looks up.

package parser

// tables is what the assembly looks up. A class of bytes is two tables of 16 entries: byte c is in the class if
// low[c&15] & high[c>>4] is not 0. What is compared to 32 bytes of a line is kept as those are loaded: first the
// bytes in even places, then the others.
type tables struct {
	tokenLow, tokenHigh [16]uint8
	hostLow, hostHigh   [16]uint8
	target              [16]uint8  // "?", and those that no target may hold, by their lower halves
	slot                [256]uint8 // hash -> known name
	row                 [64]nameRow
}

// A nameRow is what a line that begins with the known name and ":" has in common with all others that do: its
// bytes, and the mask that makes one of the letters' cases and drops what follows the colon.
type nameRow struct{ bytes, mask [2][16]uint8 }

//lint:ignore U1000 the assembly reads it
var fastTables = newTables()

func newTables() (t tables) {
	for id, name := range names {
		if name == "" {
			t.row[id].mask[0][0] = 0xff // no line begins with NUL
			continue
		}
		t.slot[nameHash(lastFour(name), len(name))] = uint8(id)
		for i, c := range []byte(name + ":") {
			mask := uint8(0xff)
			if is(c, isAlpha) {
				mask &^= 0x20
			}
			t.row[id].bytes[i%2][i/2], t.row[id].mask[i%2][i/2] = c, mask
		}
	}
	// All bytes of both classes are ASCII: one bit of low for each of the eight rows of it.
	for c := range byte(0x80) {
		low, high := c&15, c>>4
		if is(c, isToken) {
			t.tokenLow[low] |= 1 << high
		}
		if is(c, isHost) && c != '%' {
			t.hostLow[low] |= 1 << high
		}
		t.tokenHigh[high], t.hostHigh[high] = 1<<high, 1<<high
	}
	for c := byte(' '); c < 0x7f; c++ {
		if c == '?' || !is(c, isTarget) {
			t.target[c&15] = c
		}
	}
	return t
}
