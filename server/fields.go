// Fields that the program sets in the head of an answer: they are checked, and kept
// until the head is sent.

package server

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/field"
)

// setField checks a field and keeps its line until the head is sent.
func (s *session) setField(name, value string, replace bool) error {
	x, known := s.extra(), s.worker.recall(name, value)
	if !known.is(name, value) {
		if !field.IsName(name) || !field.IsValue(value) {
			return ErrField
		}
		value = field.Trim(value)
		if special := specialName(name); special != "" {
			return s.setSpecial(special, name, value, replace)
		}
		known.learn(name, value)
	}
	if replace {
		x.fields = removeField(x.fields, name)
	}
	if len(known.line) == 0 {
		x.fields = appendField(x.fields, name, value)
	} else {
		x.fields = append(x.fields, known.line...)
	}
	return nil
}

// setSpecial is setField for fields that the server writes or interprets itself.
func (s *session) setSpecial(special, name, value string, replace bool) error {
	x := s.x
	switch special {
	case "Transfer-Encoding":
		return ErrField
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || !replace && x.declared >= 0 && x.declared != int64(n) {
			return ErrField
		}
		x.declared = int64(n) // written by writeHead
	case "Connection":
		return s.setConnection(value, replace)
	case "Upgrade":
		x.upgrades = true
		if replace {
			x.fields = removeField(x.fields, name)
		}
		x.fields = appendField(x.fields, name, value)
	case "Date":
		x.hasDate = true
		x.fields = appendField(removeField(x.fields, name), name, value)
	}
	return nil
}

// setConnection keeps the options of a Connection field, which are tokens, until
// writeHead puts them after the server's own (RFC 9110 7.6.1). It ignores
// keep-alive: the server decides that.
func (s *session) setConnection(value string, replace bool) error {
	for option, rest := nextOption(value); option != "" || rest != ""; option, rest = nextOption(rest) {
		if o := field.Trim(option); o != "" && !field.IsName(o) {
			return ErrField
		}
	}
	x := s.x
	if replace {
		x.options = ""
		s.clear(wantsClose)
	}
	var rare []byte // those after the first 256 bytes, which may repeat: to search all for each would take far too long
	for option, rest := nextOption(value); option != "" || rest != ""; option, rest = nextOption(rest) {
		few := len(x.options) < 256
		switch o := field.Trim(option); {
		case o == "", strings.EqualFold(o, "keep-alive"), few && hasOption(x.options, o):
		case strings.EqualFold(o, "close"):
			s.set(wantsClose)
		case few:
			x.options += ", " + o
		default:
			rare = append(append(rare, ", "...), o...)
		}
	}
	x.options += string(rare)
	return nil
}

// nextOption cuts a list at its first comma. strings.SplitSeq would make every
// value that is set escape to the heap.
func nextOption(list string) (option, rest string) {
	option, rest, _ = strings.Cut(list, ",")
	return option, rest
}

// delField undoes setField.
func (s *session) delField(name string) {
	x := s.x
	if x == nil {
		return
	}
	x.fields = removeField(x.fields, name)
	switch specialName(name) {
	case "Content-Length":
		x.declared = unknown
	case "Connection":
		x.options = ""
		s.clear(wantsClose)
	case "Upgrade":
		x.upgrades = false
	case "Date":
		x.hasDate = false
	}
}

// fieldValue returns the value of the first line with that name.
func fieldValue(lines []byte, name string) []byte {
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, crlf)
		if n := len(name); len(line) > n && line[n] == ':' && strings.EqualFold(string(line[:n]), name) {
			return bytes.TrimPrefix(line[n+1:], []byte(" "))
		}
		lines = rest
	}
	return nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// A fieldLine is a line that has passed the check. Most programs set the same few
// fields in every answer: recognising a line costs a quarter of checking it
// (BenchmarkSetField).
type fieldLine struct {
	line []byte
	name int // its length
}

// recall returns the slot in which a line is, if it was set before.
func (w *worker) recall(name, value string) *fieldLine {
	return &w.lines[(len(name)+len(value))%len(w.lines)]
}

func (m *fieldLine) is(name, value string) bool {
	n, end := len(name), len(name)+len(": ")+len(value)
	return m.name == n && len(m.line) == end+len("\r\n") && string(m.line[:n]) == name && string(m.line[n+len(": "):end]) == value
}

// learn remembers a line that has passed the check, unless it is long: that would
// not be worth the memory.
func (m *fieldLine) learn(name, value string) {
	const most = 256
	m.line, m.name = m.line[:0], len(name)
	if len(name)+len(value) <= most {
		m.line = appendField(m.line, name, value)
	}
}

// specialName returns the name in its usual case if the server writes that field
// itself, else "". The length alone rules out most names.
func specialName(name string) string {
	var special string
	switch len(name) {
	case len("Date"):
		special = "Date"
	case len("Upgrade"):
		special = "Upgrade"
	case len("Connection"):
		special = "Connection"
	case len("Content-Length"):
		special = "Content-Length"
	case len("Transfer-Encoding"):
		special = "Transfer-Encoding"
	}
	if !field.Is(name, special) {
		return ""
	}
	return special
}

// removeField removes all lines with that name.
func removeField(lines []byte, name string) []byte {
	for at := 0; at < len(lines); {
		end := at + bytes.IndexByte(lines[at:], '\n') + 1
		if n := at + len(name); n < end && lines[n] == ':' && strings.EqualFold(string(lines[at:n]), name) {
			lines = append(lines[:at], lines[end:]...)
		} else {
			at = end
		}
	}
	return lines
}
