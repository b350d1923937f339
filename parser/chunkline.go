// Chunked bodies, the usual forms: the line of a size and runs of bytes taken at once.

package parser

import "io"

// What stands between the data of two chunks is nearly always CRLF, a few digits, CRLF; and what is
// long in a body's framing, in one state. Both are taken in one go here, to the effect that step
// would have byte by byte: TestChunkedPathsAgree holds them against each other.

// chunk is Next at the end of a chunk's data, or before the first chunk, for the common form of what
// follows: that end's CRLF, a size of up to six digits without extensions, and data. Where a chunk
// lies depends on the size of the one before: a short way from digits to size counts most.
func (b *Body) chunk(p []byte) (data []byte, n int, err error) {
	if b.state == bodyDataCR {
		n = len("\r\n")
	}
	if len(p) < n+8 || n > 0 && string(p[:2]) != "\r\n" {
		return b.chunked(p)
	}
	x := load64(p, n)
	size, line := 0, len("\r\n")
	for uint8(x) != '\r' {
		d := hexDigit[uint8(x)]
		if d == notHex { // at the latest what is shifted in
			return b.chunked(p)
		}
		size = size<<4 | int(d)
		x >>= 8
		line++
	}
	extra := int(b.extra) + line
	if uint8(x>>8) != '\n' || size == 0 || extra > maxExcess {
		return b.chunked(p)
	}
	b.extra = 0
	if extra+2 > forgiven*size {
		b.extra, b.left = uint16(extra), int64(size)
		b.forgive()
	}
	n += line
	rest := p[n:]
	if len(rest) < size {
		b.left, b.state = int64(size-len(rest)), bodyData
		b.off += int64(len(p))
		if len(rest) == 0 {
			rest = nil
		}
		return rest, len(p), nil
	}
	n += size
	b.left, b.state = 0, bodyDataCR
	if b.atLast(p, n) {
		b.state, err = bodyDone, io.EOF
		n += len(lastChunk)
	}
	b.off += int64(n)
	return rest[:size:size], n, err
}

// atLast reports whether lastChunk follows at p[i:]. Most bodies end with it, and seeing it early saves
// the caller a call. Its size line counts as any other.
func (b *Body) atLast(p []byte, i int) bool {
	return len(p)-i >= len(lastChunk) && p[i+2] == '0' && string(p[i:i+len(lastChunk)]) == lastChunk &&
		b.opts&keepsTrailer == 0 && b.extra <= maxExcess-uint16(len("0\r\n"))
}

// skip takes the bytes at the start of p that leave the state what it is, and with it the account of
// what framing costs: all but the few of a token, a quoted string or a trailer's value.
func (b *Body) skip(p []byte) (n int) {
	switch b.state {
	case bodyTrailer:
		p = p[:min(len(p), maxTrailer-int(b.extra))]
		switch b.field {
		case inName:
			n = scanToken(p, 0)
		case inValue:
			n = scanText(p, 0)
		}
		b.extra += uint16(n)
	case bodyExtName, bodyExtVal, bodyExtQuoted:
		p = p[:min(len(p), maxExcess-int(b.extra), maxSizeLine-int(b.line))]
		if b.state == bodyExtQuoted {
			for n < len(p) && p[n] != '"' && p[n] != '\\' && is(p[n], isText) {
				n++
			}
		} else {
			n = scanToken(p, 0)
		}
		b.extra += uint16(n)
		b.line += uint16(n)
	}
	return n
}
