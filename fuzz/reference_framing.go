// The reference parser's fields with a meaning: Host, Content-Length, Transfer-Encoding, Connection,
// Upgrade, Expect, and how they frame the body (RFC 9112 §3.2, §6, §9; RFC 9110 §7.6, §8.6, §10.1.1).

package fuzz

import (
	"math"
	"strings"
)

// framing is what a head has said so far.
type framing struct {
	hosts           int
	connection      []string // options, in lower case
	codings         bool     // Transfer-Encoding is there
	upgrade, expect bool
}

func (r *reference) requestField(f Field) {
	r.anyField(f)
	if lower(f.Name) != "host" {
		return
	}
	if r.f.hosts++; r.f.hosts > 1 {
		r.refuse("RFC 9112 §3.2: more than one Host")
	}
	if !isHostPort(f.Value) {
		r.refuse("RFC 9112 §3.2: Host is uri-host [ \":\" port ]")
	}
	if r.m.Host == "" {
		r.m.Host = f.Value
	}
}

// responseField knows which responses end with their head, "regardless of the header fields present in the
// message" (§6.3, rules 1 and 2). What those two fields say of other content is looked at in the end.
func (r *reference) responseField(f Field) {
	n := lower(f.Name)
	if r.bodiless() && (n == "content-length" || n == "transfer-encoding") {
		r.m.Fields = append(r.m.Fields, f)
		return
	}
	r.anyField(f)
}

// declared is the one thing that a response without a body may say of the content that another request
// would have got: a lone, well-formed Content-Length.
func (r *reference) declared() {
	lengths := 0
	for _, f := range r.m.Fields {
		switch lower(f.Name) {
		case "transfer-encoding":
			r.m.Length = -1
			r.f.codings = true
			return
		case "content-length":
			lengths++
			if r.m.Length = parseLength(f.Value); lengths > 1 {
				r.m.Length = -1
			}
		}
	}
}

// anyField sees what requests and responses have in common.
func (r *reference) anyField(f Field) {
	r.m.Fields = append(r.m.Fields, f)
	switch lower(f.Name) {
	case "content-length":
		r.contentLength(f.Value)
	case "transfer-encoding":
		r.transferEncoding(f.Value)
	case "connection":
		for _, o := range list(f.Value) {
			r.f.connection = append(r.f.connection, lower(o))
		}
	case "upgrade":
		r.f.upgrade = true
	case "expect":
		r.f.expect = true
	}
}

// Content-Length = 1*DIGIT
func (r *reference) contentLength(v string) {
	switch {
	case r.m.Length >= 0:
		r.refuse("RFC 9112 §6.3: Content-Length twice")
	case r.f.codings:
		r.refuse("RFC 9112 §6.1: Content-Length beside Transfer-Encoding")
	}
	if r.m.Length = parseLength(v); r.m.Length < 0 {
		r.refuse("RFC 9110 §8.6: Content-Length is 1*DIGIT, and no more than fits 63 bits")
	}
}

// parseLength returns -1 for what is no length.
func parseLength(v string) (n int64) {
	if v == "" || !all(v, isDigit) {
		return -1
	}
	for i := range len(v) {
		d := int64(v[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return -1
		}
		n = n*10 + d
	}
	return n
}

// Transfer-Encoding = #transfer-coding, in one line or several. "chunked" is the only one that is
// understood here, it may be there once only (§6.1), and so it is all that the list may hold. Empty
// elements are refused, against RFC 9110 §5.6.1.2: implementations differ in what they make of them.
func (r *reference) transferEncoding(v string) {
	switch {
	case r.m.Minor == 0:
		r.refuse("RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0")
	case r.m.Length >= 0:
		r.refuse("RFC 9112 §6.1: Transfer-Encoding beside Content-Length")
	}
	for coding := range strings.SplitSeq(v, ",") {
		name, _, hasParameter := strings.Cut(trimWhite(coding), ";")
		switch {
		case trimWhite(coding) == "":
			r.refuse("RFC 9112 §6.1: an empty transfer coding")
		case lower(trimWhite(name)) != "chunked":
			r.refuseWith(501, "RFC 9112 §6.1: unknown transfer coding")
		case hasParameter:
			r.refuse("RFC 9112 §7.1: parameters on chunked")
		case r.m.Chunked:
			r.refuse("RFC 9112 §6.1: chunked twice")
		}
		r.m.Chunked = true
	}
	r.f.codings = true
}

func (r *reference) endOfRequestHead() {
	if r.f.hosts == 0 && r.m.Minor > 0 {
		r.refuse("RFC 9112 §3.2: no Host")
	}
	r.endOfHead()
}

// endOfResponseHead follows RFC 9112 §6.3.
func (r *reference) endOfResponseHead() {
	if r.bodiless() {
		r.declared()
	}
	if r.tunnel() {
		r.m.Length = -1
	}
	r.endOfHead()
	if r.f.codings && r.m.Minor == 0 { // §6.1: such a connection closes
		r.m.KeepAlive = false
	}
	if !r.bodiless() && !r.m.Chunked && r.m.Length < 0 {
		r.m.UntilClose, r.m.KeepAlive = true, false
	}
}

// bodiless reports whether the response ends with its head, whatever the fields say (rules 1, 2).
func (r *reference) bodiless() bool {
	s := r.m.Status
	return r.m.Method == "HEAD" || s/100 == 1 || s == 204 || s == 304 || r.tunnel()
}

func (r *reference) tunnel() bool { return r.m.Method == "CONNECT" && r.m.Status/100 == 2 }

// endOfHead decides what the Connection options have to say (RFC 9112 §9.3, RFC 9110 §7.8).
func (r *reference) endOfHead() {
	has := map[string]bool{}
	for _, o := range r.f.connection {
		has[o] = true
	}
	r.m.KeepAlive = !has["close"] && (r.m.Minor > 0 || has["keep-alive"])
	r.m.Upgrade = r.f.upgrade && has["upgrade"] && r.m.Minor > 0
	r.m.Expect = r.f.expect && r.m.Minor > 0
}

// list returns the elements of a #rule, the empty ones skipped (RFC 9110 §5.6.1.2). Commas within
// quoted strings are not looked for: no list that matters here may hold any.
func list(v string) (elements []string) {
	for e := range strings.SplitSeq(v, ",") {
		if e = trimWhite(e); e != "" {
			elements = append(elements, e)
		}
	}
	return elements
}
