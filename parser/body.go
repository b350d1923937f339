// Body: what a caller sees of one, however it is framed.

package parser

import "io"

// Body finds a body's bytes within the connection's bytes, and copies none. It is a small value
// without pointers; Head.Body makes one. The zero Body is that of a message without a body.
type Body struct {
	left  int64  // of the body, or of the chunk
	off   int64  // used up so far
	extra uint16 // framing that is out of proportion; bytes of the trailer section
	line  uint16 // bytes of the size line
	state bodyState
	field state // in the trailer section
	err   Error
	opts  bodyOpts
}

type bodyOpts uint8

const (
	keepsTrailer bodyOpts = 1 << iota // see KeepTrailer
	repairs                           // see Response.Repair
)

// Next finds the next run of body bytes in p, which is what is unread of the connection.
//
// data is that run, a part of p, and n is how many bytes of p are used up: data, and the framing
// around it. What is used up is never needed again. The caller goes on with p[n:], and has to read
// more when n == len(p).
//
//   - err is nil: go on. Without data n is len(p).
//   - err is io.EOF: the message is over, trailer section included; p[n:] belongs to the next
//     one. The last data may come along with it.
//   - err is ErrTrailer: the same, in front of the trailer section; see KeepTrailer.
//   - err is an Error: the body is malformed, p[n] is the byte that shows it. This is final.
//
// The trailer section of a chunked body is validated, bounded by DefaultMaxSize, and skipped.
// A body until close has no end of its own: where the connection ends, End says what that means.
func (b *Body) Next(p []byte) (data []byte, n int, err error) {
	if b.state == bodyDataCR || b.state == bodyChunked {
		return b.chunk(p)
	}
	switch b.state {
	case bodySized:
		data = p[:min(int64(len(p)), b.left)]
		n = len(data)
		b.left -= int64(n)
		b.off += int64(n)
		if b.left == 0 {
			b.state = bodyDone
			return data, n, io.EOF
		}
		if n == 0 {
			data = nil
		}
		return data, n, nil
	case bodyUntilClose:
		b.off += int64(len(p))
		if len(p) == 0 {
			return nil, 0, nil
		}
		return p, len(p), nil
	case bodyDone:
		return nil, 0, io.EOF
	case bodyAtTrailer:
		return nil, 0, ErrTrailer
	case bodyFailed:
		return nil, 0, b.err
	}
	return b.chunked(p)
}

// KeepTrailer makes Next stop in front of the trailer section of a chunked body, with ErrTrailer
// in place of io.EOF, so that the caller can read it with a Trailer. To be called before Next;
// it changes nothing for a body that is not chunked.
func (b *Body) KeepTrailer() { b.opts |= keepsTrailer }

// Remaining returns how many bytes of the body are still to come: the rest of a body with a
// Content-Length, 0 when the message is over, and -1 where that is not known.
func (b *Body) Remaining() int64 {
	switch b.state {
	case bodySized:
		return b.left
	case bodyDone:
		return 0
	}
	return -1
}

// Offset returns how many bytes of the connection the body took up so far, framing included. After an
// error that is the offset of the byte that was refused, the same however the input was split.
func (b *Body) Offset() int64 { return b.off }

// End returns what it means that the peer closed the connection now: nil if the body is whole
// (a body until close always is), else io.ErrUnexpectedEOF, or the error that Next gave.
func (b *Body) End() error {
	switch b.state {
	case bodyDone, bodyUntilClose:
		return nil
	case bodyFailed:
		return b.err
	}
	return io.ErrUnexpectedEOF
}
