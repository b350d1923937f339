// The small parts of messages: tokens, values, whitespace, hosts, targets, payloads. Each is a type
// of its own with a gofuzz function that fills it, so that gofuzz can fill whatever is built of them.

package fuzz

import (
	"fmt"
	"strings"

	gofuzz "github.com/google/gofuzz"
)

type (
	method  string
	name    string // a field-name without a meaning for framing
	value   string // a field-value, without whitespace around it
	white   string // OWS or BWS
	host    string // uri-host [ ":" port ], not empty
	path    string // absolute-path [ "?" query ]
	token   string
	quoted  string // a quoted-string, with its quotes
	payload string // octets
	minor   int
)

var atoms = []any{
	func(m *method, c gofuzz.Continue) {
		*m = method(oneOf(c, "GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "PATCH", "get", "PRI", "M-SEARCH"))
		if c.Intn(8) == 0 {
			*m = method(some(c, tchars, 1, 12))
		}
	},
	func(n *name, c gofuzz.Continue) {
		*n = name(oneOf(c, "Accept", "Cookie", "User-Agent", "X", "Content-Type", "Content-Length-X", "Hos", "Hostt",
			"Connection2", "TE", "Trailer", "If-None-Match", "X-Forwarded-For", "Transfer-Encodin", "!#$%&'*+-.^_`|~"))
		if c.Intn(3) == 0 {
			*n = name("x" + some(c, tchars, 0, 40)) // no name that matters begins with an x
		}
		*n = name(recase(c, string(*n)))
	},
	func(v *value, c gofuzz.Continue) {
		switch c.Intn(6) {
		case 0:
			*v = ""
		case 1:
			*v = value(oneOf(c, "chunked", "close", "*/*;q=0.8", "a, b, c", `"quoted, \" string"`, "5", "HTTP/1.1 200 OK", "x: y", ":"))
		case 2:
			*v = value(trimWhite(some(c, texts, 1, 300)))
		default:
			*v = value(trimWhite(some(c, texts, 1, 30)))
		}
	},
	func(w *white, c gofuzz.Continue) {
		*w = white(oneOf(c, " ", " ", "", "", "\t", "  ", " \t \t"))
	},
	func(h *host, c gofuzz.Continue) {
		*h = host(oneOf(c, "example.com", "localhost", "127.0.0.1", "[::1]", "[2001:db8::1:0]", "[v1.a:b]", "a_b.c~d",
			"%41%2e", "!$&'()*+,;=", "999.999.999.999", "x"+some(c, unreserved, 0, 20)))
		*h += host(oneOf(c, "", "", ":80", ":8080", ":65535", ":"))
	},
	func(p *path, c gofuzz.Continue) {
		*p = path("/" + oneOf(c, "", "", "index.html", "a/b/../c", "//x", "%00%2f%zz%", "*", "http://h/", "[\\]^`{|}", some(c, targets, 0, 40)))
		switch c.Intn(6) {
		case 0:
			*p += path("?" + some(c, targets, 0, 40))
		case 1:
			*p += path("?" + oneOf(c, "", "?", "a=b&c=d", "/?/", "q=%20"))
		}
	},
	func(t *token, c gofuzz.Continue) { *t = token(some(c, tchars, 1, 10)) },
	func(q *quoted, c gofuzz.Continue) {
		var b strings.Builder
		for range c.Intn(10) {
			switch s := some(c, texts, 1, 1); s {
			case `"`, `\`:
				b.WriteString(`\` + s)
			default:
				b.WriteString(oneOf(c, s, s, `\`+s))
			}
		}
		*q = quoted(`"` + b.String() + `"`)
	},
	func(p *payload, c gofuzz.Continue) {
		switch c.Intn(8) {
		case 0: // what a request smuggled in a body would look like
			*p = payload(fmt.Sprintf("GET /smuggled/%d HTTP/1.1\r\nHost: evil\r\n\r\n", c.Intn(100)))
		case 1:
			*p = payload(oneOf(c, "\r\n", "0\r\n\r\n", "\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"))
		case 2:
			*p = payload(strings.Repeat(some(c, octets, 1, 40), 1+c.Intn(100)))
		default:
			*p = payload(some(c, octets, 1, 40))
		}
	},
	func(m *minor, c gofuzz.Continue) {
		*m = 1
		if c.Intn(5) == 0 {
			*m = minor(oneOf(c, 0, 0, 0, 2, 9))
		}
	},
}

// Alphabets of a class of bytes each.
var (
	tchars     = alphabet(isTchar)
	texts      = alphabet(isText)
	targets    = alphabet(isTarget)
	unreserved = alphabet(isUnreserved)
	octets     = alphabet(func(byte) bool { return true })
)

func alphabet(class func(byte) bool) string {
	var b []byte
	for c := range 256 {
		if class(byte(c)) {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

// some is between least and most bytes of an alphabet, more often few than many. One choice fixes
// the length and few the bytes, so that long parts do not eat up an engine's input.
func some(c gofuzz.Continue, from string, least, most int) string {
	b := make([]byte, least+c.Intn(c.Intn(most-least+1)+1))
	x := uint32(c.Int31())
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = from[int(x>>8)%len(from)]
	}
	return string(b)
}

func oneOf[T any](c gofuzz.Continue, of ...T) T { return of[c.Intn(len(of))] }

// recase changes the case of some or all letters.
func recase(c gofuzz.Continue, s string) string {
	switch c.Intn(4) {
	case 0:
		return strings.ToLower(s)
	case 1:
		return strings.ToUpper(s)
	case 2:
		b, x := []byte(s), c.Int31()
		for i := range b {
			if isAlpha(b[i]) && x>>(i%31)&1 != 0 {
				b[i] ^= 0x20
			}
		}
		return string(b)
	}
	return s
}
