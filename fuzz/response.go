// Responses as concrete syntax, beside request.go.

package fuzz

import (
	"fmt"
	"strings"

	gofuzz "github.com/google/gofuzz"
)

type response struct {
	Method  method // of the request
	Minor   minor
	Status  uint16
	Reason  value
	Bare    bool // no SP after the status; without a reason only
	Lines   []line
	Options options
	Upgrade bool
	Body    body

	length int64 // what Content-Length says where no body follows, or -1
	faulty bool  // a coding in 1.0, where no body follows
}

// bodiless reports whether a response ends with its head (RFC 9112 §6.3, items 1 and 2).
func (r *response) bodiless() bool {
	return r.Status/100 == 1 || r.Status == 204 || r.Status == 304 || r.Method == "HEAD" || r.tunnel()
}

// tunnel reports whether Content-Length and Transfer-Encoding mean nothing.
func (r *response) tunnel() bool { return r.Method == "CONNECT" && r.Status/100 == 2 }

func (r *response) settle(c gofuzz.Continue) {
	r.Status = oneOf[uint16](c, 200, 200, 200, 100, 101, 103, 204, 206, 301, 304, 404, 500, 599, 100+r.Status%900)
	if c.RandBool() {
		r.Reason = value(oneOf(c, "OK", "", "Not Found", "  two  spaces ", "\t", "\x80\xff"))
	}
	r.Bare = r.Bare && r.Reason == ""
	r.length = -1
	switch {
	case r.bodiless():
		r.Body.Framing = absent
		if c.RandBool() {
			r.length = int64(c.Intn(1 << 20)) // of the content that another method would have got
			r.Lines = insert(c, r.Lines, "Content-Length", fmt.Sprint(r.length))
		}
		if c.Intn(4) == 0 { // nonsense, which frames nothing here (RFC 9112 §6.3)
			r.Lines = insert(c, r.Lines, "Content-Length", oneOf(c, "", "x", "-1", "5, 5", "18446744073709551616"))
			if r.length < 0 && c.RandBool() {
				r.Lines = insert(c, r.Lines, "content-length", "7")
			}
			r.length = -1
		}
		if c.Intn(4) == 0 {
			r.Lines = insert(c, r.Lines, "Transfer-Encoding", oneOf(c, "chunked", "gzip", "chunked, chunked", ""))
			r.length, r.faulty = -1, r.Minor == 0
		}
		if r.tunnel() {
			r.length = -1
		}
	case r.Body.Framing == absent || r.Body.Framing == chunked && r.Minor == 0:
		r.Body.Framing = untilClose
	}
	r.Lines = r.Body.announce(c, r.Lines)
	if len(r.Options.Has) > 0 {
		r.Lines = insert(c, r.Lines, "Connection", r.Options.List)
	}
	if r.Upgrade = r.Upgrade && c.Intn(4) == 0; r.Upgrade {
		r.Lines = insert(c, r.Lines, "Upgrade", "websocket")
	}
}

func (r *response) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.%d %03d", r.Minor, r.Status)
	if !r.Bare {
		b.WriteString(" " + string(r.Reason))
	}
	b.WriteString("\r\n")
	for _, l := range r.Lines {
		b.WriteString(l.String())
	}
	b.WriteString("\r\n")
	return b.String()
}

func (r *response) bytes() []byte { return []byte(r.head() + r.Body.String()) }

func (r *response) message() Message {
	m := Message{
		Method: string(r.Method), Status: int(r.Status), Reason: string(r.Reason), Minor: int(r.Minor),
		KeepAlive: r.Options.keepAlive(r.Minor) && r.Body.Framing != untilClose && !r.faulty,
		Upgrade:   r.Upgrade && r.Options.has("upgrade") && r.Minor > 0,
		Head:      len(r.head()),
	}
	for _, l := range r.Lines {
		m.Fields = append(m.Fields, Field{string(l.Name), string(l.Value)})
	}
	r.Body.tell(&m)
	if r.length >= 0 {
		m.Length = r.length
	}
	return m
}
