// The reference parser: slow, plain, and read beside the RFC. Each function below is a rule of the
// ABNF in RFC 9112 (or RFC 9110 and RFC 3986 where that says so) and is named after it. It shares
// no code with parser/, for which it is the oracle, and knows no limits.

package fuzz

import (
	"fmt"
	"io"
)

// Refusal is the error of a message that no bytes to come could make well formed.
type Refusal struct {
	Offset int    // of the byte at which the reference parser gave up
	Rule   string // what forbids it: "RFC 9112 §5.1: whitespace before the colon"
	Status int    // the answer that a server owes: 400, 501 or 505
}

func (r *Refusal) Error() string { return fmt.Sprintf("byte %d: %s", r.Offset, r.Rule) }

// ReadRequest reads the request that b begins with, strictly by RFC 9112, and returns its reading
// and its length in bytes. The error is io.ErrUnexpectedEOF where b ends too early (the head is
// told all the same if m.Head > 0), and otherwise a *Refusal.
func ReadRequest(b []byte) (m Message, n int, err error) {
	r := reference{b: b, m: Message{Length: -1}}
	err = r.run(r.request)
	return r.m, r.i, err
}

// ReadResponse reads the response that b begins with as ReadRequest does requests. method is that
// of the request answered, on which the framing hangs; eof means that nothing follows b, which
// ends a body that has no length.
func ReadResponse(b []byte, method string, eof bool) (m Message, n int, err error) {
	r := reference{b: b, m: Message{Method: method, Length: -1}, eof: eof}
	err = r.run(r.response)
	return r.m, r.i, err
}

// ReadChunked reads a chunked body (RFC 9112 §7.1) with its trailer section.
func ReadChunked(b []byte) (body string, trailers []Field, n int, err error) {
	r := reference{b: b}
	err = r.run(r.chunkedBody)
	return r.m.Body, r.m.Trailers, r.i, err
}

// reference is a recursive descent over b. The rules leave by panic, as text/template's parser
// does, so that they read like the grammar; run turns that into an error.
type reference struct {
	b []byte
	i int
	m Message
	f framing

	isResponse bool
	eof        bool
}

func (r *reference) run(rule func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Refusal:
			r.i, err = 0, e
		case endOfInput:
			r.i, err = 0, io.ErrUnexpectedEOF
		default:
			panic(e)
		}
	}()
	rule()
	return nil
}

type endOfInput struct{}

func (r *reference) refuse(rule string) { r.refuseWith(400, rule) }

func (r *reference) refuseWith(status int, rule string) {
	panic(&Refusal{Offset: r.i, Rule: rule, Status: status})
}

// peek returns the next byte; there has to be one.
func (r *reference) peek() byte {
	if r.i == len(r.b) {
		panic(endOfInput{})
	}
	return r.b[r.i]
}

// many takes *class.
func (r *reference) many(class func(byte) bool) string {
	from := r.i
	for class(r.peek()) {
		r.i++
	}
	return string(r.b[from:r.i])
}

// some takes 1*class.
func (r *reference) some(class func(byte) bool, rule string) string {
	s := r.many(class)
	if s == "" {
		r.refuse(rule)
	}
	return s
}

// literal takes the very bytes of s.
func (r *reference) literal(s, rule string) {
	for j := range len(s) {
		if r.peek() != s[j] {
			r.refuse(rule)
		}
		r.i++
	}
}

func (r *reference) crlf(rule string) { r.literal("\r\n", rule) }

// HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]

func (r *reference) request() {
	for r.peek() == '\r' { // §2.2: empty lines before the request-line are skipped
		r.crlf("RFC 9112 §2.2: bare CR")
	}
	r.requestLine()
	r.fieldSection(r.requestField)
	r.endOfRequestHead()
	r.m.Head = r.i
	r.messageBody()
}

func (r *reference) response() {
	r.isResponse = true
	r.statusLine()
	r.fieldSection(r.responseField)
	r.endOfResponseHead()
	r.m.Head = r.i
	r.messageBody()
}

