// The reference parser's bodies: RFC 9112 §6 and §7.

package fuzz

import (
	"math"
	"strings"
)

func (r *reference) messageBody() {
	switch {
	case r.isResponse && r.bodiless():
	case r.m.Chunked:
		r.chunkedBody()
	case r.m.UntilClose:
		r.m.Body = string(r.b[r.i:])
		r.i = len(r.b)
		if !r.eof {
			panic(endOfInput{})
		}
	case r.m.Length > 0:
		r.m.Body = r.octets(r.m.Length)
	}
}

func (r *reference) octets(n int64) string {
	if int64(len(r.b)-r.i) < n {
		panic(endOfInput{})
	}
	r.i += int(n)
	return string(r.b[r.i-int(n) : r.i])
}

// chunked-body = *chunk last-chunk trailer-section CRLF
func (r *reference) chunkedBody() {
	var body strings.Builder
	defer func() { r.m.Body = body.String() }() // also what came before an error
	for {
		size := r.chunkSize()
		r.chunkExt()
		r.crlf("RFC 9112 §7.1: CRLF after the chunk-size and its extensions")
		if size == 0 {
			break
		}
		body.WriteString(r.octets(size))
		r.crlf("RFC 9112 §7.1: CRLF after the chunk-data")
	}
	r.fieldSection(func(f Field) { r.m.Trailers = append(r.m.Trailers, f) })
}

// chunk-size = 1*HEXDIG
func (r *reference) chunkSize() (size int64) {
	from := r.i
	for ; isHex(r.peek()); r.i++ {
		d := int64(strings.IndexByte("0123456789abcdef", r.b[r.i]|0x20))
		if size > (math.MaxInt64-d)/16 {
			r.refuse("RFC 9112 §7.1: chunk-size overflows")
		}
		size = size*16 + d
	}
	if r.i == from {
		r.refuse("RFC 9112 §7.1: chunk-size is 1*HEXDIG")
	}
	return size
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
func (r *reference) chunkExt() {
	for {
		bws := r.many(isWhite)
		if r.peek() != ';' {
			if bws != "" {
				r.refuse("RFC 9112 §7.1.1: whitespace without an extension")
			}
			return
		}
		r.i++
		r.many(isWhite)
		r.some(isTchar, "RFC 9112 §7.1.1: chunk-ext-name is a token")
		r.chunkExtVal()
	}
}

// chunkExtVal takes [ BWS "=" BWS chunk-ext-val ], chunk-ext-val = token / quoted-string.
// The whitespace belongs to what follows, be it "=" or the next ";".
func (r *reference) chunkExtVal() {
	from := r.i
	r.many(isWhite)
	if r.peek() != '=' {
		r.i = from
		return
	}
	r.i++
	r.many(isWhite)
	if r.peek() == '"' {
		r.quotedString()
		return
	}
	r.some(isTchar, "RFC 9112 §7.1.1: chunk-ext-val is a token or a quoted-string")
}

// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE (RFC 9110 §5.6.4)
func (r *reference) quotedString() {
	r.i++
	for r.peek() != '"' {
		if r.b[r.i] == '\\' {
			r.i++
		}
		if !isText(r.peek()) {
			r.refuse("RFC 9110 §5.6.4: a control in a quoted-string")
		}
		r.i++
	}
	r.i++
}
