// Chunked bodies, byte by byte: the machine that has the last word on every one.

package parser

import (
	"io"
	"math"
)

// The states of a body. From bodyChunked on they are those of
//
//	chunked-body   = *chunk last-chunk trailer-section CRLF
//	chunk          = 1*HEXDIG [ chunk-ext ] CRLF chunk-data CRLF
//	chunk-ext      = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
//	trailer-section= *( field-line CRLF )                          ; see section.go
//
// (RFC 9112 7.1). Whitespace in an extension must have a ";" or "=" on one side; there is none
// around the size.
type bodyState uint8

const (
	bodyDone bodyState = iota // also: no body
	bodySized
	bodyUntilClose
	bodyAtTrailer
	bodyFailed

	bodyChunked  // before the first digit of a size
	bodySize     // after a digit
	bodyData     // within chunk-data
	bodyDataCR   // after it
	bodyDataLF   // after its CR
	bodySizeLF   // after the CR of a size line
	bodyTrailer  // in the trailer section, where Body.field says
	bodyExtAfter // whitespace after a size, an extension's name or a value
	bodyExtName0 // after ";"
	bodyExtName
	bodyExtNameWS // whitespace after the name
	bodyExtVal0   // after "="
	bodyExtVal
	bodyExtQuoted // within quotes
	bodyExtEscape // after a backslash there
	bodyExtEnd    // after the closing quote
)

const (
	// maxExcess bounds the framing that is out of proportion: the bytes of size lines and line ends
	// count, and three are forgiven for each byte of content. So chunks of two bytes pass for ever,
	// and 32,000 of one byte in a row.
	maxExcess   = 1<<16 - 1
	forgiven    = 3
	maxSizeLine = 16 << 10 // digits and extensions
	maxTrailer  = DefaultMaxSize

	lastChunk = "\r\n0\r\n\r\n" // after the data of the one before
)

// chunked is Next for a chunked body.
func (b *Body) chunked(p []byte) (data []byte, n int, err error) {
	i := 0
	for {
		if b.state == bodyData {
			run := int(min(int64(len(p)-i), b.left))
			data = p[i : i+run : i+run]
			i += run
			if b.left -= int64(run); b.left > 0 {
				b.off += int64(i)
				if run == 0 {
					data = nil
				}
				return data, i, nil
			}
			b.state = bodyDataCR
			if b.atLast(p, i) {
				b.state = bodyDone
				i += len(lastChunk)
				err = io.EOF
			}
			b.off += int64(i)
			return data, i, err
		}
		if b.state >= bodyTrailer {
			i += b.skip(p[i:])
		}
		if i == len(p) {
			b.off += int64(i)
			return nil, i, nil
		}
		if e := b.step(p[i]); e != 0 {
			b.state, b.err = bodyFailed, e
			b.off += int64(i)
			return nil, i, e
		}
		i++
		switch b.state {
		case bodyDone:
			b.off += int64(i)
			return nil, i, io.EOF
		case bodyTrailer:
			if b.opts&keepsTrailer != 0 { // as the section begins
				b.state = bodyAtTrailer
				b.off += int64(i)
				return nil, i, ErrTrailer
			}
		}
	}
}

// step takes one byte of framing.
func (b *Body) step(c byte) Error {
	switch b.state {
	case bodyTrailer:
		return b.trailer(c)
	case bodyDataCR:
		return b.expect(c, '\r', bodyDataLF)
	case bodyDataLF:
		b.left = 0
		return b.expect(c, '\n', bodyChunked)
	}
	if b.extra == maxExcess || b.line == maxSizeLine {
		return ErrChunkOverhead
	}
	b.extra++
	b.line++
	switch b.state {
	case bodyChunked, bodySize:
		if d := hexDigit[c]; d != notHex {
			if b.left > math.MaxInt64>>4 {
				return ErrChunkSize
			}
			b.left = b.left<<4 | int64(d)
			b.state = bodySize
			return 0
		}
		if b.state == bodyChunked {
			return ErrChunkSize
		}
		switch c {
		case '\r', ' ', '\t', ';':
			return b.extension(c)
		case '\n':
			return ErrChunkEnd
		}
		return ErrChunkSize
	case bodySizeLF:
		if c != '\n' {
			return ErrChunkEnd
		}
		b.line = 0
		if b.left == 0 {
			b.state, b.field, b.extra = bodyTrailer, atLine, 0
			return 0
		}
		b.state = bodyData
		b.forgive()
		return 0
	}
	return b.extension(c)
}

// forgive settles the account of a chunk when its size line is over; the CRLF after its data is
// counted here.
func (b *Body) forgive() {
	excess := int64(b.extra) + 2 - forgiven*min(b.left, maxExcess)
	b.extra = uint16(min(max(excess, 0), maxExcess))
}

func (b *Body) expect(c, want byte, next bodyState) Error {
	if c != want {
		return ErrChunkEnd
	}
	b.state = next
	return 0
}

// extension takes a byte of the size line after the digits (RFC 9112 7.1.1).
func (b *Body) extension(c byte) Error {
	space := c == ' ' || c == '\t'
	next := b.state
	switch b.state {
	case bodyExtQuoted:
		switch {
		case c == '"':
			next = bodyExtEnd
		case c == '\\':
			next = bodyExtEscape
		case !is(c, isText):
			return ErrChunkExt
		}
	case bodyExtEscape:
		if !is(c, isText) {
			return ErrChunkExt
		}
		next = bodyExtQuoted
	case bodyExtName0, bodyExtVal0:
		switch {
		case space:
		case c == '"' && b.state == bodyExtVal0:
			next = bodyExtQuoted
		case is(c, isToken):
			next++ // to bodyExtName, bodyExtVal
		default:
			return ErrChunkExt
		}
	default:
		named := b.state == bodyExtName || b.state == bodyExtNameWS
		white := b.state == bodyExtAfter || b.state == bodyExtNameWS
		switch {
		case c == ';':
			next = bodyExtName0
		case c == '=' && named:
			next = bodyExtVal0
		case c == '\r' && (!white || b.opts&repairs != 0):
			next = bodySizeLF
		case c == '\n':
			return ErrChunkEnd
		case space && b.state == bodyExtName:
			next = bodyExtNameWS
		case space && !white:
			next = bodyExtAfter
		case space:
		case is(c, isToken) && (b.state == bodyExtName || b.state == bodyExtVal):
		default:
			return ErrChunkExt
		}
	}
	b.state = next
	return 0
}

// trailer takes a byte of the trailer section, which is validated and dropped (RFC 9112 7.1.2).
func (b *Body) trailer(c byte) (e Error) {
	if b.extra == maxTrailer {
		return ErrTrailerLarge
	}
	b.extra++
	if isWhite(c) && b.field == atLine && b.opts&repairs != 0 && b.extra > 1 {
		b.field = inValue // a folded line: there is one before it
		return 0
	}
	if b.field, e = b.field.after(c); b.field == atEnd {
		b.state, b.field = bodyDone, 0
	}
	return e
}