// request-line = method SP request-target SP HTTP-version
func (r *reference) requestLine() {
	r.m.Method = r.some(isTchar, "RFC 9110 §9.1: method is a token")
	r.literal(" ", "RFC 9112 §3: one SP after the method")
	r.requestTarget()
	r.literal(" ", "RFC 9112 §3.2: one SP after a target, which holds what RFC 3986 and browsers have in one")
	r.httpVersion()
	r.crlf("RFC 9112 §3: CRLF after the version")
}

// HTTP-version = HTTP-name "/" DIGIT "." DIGIT
func (r *reference) httpVersion() {
	r.literal("HTTP/", "RFC 9112 §2.3: HTTP-name, in capitals")
	if !isDigit(r.peek()) {
		r.refuse("RFC 9112 §2.3: major version is a DIGIT")
	}
	if r.b[r.i] != '1' {
		r.refuseWith(505, "RFC 9110 §15.6.6: major version")
	}
	r.i++
	r.literal(".", "RFC 9112 §2.3: a dot between two DIGITs")
	if !isDigit(r.peek()) {
		r.refuse("RFC 9112 §2.3: minor version is a DIGIT")
	}
	r.m.Minor = int(r.b[r.i] - '0')
	r.i++
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ]
//
// A liberty: the second SP may be missing where the reason is, as many servers have it (RFC 9112 §2.2).
func (r *reference) statusLine() {
	r.httpVersion()
	r.literal(" ", "RFC 9112 §4: one SP after the version")
	for range 3 { // status-code = 3DIGIT
		if !isDigit(r.peek()) {
			r.refuse("RFC 9112 §4: status-code is three DIGITs")
		}
		r.m.Status = r.m.Status*10 + int(r.b[r.i]-'0')
		if r.m.Status == 0 {
			r.refuse("RFC 9110 §15: a status-code is 100 or more")
		}
		r.i++
	}
	if r.peek() != '\r' {
		r.literal(" ", "RFC 9112 §4: SP or CRLF after the status-code")
		r.m.Reason = r.many(isText) // 1*( HTAB / SP / VCHAR / obs-text )
	}
	r.crlf("RFC 9112 §4: reason-phrase is text, then CRLF")
}

// *( field-line CRLF ) CRLF, each line told to see.
func (r *reference) fieldSection(see func(Field)) {
	for r.peek() != '\r' {
		see(r.fieldLine())
	}
	r.crlf("RFC 9112 §2.2: bare CR")
}

// field-line = field-name ":" OWS field-value OWS
func (r *reference) fieldLine() Field {
	if isWhite(r.peek()) {
		r.refuse("RFC 9112 §2.2, §5.2: a line that begins with whitespace")
	}
	name := r.some(isTchar, "RFC 9110 §5.1: field-name is a token")
	r.literal(":", "RFC 9112 §5.1: the colon follows the name at once")
	value := trimWhite(r.many(isText))
	r.crlf("RFC 9110 §5.5: field-value is text, then CRLF")
	return Field{name, value}
}

// Classes of bytes: RFC 9110 §5.6.2, RFC 5234 appendix B.1.

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isVchar(c byte) bool { return 0x21 <= c && c <= 0x7e }
func isObs(c byte) bool   { return c >= 0x80 }
func isWhite(c byte) bool { return c == ' ' || c == '\t' }
func isText(c byte) bool  { return isWhite(c) || isVchar(c) || isObs(c) }
func isTchar(c byte) bool { return isDigit(c) || isAlpha(c) || isIn(c, "!#$%&'*+-.^_`|~") }

func isIn(c byte, set string) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}

// lower maps A-Z alone: no other octet may pass for a letter (strings.ToLower has the Kelvin sign be a k).
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// trimWhite takes the OWS off both ends (RFC 9110 §5.6.3).
func trimWhite(s string) string {
	for s != "" && isWhite(s[0]) {
		s = s[1:]
	}
	for s != "" && isWhite(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
