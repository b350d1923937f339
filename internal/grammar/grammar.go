// Package grammar holds the classes of bytes that HTTP's grammars are made of, in one table for all who
// read messages and all who write them.
package grammar

// Classes of bytes. Each is a bit, so that a test may be for one of several.
const (
	Token  = 1 << iota // tchar: RFC 9110 5.6.2
	Text               // HTAB, SP, VCHAR, obs-text, what a field value or a reason may hold: RFC 9110 5.5
	Target             // what a request target may hold, see package parser: RFC 9112 3.2
	Host               // reg-name but for pct-encoded, and "%": RFC 3986 3.2.2
	Scheme             // ALPHA, DIGIT, "+", "-", ".": RFC 3986 3.1
	Hex                // HEXDIG
	Digit
	Alpha
)

const (
	digits = "0123456789"
	alphas = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// Class holds the classes that each byte is in.
var Class = classes()

func classes() (t [256]uint8) {
	mark := func(set string, bit uint8) {
		for i := range len(set) {
			t[set[i]] |= bit
		}
	}
	mark(digits+alphas+"!#$%&'*+-.^_`|~", Token)
	mark(digits+alphas+"-._~"+"!$&'()*+,;="+"%", Host)
	mark(digits+alphas+"-._~"+"!$&'()*+,;="+"%"+":@/?"+"[]|{}^`\\", Target)
	mark(digits+alphas+"+-.", Scheme)
	mark(digits+"abcdefABCDEF", Hex)
	mark(digits, Digit)
	mark(alphas, Alpha)
	for c := range 256 {
		if c >= 0x20 && c != 0x7f || c == '\t' {
			t[c] |= Text
		}
	}
	return t
}

// Is reports whether c is in one of the classes of set.
func Is(c byte, set uint8) bool { return Class[c]&set != 0 }
