// Classes of bytes.

package parser

// Classes of bytes, by the grammars of RFC 9110 5.6.2 and 5.5, RFC 9112 3 and RFC 3986.
const (
	isToken  = 1 << iota // tchar
	isText               // HTAB, SP, VCHAR, obs-text: what a field value or reason may hold
	isTarget             // what a request target may hold, see doc.go
	isHost               // reg-name: unreserved, sub-delims, and "%" (checked apart)
	isScheme             // ALPHA, DIGIT, "+", "-", "."
	isHex
	isDigit
	isAlpha
)

const (
	digits = "0123456789"
	alphas = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var class = classes()

func classes() (t [256]uint8) {
	mark := func(set string, bit uint8) {
		for i := range len(set) {
			t[set[i]] |= bit
		}
	}
	mark(digits+alphas+"!#$%&'*+-.^_`|~", isToken)
	mark(digits+alphas+"-._~"+"!$&'()*+,;="+"%", isHost)
	mark(digits+alphas+"+-.", isScheme)
	mark(digits+"abcdefABCDEF", isHex)
	mark(digits, isDigit)
	mark(alphas, isAlpha)
	for c := range 256 {
		if c > 0x20 && c < 0x7f && !notTarget(byte(c)) {
			t[c] |= isTarget
		}
		if c >= 0x20 && c != 0x7f || c == '\t' {
			t[c] |= isText
		}
	}
	return t
}

// notTarget reports whether c is one of the visible characters that no browser sends in a target: the
// URL standard has them encoded wherever they stand, and "#" begins the fragment, which is not sent.
func notTarget(c byte) bool { return c == '"' || c == '#' || c == '<' || c == '>' }

func is(c byte, set uint8) bool { return class[c]&set != 0 }

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

// hexDigit is what a byte stands for as a hex digit.
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
