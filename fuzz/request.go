// Requests as concrete syntax: every choice that the grammar leaves to the sender is a field, filled
// by gofuzz; bytes() is what is sent and message() what it means.

package fuzz

import (
	"fmt"
	"strings"

	gofuzz "github.com/google/gofuzz"
)

type request struct {
	Empty   uint8 // empty lines before it
	Method  method
	Target  target
	Minor   minor
	Lines   []line // all of them, in the order sent
	Options options
	Upgrade bool
	Expect  bool
	Body    body

	host string // the effective one
}

type target struct {
	Authority host
	Path      path
	Form      uint8
	wire      string
}

type line struct {
	Name   name
	Before white
	Value  value
	After  white
}

func (l line) String() string {
	return string(l.Name) + ":" + string(l.Before) + string(l.Value) + string(l.After) + "\r\n"
}

// options is the Connection field.
type options struct {
	Has  []option
	List string // as it is sent
}

type option string

// messages are the gofuzz functions of what is larger than an atom: gofuzz fills the parts first, and
// then the function settles what hangs together.
var messages = []any{
	func(r *request, c gofuzz.Continue) { c.FuzzNoCustom(r); r.settle(c) },
	func(r *response, c gofuzz.Continue) { c.FuzzNoCustom(r); r.settle(c) },
	func(b *body, c gofuzz.Continue) { c.FuzzNoCustom(b); b.settle(c) },
	func(o *option, c gofuzz.Continue) {
		*o = option(oneOf(c, "keep-alive", "keep-alive", "close", "upgrade", "x", "Keep-Alives", "close2"))
	},
	func(o *options, c gofuzz.Continue) {
		c.Fuzz(&o.Has)
		o.Has = o.Has[:len(o.Has)/2] // mostly few
		for _, e := range o.Has {
			o.List += oneOf(c, "", "", ", ", ",,") + recase(c, string(e)) + oneOf(c, ",", ", ", " \t,")
		}
		o.List = trimWhite(oneOf(c, o.List, strings.TrimRight(o.List, ", \t")))
	},
}

func (o *options) has(e option) bool {
	for _, h := range o.Has {
		if h == e {
			return true
		}
	}
	return false
}

// keepAlive is RFC 9112 §9.3.
func (o *options) keepAlive(m minor) bool {
	return !o.has("close") && (m > 0 || o.has("keep-alive"))
}

// settle makes one well-formed request of parts that were chosen for themselves.
func (r *request) settle(c gofuzz.Continue) {
	r.Empty = oneOf[uint8](c, 0, 0, 0, 0, 1, 2)
	r.settleTarget(c)
	if h := r.hostLine(c); r.Minor > 0 || c.RandBool() {
		r.Lines = insert(c, r.Lines, "Host", string(h))
		if r.host == "" {
			r.host = string(h)
		}
	}
	if r.Minor == 0 && r.Body.Framing == chunked {
		r.Body.Framing = sized
	}
	r.Lines = r.Body.announce(c, r.Lines)
	if len(r.Options.Has) > 0 {
		r.Lines = insert(c, r.Lines, "Connection", r.Options.List)
	}
	if r.Upgrade = r.Upgrade && c.Intn(4) == 0; r.Upgrade {
		r.Lines = insert(c, r.Lines, "Upgrade", oneOf(c, "websocket", "h2c, x/2"))
	}
	if r.Expect = r.Expect && c.Intn(4) == 0; r.Expect {
		r.Lines = insert(c, r.Lines, "Expect", recase(c, oneOf(c, "100-continue", "100-continue", "x=y")))
	}
}

// settleTarget chooses a form that the method allows (RFC 9112 §3.2).
func (r *request) settleTarget(c gofuzz.Continue) {
	t := &r.Target
	switch {
	case r.Method == "CONNECT":
		h, _, _ := splitPort(string(t.Authority))
		t.wire = h + oneOf(c, ":80", ":443", ":65535")
		r.host = t.wire
	case t.Form%8 == 0:
		r.host = string(t.Authority)
		rest := oneOf(c, string(t.Path), "", "?q")
		t.wire = oneOf(c, "http", "https", "HTTP", "coap+tcp", "x-1.2") + "://" + r.host + rest
	case t.Form%8 == 1 && r.Method == "OPTIONS":
		t.wire = "*"
	default:
		t.wire = string(t.Path)
	}
}

// hostLine returns the Host field's value, which need not be the target's authority.
func (r *request) hostLine(c gofuzz.Continue) (h host) {
	if c.Intn(6) > 0 {
		c.Fuzz(&h)
	}
	return h
}

// insert puts a line somewhere among the others.
func insert(c gofuzz.Continue, lines []line, n, v string) []line {
	l := line{Name: name(recase(c, n)), Value: value(v)}
	c.Fuzz(&l.Before)
	c.Fuzz(&l.After)
	i := c.Intn(len(lines) + 1)
	return append(lines[:i:i], append([]line{l}, lines[i:]...)...)
}

func (r *request) head() string {
	var b strings.Builder
	b.WriteString(strings.Repeat("\r\n", int(r.Empty)))
	fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\n", r.Method, r.Target.wire, r.Minor)
	for _, l := range r.Lines {
		b.WriteString(l.String())
	}
	b.WriteString("\r\n")
	return b.String()
}

func (r *request) bytes() []byte { return []byte(r.head() + r.Body.String()) }

func (r *request) message() Message {
	m := Message{
		Method: string(r.Method), Target: r.Target.wire, Host: r.host, Minor: int(r.Minor),
		KeepAlive: r.Options.keepAlive(r.Minor),
		Upgrade:   r.Upgrade && r.Options.has("upgrade") && r.Minor > 0,
		Expect:    r.Expect && r.Minor > 0,
		Head:      len(r.head()),
	}
	for _, l := range r.Lines {
		m.Fields = append(m.Fields, Field{string(l.Name), string(l.Value)})
	}
	r.Body.tell(&m)
	return m
}
