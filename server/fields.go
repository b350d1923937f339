// Fields: the head of an answer, from what the program set and what HTTP asks
// for.

package server

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

var crlf = []byte("\r\n")

// statusLines holds the status lines that have a reason phrase.
var statusLines = func() (lines [600]string) {
	for code := range lines {
		if text := http.StatusText(code); text != "" {
			lines[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + text + "\r\n"
		}
	}
	return lines
}()

// statusLine is the first line of an answer. The space behind the code is there
// also without a reason phrase (RFC 9112 4).
func statusLine(code int) string {
	if code < len(statusLines) && statusLines[code] != "" {
		return statusLines[code]
	}
	return "HTTP/1.1 " + strconv.Itoa(code) + " \r\n"
}

// setField checks a field and keeps its line until the head is sent.
func (s *session) setField(name, value string, replace bool) error {
	x, known := s.extra(), s.worker.recall(name, value)
	if !known.is(name, value) {
		if !isToken(name) || !isValue(value) {
			return ErrField
		}
		value = trimSpace(value)
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

// setSpecial is setField for those that the server has a say in.
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
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(trimSpace(option), "close") {
				s.clear(persist)
			}
		}
		// written by writeHead
	case "Date":
		x.hasDate = true
		x.fields = appendField(removeField(x.fields, name), name, value)
	}
	return nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// A fieldLine is one that was found good. Most programs set the same few fields
// in every answer: to see that a line is the one from before costs a quarter of
// checking it (BenchmarkSetField).
type fieldLine struct {
	line []byte
	name int // its length
}

// recall is where a line would be, if it was set before.
func (w *worker) recall(name, value string) *fieldLine {
	return &w.lines[(len(name)+len(value))%len(w.lines)]
}

func (m *fieldLine) is(name, value string) bool {
	n, end := len(name), len(name)+len(": ")+len(value)
	return m.name == n && len(m.line) == end+len("\r\n") && string(m.line[:n]) == name && string(m.line[n+len(": "):end]) == value
}

// learn takes a line that is good; a long one is not worth the memory.
func (m *fieldLine) learn(name, value string) {
	const most = 256
	m.line, m.name = m.line[:0], len(name)
	if len(name)+len(value) <= most {
		m.line = appendField(m.line, name, value)
	}
}

// specialName is the name in its usual case, if it is of a field that the server
// writes itself. Most names are told from these by their length.
func specialName(name string) string {
	var special string
	switch len(name) {
	case len("Date"):
		special = "Date"
	case len("Connection"):
		special = "Connection"
	case len("Content-Length"):
		special = "Content-Length"
	case len("Transfer-Encoding"):
		special = "Transfer-Encoding"
	}
	if !strings.EqualFold(name, special) {
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

// tchar marks the bytes of a token (RFC 9110 5.6.2).
var tchar = func() (t [256]bool) {
	for c := range 0x80 {
		t[c] = '0' <= c && c <= '9' || 'A' <= c&^0x20 && c&^0x20 <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()

func isToken(s string) bool {
	for i := range len(s) {
		// Letters need no look at the table, which may have left the cache.
		if c := s[i]; c|0x20-'a' >= 26 && c != '-' && !tchar[c] {
			return false
		}
	}
	return len(s) > 0
}

// isValue tells whether s may be a field's value (RFC 9110 5.5): a CR or LF in
// one would split the answer.
func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trimSpace cuts the whitespace around a value, which is not part of it (RFC 9110
// 5.5). strings.Trim would do, but makes a set of its cutset each time.
func trimSpace(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// noBody tells that the answer has no body, whatever is written (RFC 9110
// 6.4.1).
func (s *session) noBody() bool {
	return s.is(headOnly) || s.status == 101 || s.status == 204 || s.status == 304
}

// tunnel tells that behind the answer's head the connection would not speak HTTP
// any more (RFC 9110 9.3.6, 15.2.2). Only Hijack may answer so.
func (s *session) tunnel() bool {
	return s.status == 101 || s.is(connect) && s.status < 300
}

// Lengths of an answer's body, in place of one that is known.
const (
	unknown    = -1 // it is chunked
	untilClose = -2 // the connection's end ends it
	unsaid     = -3 // there is none, and nothing is said of it
)

// startAnswer is writeHead for an answer that goes on in HTTP. One that cannot
// is the program's mistake, and the server's to answer.
func (s *session) startAnswer(n int64, body []byte) error {
	switch {
	case !s.tunnel():
		return s.writeHead(n, body)
	case s.is(connect):
		s.refuse(501, "this server is no proxy")
	default:
		s.refuse(500, "the protocol was not switched")
	}
	return ErrStatus
}

// A head is put together where it is sent from, and the body behind it if that is
// not too long to be copied.
const (
	headRoom  = 256 // for what the server says in a head
	mostWhole = 16 << 10
)

// writeHead sends the head of the answer, and body with it, if the answer has
// one. n is the length of the body if that is known, else -1 or untilClose.
func (s *session) writeHead(n int64, body []byte) error {
	x := s.x
	if s.status == 0 {
		s.status = 200
	}
	s.set(sent)
	s.worker.counts.status(int(s.status))
	if s.noBody() {
		s.set(bodiless)
		body = nil
	}
	size := headRoom
	if x != nil {
		size += len(x.fields)
		if x.declared < 0 {
			x.declared = n
		}
		n, x.written = x.declared, int64(len(body))
	}
	if len(body) <= mostWhole {
		size += len(body)
	}
	b := s.appendHead(s.conn.AvailableBuffer(size), n)
	if len(body) <= mostWhole {
		b, body = append(b, body...), nil
	}
	_, err := s.conn.Write(b)
	if err == nil && len(body) > 0 {
		_, err = s.conn.Write(body)
	}
	return err
}

// appendHead puts the head together, what concerns the message as a whole first
// (RFC 9110 5.3).
func (s *session) appendHead(b []byte, n int64) []byte {
	w, x := s.worker, s.x
	if n >= 0 && s.usual() {
		b = strconv.AppendInt(append(b, w.usual...), n, 10)
		b = append(b, "\r\n"...)
		if x != nil {
			b = append(b, x.fields...)
		}
		return append(b, "\r\n"...)
	}
	b = append(b, statusLine(int(s.status))...)
	if x == nil || !x.hasDate {
		b = append(b, w.dateLine()...)
	}
	b = s.appendFraming(b, n)
	if x != nil {
		b = append(b, x.fields...)
	}
	b = s.appendConnection(b)
	return append(b, "\r\n"...)
}

// usual tells that the answer begins as worker.usual does, and that nothing has
// to be said of the connection: so it is with most answers.
func (s *session) usual() bool {
	return s.status == 200 && s.phase == answering && s.flags&(persist|old|connect) == persist &&
		!s.worker.draining && (s.x == nil || !s.x.hasDate)
}

// appendFraming says how the body ends (RFC 9112 6).
func (s *session) appendFraming(b []byte, n int64) []byte {
	switch {
	case s.status == 204 || s.tunnel():
		return b // RFC 9110 8.6, RFC 9112 6.1: these have neither field
	case s.status == 304 && n <= 0:
		return b // that of the answer to GET, if the program knows it
	case n >= 0:
		b = append(b, usualLength...)
		b = strconv.AppendInt(b, n, 10)
		return append(b, "\r\n"...)
	case n == unsaid:
		return b // HEAD: nobody knows what the answer to GET has
	case s.is(old) || n == untilClose:
		s.clear(persist)
		if !s.is(bodiless) {
			s.set(endless)
			s.conn.ResetOnError()
		}
		return b
	}
	s.set(chunked)
	return append(b, "Transfer-Encoding: chunked\r\n"...)
}

// appendConnection says whether the connection goes on (RFC 9112 9.3, 9.6).
func (s *session) appendConnection(b []byte) []byte {
	switch {
	case s.status == 101:
		return append(b, "Connection: upgrade\r\n"...)
	case s.tunnel():
		return b
	case s.worker.draining || s.phase == receiving && !s.canSkip() && (s.x == nil || !s.x.duplex):
		s.clear(persist)
	}
	switch {
	case !s.is(persist):
		return append(b, "Connection: close\r\n"...)
	case s.is(old):
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}
