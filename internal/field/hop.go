// Fields for one hop alone, which those who pass messages on leave out.

package field

import (
	"iter"
	"strings"
	"unsafe"
)

// EndToEnd ranges over the fields of a message that are not for one hop alone (RFC
// 9110 7.6.1): neither Connection and the fields that it lists, nor what speaks to
// the next hop by itself, nor what frames the message, which whoever sends it says anew.
// Host stays, whatever Connection lists.
func EndToEnd(all iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		var listed []string
		for name, value := range all {
			if strings.EqualFold(text(name), "Connection") {
				listed = append(listed, text(value))
			}
		}
		for name, value := range all {
			if !hop(text(name)) && !lists(listed, text(name)) && !yield(name, value) {
				return
			}
		}
	}
}

// text is b as a string that is not kept.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// hop reports whether a field is for one hop. Most names are told from these by
// their length.
func hop(name string) bool {
	switch len(name) {
	case len("TE"):
		return strings.EqualFold(name, "TE")
	case len("Expect"):
		return strings.EqualFold(name, "Expect")
	case len("Upgrade"):
		return strings.EqualFold(name, "Upgrade")
	case len("Connection"): // and Keep-Alive
		return strings.EqualFold(name, "Connection") || strings.EqualFold(name, "Keep-Alive")
	case len("Max-Forwards"):
		return strings.EqualFold(name, "Max-Forwards")
	case len("Content-Length"): // and HTTP2-Settings
		return strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "HTTP2-Settings")
	case len("Proxy-Connection"):
		return strings.EqualFold(name, "Proxy-Connection")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	case len("Proxy-Authenticate"):
		return strings.EqualFold(name, "Proxy-Authenticate")
	case len("Proxy-Authorization"):
		return strings.EqualFold(name, "Proxy-Authorization")
	case len("Proxy-Authentication-Info"):
		return strings.EqualFold(name, "Proxy-Authentication-Info")
	}
	return false
}

// Lists reports whether a list of tokens, such as the value of Connection or TE,
// has one, in any case of its letters. Parameters of the list's members do not count.
func Lists(value, token string) bool {
	for member := range strings.SplitSeq(value, ",") {
		member, _, _ = strings.Cut(member, ";")
		if strings.EqualFold(Trim(member), token) {
			return true
		}
	}
	return false
}

func lists(values []string, name string) bool {
	for _, v := range values {
		if Lists(v, name) && !strings.EqualFold(name, "Host") {
			return true
		}
	}
	return false
}
