// The reading of a message: what a recipient has understood of some bytes. The generators say it
// of what they made, the reference parser of what it read, and a test adapts its own parser to it.

package fuzz

import "fmt"

// Message is one reading of a request or a response. Bytes are held in strings, one byte for one
// byte, and belong to the Message. A field that the message has not (Method in a response read
// without its request, Status in a request) is zero.
type Message struct {
	Method string // of the request; in a response, of the request that it is the answer to
	Target string // as it was sent
	Host   string // the effective host of a request: the target's authority, or else the Host field
	Status int
	Reason string
	Minor  int // of HTTP/1.Minor

	Fields   []Field // in order, names as they were sent, values without the whitespace around them
	Trailers []Field

	Chunked    bool  // framed by Transfer-Encoding: chunked
	Length     int64 // Content-Length, or -1 where there is none
	UntilClose bool  // a response framed by the end of the connection
	KeepAlive  bool  // the connection may serve another message (RFC 9112 §9.3)
	Upgrade    bool  // asks for another protocol, and Connection says so (RFC 9110 §7.8)
	Expect     bool  // expects something, mostly a 100 (RFC 9110 §10.1.1)

	Head int // the head's length in bytes, with the empty lines before it; 0 while it is incomplete
	Body string
}

// Field is a line of a header or trailer section.
type Field struct{ Name, Value string }

// Diff says in words where two readings of the same bytes part, or "" where they agree.
func (m *Message) Diff(o *Message) string {
	type pair struct {
		what string
		a, b any
	}
	for _, p := range []pair{
		{"method", m.Method, o.Method}, {"target", m.Target, o.Target}, {"host", m.Host, o.Host},
		{"status", m.Status, o.Status}, {"reason", m.Reason, o.Reason}, {"minor version", m.Minor, o.Minor},
		{"chunked", m.Chunked, o.Chunked}, {"length", m.Length, o.Length},
		{"until close", m.UntilClose, o.UntilClose}, {"keep-alive", m.KeepAlive, o.KeepAlive},
		{"upgrade", m.Upgrade, o.Upgrade}, {"expect", m.Expect, o.Expect},
		{"head's end", m.Head, o.Head}, {"body", m.Body, o.Body},
	} {
		if p.a != p.b {
			return fmt.Sprintf("%s: %#v and %#v", p.what, p.a, p.b)
		}
	}
	if d := diffFields("field", m.Fields, o.Fields); d != "" {
		return d
	}
	return diffFields("trailer", m.Trailers, o.Trailers)
}

func diffFields(what string, a, b []Field) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%s %d: %q and %q", what, i, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%ss: %d and %d of them", what, len(a), len(b))
	}
	return ""
}
