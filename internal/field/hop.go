// Fields for one hop alone, which those who pass messages on leave out, and those
// that say who passed a message on.

package field

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/lurcher-net/lurcher/parser"
)

// Hops knows which fields of a message are for one hop alone (RFC 9110 7.6.1).
type Hops struct {
	listed [4]string           // values of Connection
	many   map[string]struct{} // their members, in lower case, in place of listed where it is long
}

// mostListed bytes of Connection are searched for each field. Long lists would make that
// as dear as the square of a head's size, which is the sender's choice.
const mostListed = 128

// HopsOf reads the Connection fields of a message, which list some of them.
func HopsOf(fields []parser.Field, buf []byte) (h Hops) {
	n, size := 0, 0
	for i := range fields {
		f := &fields[i]
		if !Is(text(f.Name(buf)), "Connection") {
			continue
		}
		v := text(f.Value(buf))
		if v == "" || Is(v, "keep-alive") || Is(v, "close") {
			continue
		}
		if size += len(v); n == len(h.listed) || size > mostListed {
			return Hops{many: membersOf(fields, buf)}
		}
		h.listed[n] = v
		n++
	}
	return h
}

// membersOf returns what the Connection fields list.
func membersOf(fields []parser.Field, buf []byte) map[string]struct{} {
	many := make(map[string]struct{})
	for i := range fields {
		f := &fields[i]
		if !Is(text(f.Name(buf)), "Connection") {
			continue
		}
		for m := range strings.SplitSeq(text(f.Value(buf)), ",") {
			many[strings.ToLower(member(m))] = struct{}{}
		}
	}
	return many
}

// Has reports whether a field is for one hop: Connection and the fields that it
// lists, what speaks to the next hop by itself, and what frames the message, which
// whoever sends it says anew. Host is not, whatever Connection lists.
func (h *Hops) Has(name []byte) bool {
	n := text(name)
	if hop(n) {
		return true
	}
	if h.many != nil {
		_, ok := h.many[strings.ToLower(n)]
		return ok && !strings.EqualFold(n, "Host")
	}
	for _, l := range h.listed {
		if l == "" {
			break
		}
		if Lists(l, n) && !strings.EqualFold(n, "Host") {
			return true
		}
	}
	return false
}

// Trails returns a function that reports whether a proxy passes on a field of a message's trailer section: one that
// may be there at all, and is not for one hop (RFC 9110 7.6.1). That section comes when the bytes of the head are
// gone: the function needs neither fields nor buf.
func Trails(fields []parser.Field, buf []byte) func(name string) bool {
	h := HopsOf(fields, buf)
	if h.listed[0] == "" && h.many == nil {
		return mayGoOn
	}
	kept := h.clone()
	return func(name string) bool { return mayGoOn(name) && !kept.Has([]byte(name)) }
}

// clone returns a copy of h that needs no buf.
func (h *Hops) clone() *Hops {
	c := new(Hops)
	for i, l := range h.listed {
		c.listed[i] = strings.Clone(l)
	}
	if h.many != nil {
		c.many = make(map[string]struct{}, len(h.many))
		for l := range h.many {
			c.many[strings.Clone(l)] = struct{}{}
		}
	}
	return c
}

// mayGoOn is Trails of a message without Connection.
func mayGoOn(name string) bool { return MayTrail(name) && !hop(name) }

// List appends the value of a field that is a list to b: that of all its lines
// (RFC 9110 5.3).
func List(b []byte, fields []parser.Field, buf []byte, name string) []byte {
	from := len(b)
	for i := range fields {
		if f := &fields[i]; Is(text(f.Name(buf)), name) {
			if len(b) > from {
				b = append(b, ", "...)
			}
			b = append(b, f.Value(buf)...)
		}
	}
	return b
}

// Via appends the value of a message's Via field to b, with one more who passed it on
// (RFC 9110 7.6.3).
func Via(b []byte, fields []parser.Field, buf []byte, minor int, name string) []byte {
	from := len(b)
	b = List(b, fields, buf, "Via")
	if len(b) > from {
		b = append(b, ", "...)
	}
	b = append(strconv.AppendInt(append(b, "1."...), int64(minor), 10), ' ')
	return append(b, name...)
}

// text returns b as a string that is not kept.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// hop reports whether a field is for one hop. Most names are told from these by
// their length.
func hop(name string) bool {
	switch len(name) {
	case len("TE"):
		return Is(name, "TE")
	case len("Expect"):
		return Is(name, "Expect")
	case len("Upgrade"):
		return Is(name, "Upgrade")
	case len("Connection"): // and Keep-Alive
		return Is(name, "Connection") || Is(name, "Keep-Alive")
	case len("Content-Length"): // and HTTP2-Settings
		return Is(name, "Content-Length") || Is(name, "HTTP2-Settings")
	case len("Proxy-Connection"):
		return Is(name, "Proxy-Connection")
	case len("Transfer-Encoding"):
		return Is(name, "Transfer-Encoding")
	case len("Proxy-Authenticate"):
		return Is(name, "Proxy-Authenticate")
	case len("Proxy-Authorization"):
		return Is(name, "Proxy-Authorization")
	case len("Proxy-Authentication-Info"):
		return Is(name, "Proxy-Authentication-Info")
	}
	return false
}

// Lists reports whether a list of tokens, such as the value of Connection or TE,
// has one, in any case of its letters. Parameters of the list's members do not count.
func Lists(value, token string) bool {
	for m := range strings.SplitSeq(value, ",") {
		if Is(member(m), token) {
			return true
		}
	}
	return false
}

// member returns a member of a list without its parameters and the whitespace around it.
func member(m string) string {
	m, _, _ = strings.Cut(m, ";")
	return Trim(m)
}
