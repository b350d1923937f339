// Classes of bytes, and letters in either case.

package parser

import "github.com/lurcher-net/lurcher/internal/grammar"

// The classes of package grammar, which has them for all of lurcher.
const (
	isToken  = grammar.Token
	isText   = grammar.Text
	isTarget = grammar.Target
	isHost   = grammar.Host
	isScheme = grammar.Scheme
	isHex    = grammar.Hex
	isDigit  = grammar.Digit
	isAlpha  = grammar.Alpha
)

func is(c byte, set uint8) bool { return grammar.Class[c]&set != 0 }

// lower maps A-Z to a-z and leaves every other byte.
func lower(c byte) byte {
	if c-'A' < 26 {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold reports whether b is name, in any case of the ASCII letters.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if c != name[i] && lower(c) != lower(name[i]) {
			return false
		}
	}
	return true
}

// hexDigit holds what a byte stands for as a hex digit.
var hexDigit = func() (t [256]uint8) {
	for c := range 256 {
		t[c] = notHex
	}
	for d := range uint8(10) {
		t['0'+d] = d
	}
	for d := range uint8(6) {
		t['a'+d], t['A'+d] = 10+d, 10+d
	}
	return t
}()

const notHex = 0xff
