// The fields of an answer: from the handler's map to field lines, by net/http's rules.

package nethttp

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/field"
)

// notes holds what the handler's fields say about the answer.
type notes struct {
	length    int64 // Content-Length, or adapt.Chunked
	measured  bool  // there is a Content-Length, perhaps a malformed one
	badLength bool
	typed     bool // Content-Type
	coded     bool // Content-Encoding
	transfer  bool // Transfer-Encoding
	identity  bool // Transfer-Encoding: identity, the body ends with the connection
	dated     bool
	close     bool   // Connection: close
	trailer   bool   // there will be a trailer section
	options   string // options of Connection, except close
	coding    string // codings of Transfer-Encoding, except chunked and identity
}

// appendHeader appends the lines of h, sorted by name as net/http does, except those that
// writeHead writes itself.
func appendHeader(b []byte, h http.Header, status int) ([]byte, notes) {
	n := notes{length: adapt.Chunked}
	if len(h) == 0 {
		return b, n
	}
	var few [16]string
	keys := few[:0]
	for k := range h {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		values := h[k]
		switch k {
		case "Content-Length":
			n.setLength(values)
			continue
		case "Transfer-Encoding":
			n.transfer = len(values) > 0 && values[0] != ""
			n.identity = n.transfer && values[0] == "identity"
			n.coding = without(values, "chunked", "identity")
			continue
		case "Connection":
			n.options = without(values, "close")
			n.close = has(values, "close")
			continue
		case "Date":
			n.dated = true
		case "Content-Type":
			n.typed = true
			if status == http.StatusNotModified {
				continue
			}
		case "Content-Encoding":
			n.coded = len(values) > 0 && values[0] != ""
		case "Trailer":
			n.trailer = len(values) > 0
		}
		if strings.HasPrefix(k, http.TrailerPrefix) {
			n.trailer = true
			continue
		}
		if !field.IsName(k) {
			continue
		}
		for _, v := range values {
			b = appendClean(b, k, v)
		}
	}
	return b, n
}

// has reports whether the list that values are has this element.
func has(values []string, element string) bool {
	for _, v := range values {
		for e := range elements(v) {
			if strings.EqualFold(e, element) {
				return true
			}
		}
	}
	return false
}

// without returns the list (RFC 9110 5.6.1) that values are, without some elements and
// those that are no tokens.
func without(values []string, some ...string) string {
	var rest []string
	for _, v := range values {
		for e := range elements(v) {
			fold := func(s string) bool { return strings.EqualFold(s, e) }
			if field.IsName(e) && !slices.ContainsFunc(some, fold) {
				rest = append(rest, e)
			}
		}
	}
	return strings.Join(rest, ", ")
}

func (n *notes) setLength(values []string) {
	n.measured = true
	if len(values) == 0 || values[0] == "" {
		return
	}
	length, err := strconv.ParseInt(values[0], 10, 64)
	if n.badLength = err != nil || length < 0; !n.badLength {
		n.length = length
	}
}

// appendClean appends one line. What must not be in a value becomes a space.
func appendClean(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	if field.IsValue(value) {
		b = append(b, field.Trim(value)...)
	} else {
		b = append(b, strings.Trim(strings.Map(func(c rune) rune {
			if c < ' ' && c != '\t' || c == 0x7f {
				return ' '
			}
			return c
		}, value), " \t")...)
	}
	return append(b, "\r\n"...)
}

// trailer appends the lines of the trailer section: the fields that the Trailer
// field announced, and those with http.TrailerPrefix.
func (r *response) trailer(b []byte) []byte {
	if len(r.header) == 0 {
		return b
	}
	var keys []string
	for k := range r.header {
		if strings.HasPrefix(k, http.TrailerPrefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if name := k[len(http.TrailerPrefix):]; field.IsName(name) {
			for _, v := range r.header[k] {
				b = appendClean(b, name, v)
			}
		}
	}
	for _, k := range r.announced {
		for _, v := range r.header[k] {
			b = appendClean(b, k, v)
		}
	}
	return b
}
