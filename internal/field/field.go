// Package field holds what RFC 9110 allows in a field, for those who send them.
package field

import (
	"strings"

	"github.com/lurcher-net/lurcher/internal/grammar"
)

// IsName reports whether s may be a field's name, which is a token (RFC 9110 5.1,
// 5.6.2).
func IsName(s string) bool {
	empty := s == ""
	for len(s) >= 8 && areLetters(word(s[:8])) {
		s = s[8:]
	}
	for i := range len(s) {
		// Letters need no look at the table, which may have left the cache.
		if c := s[i]; c|0x20-'a' >= 26 && c != '-' && !grammar.Is(c, grammar.Token) {
			return false
		}
	}
	return !empty
}

// Is reports whether a name is a known one, in any case of its letters. Names of another
// length are not: that is cheap to see, and letters beyond ASCII that strings.EqualFold takes
// for "k" and "s" are longer.
func Is(name, known string) bool {
	return len(name) == len(known) && (name == known || strings.EqualFold(name, known))
}

// IsValue reports whether s may be a field's value (RFC 9110 5.5): a CR or LF in
// one would split the answer.
func IsValue(s string) bool {
	for len(s) >= 8 && areText(word(s[:8])) {
		s = s[8:]
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Trim cuts the whitespace around a value, which is not part of it (RFC 9110
// 5.5). strings.Trim would do, but makes a set of its cutset each time.
func Trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// MayTrail reports whether a field may come in a trailer section. Those may not that
// frame or route a message, authenticate, modify the request, control the answer or
// describe the content (RFC 9110 6.5.1): who merged them into the head would believe
// what he had no chance to check. So it is with a name that CGI would make one of these:
// see Alike.
func MayTrail(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return !notInTrailer[name] && !strings.HasPrefix(name, "if-") && !strings.HasPrefix(name, "x-forwarded-")
}

// Alike reports whether a program may take one name for the other: in any case of its
// letters, and with "_" for "-", which CGI makes of it (RFC 3875 4.1.18). canonical has no "_".
func Alike(name, canonical string) bool {
	if len(name) != len(canonical) {
		return false
	}
	for i := range len(name) {
		c, d := name[i], canonical[i]
		if c != d && (c != '_' || d != '-') && (c|0x20 != d|0x20 || c|0x20-'a' >= 26) {
			return false
		}
	}
	return true
}

var notInTrailer = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(`age authorization cache-control connection content-encoding content-length
		content-range content-type cookie date expect expires forwarded host keep-alive location max-forwards
		pragma proxy-authenticate proxy-authorization proxy-connection range realm retry-after set-cookie te trailer
		transfer-encoding upgrade vary via www-authenticate`) {
		m[name] = true
	}
	return m
}()
