// UTF-8 in pieces: a state says how the last character of a piece may go on in the next
// piece.

package ws

import "unicode/utf8"

// States of a text: what may follow (Unicode 3.9, table 3-7).
const (
	utf8Whole uint8 = iota // a new character
	utf8One                // one more byte of this one
	utf8Two                // two
	utf8Three              // three
	utf8E0                 // two, the first of them from A0 on: else it is overlong
	utf8ED                 // two, the first below A0: else it is a surrogate
	utf8F0                 // three, the first from 90 on: else it is overlong
	utf8F4                 // three, the first below 90: else it is past U+10FFFF
	utf8Wrong              // nothing
)

// validText checks p, which follows a text with the given state, and returns the state
// after p.
func validText(state uint8, p []byte) uint8 {
	for state != utf8Whole && len(p) > 0 {
		if state = utf8Next(state, p[0]); state == utf8Wrong {
			return state
		}
		p = p[1:]
	}
	n := len(p) - openEnd(p)
	if !validUTF8(p[:n]) {
		return utf8Wrong
	}
	for ; n < len(p) && state != utf8Wrong; n++ {
		state = utf8Next(state, p[n])
	}
	return state
}

// openEnd returns how many bytes at the end of p begin a character that its first byte
// says is longer.
func openEnd(p []byte) int {
	for n := 1; n <= 3 && n <= len(p); n++ {
		switch c := p[len(p)-n]; {
		case c < 0x80:
			return 0
		case c >= 0xc0:
			if c >= 0xf0 || n < 3 && c >= 0xe0 || n < 2 {
				return n
			}
			return 0
		}
	}
	return 0
}

// utf8Next returns the state after one more byte.
func utf8Next(state uint8, c byte) uint8 {
	if state == utf8Whole {
		switch {
		case c < 0x80:
			return utf8Whole
		case c < 0xc2 || c > 0xf4:
			return utf8Wrong
		case c < 0xe0:
			return utf8One
		case c == 0xe0:
			return utf8E0
		case c == 0xed:
			return utf8ED
		case c < 0xf0:
			return utf8Two
		case c == 0xf0:
			return utf8F0
		case c == 0xf4:
			return utf8F4
		}
		return utf8Three
	}
	low, high := byte(0x80), byte(0xbf)
	next := uint8(utf8Two)
	switch state {
	case utf8One:
		next = utf8Whole
	case utf8Two:
		next = utf8One
	case utf8E0:
		next, low = utf8One, 0xa0
	case utf8ED:
		next, high = utf8One, 0x9f
	case utf8F0:
		low = 0x90
	case utf8F4:
		high = 0x8f
	}
	if c < low || c > high || state >= utf8Wrong {
		return utf8Wrong
	}
	return next
}

// validPortable is validUTF8 where there is no assembly.
func validPortable(p []byte) bool { return utf8.Valid(p) }
