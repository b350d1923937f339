// The grammar of the handshake's fields: lists, tokens, extensions (RFC 9110 5.6,
// RFC 6455 9.1).

package ws

import (
	"bytes"
	"strings"

	"github.com/lurcher-net/lurcher/internal/field"
)

// element returns the first element of a list without quotes, and the rest of it.
// Empty elements do not count (RFC 9110 5.6.1).
func element(list []byte) (first, rest []byte) {
	first, rest, _ = bytes.Cut(list, []byte(","))
	return bytes.Trim(first, " \t"), rest
}

// lists reports whether a list has that element, in any case of its letters.
func lists(list []byte, want string) bool {
	for len(list) > 0 {
		var e []byte
		if e, list = element(list); field.Is(string(e), want) {
			return true
		}
	}
	return false
}

// An extension is an element of Sec-WebSocket-Extensions.
type extension struct {
	name   string
	params []param
}

// A param's value was given if hasValue is set.
type param struct {
	name, value string
	hasValue    bool
}

// parseExtensions reads a line of Sec-WebSocket-Extensions, and reports whether it
// keeps to the grammar.
func parseExtensions(line string) (all []extension, ok bool) {
	s := scanner{rest: line}
	for {
		s.space()
		if s.rest == "" {
			return all, true
		}
		if s.skip(',') { // an empty element
			continue
		}
		e, ok := s.extension()
		if s.space(); !ok || s.rest != "" && !s.skip(',') {
			return nil, false
		}
		all = append(all, e)
	}
}

// A scanner takes what it reads from the front of rest.
type scanner struct{ rest string }

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *scanner) skip(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) token() (t string, ok bool) {
	n := 0
	for n < len(s.rest) && field.IsName(s.rest[n:n+1]) {
		n++
	}
	t, s.rest = s.rest[:n], s.rest[n:]
	return t, n > 0
}

// extension reads token *( ";" param ).
func (s *scanner) extension() (e extension, ok bool) {
	if e.name, ok = s.token(); !ok {
		return e, false
	}
	for s.space(); s.skip(';'); s.space() {
		s.space()
		var p param
		if p.name, ok = s.token(); !ok {
			return e, false
		}
		if s.space(); s.skip('=') {
			p.hasValue = true
			if s.space(); s.skip('"') {
				p.value, ok = s.quoted()
			} else {
				p.value, ok = s.token()
			}
			if !ok {
				return e, false
			}
		}
		e.params = append(e.params, p)
	}
	return e, true
}

// quoted reads a quoted-string after its first quote. Its value has to be a token (RFC
// 6455 9.1).
func (s *scanner) quoted() (string, bool) {
	var value []byte
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return string(value), field.IsName(string(value))
		case c == '\\' && i+1 < len(s.rest):
			i++
			value = append(value, s.rest[i])
		default:
			value = append(value, c)
		}
	}
	return "", false
}
