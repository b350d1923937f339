// Parser: reads frames from bytes that come in pieces of any size.

package ws

import "encoding/binary"

// A Parser reads the frames that one side of a connection sends (RFC 6455 5). It takes
// whatever bytes have come, resumes at any byte, and stores none of them: it has 16
// bytes of state. The zero Parser is for a server, without extensions; NewParser makes
// others. Only one goroutine may use it at a time.
type Parser struct {
	left uint64 // bytes of payload still to come; within a head, the length so far
	key  uint32 // the mask; its lowest byte is for the next byte of payload
	head byte   // the frame's first byte
	step step
	mode mode
	utf8 uint8 // UTF-8 state: low half for the text so far, high half for the close reason
}

// A step says what the next byte is.
type step uint8

const (
	atFirst   step = iota // FIN, RSV, opcode
	atSecond              // MASK, length
	atLength              // the first of 8 bytes of length, and so on
	atShort   = atLength + 6
	atKey     = atLength + 8 // the first of 4 of the mask, and so on
	atPayload = atKey + 4
	atFailed  = atPayload + 1 // nothing: utf8 is the Error
	atCode    = atPayload + 2 // the second byte of a close code, which begins with step-atCode
)

type mode uint8

const (
	ofServer   mode = 1 << iota // the frames are a server's: without masks
	deflating                   // permessage-deflate: RSV1 has a meaning
	inMessage                   // a message has begun and not ended
	inText                      // the message is a text
	compressed                  // the message is compressed
)

// NewParser returns a parser for frames that clients send, or that servers send. deflate
// says that permessage-deflate was negotiated: the pieces of compressed messages are
// returned as they are, see Piece.Compressed.
func NewParser(fromServer, deflate bool) (p Parser) {
	if fromServer {
		p.mode |= ofServer
	}
	if deflate {
		p.mode |= deflating
	}
	return p
}

// A Piece is a part of a message or of a control frame, or the whole of it.
type Piece struct {
	// Data is unmasked payload. It is a part of the bytes that Parse was given.
	Data []byte

	// Left is how many bytes of the frame are still to come.
	Left uint64

	// Op is Text or Binary for every piece of a message, including the pieces in
	// continuation frames; or Close, Ping or Pong; or 0 where there is no piece.
	Op Op

	flags pieceFlags
}

type pieceFlags uint8

const (
	first pieceFlags = 1 << iota
	last
	zipped
)

// First reports whether the piece begins a message or a control frame.
func (p Piece) First() bool { return p.flags&first != 0 }

// Last reports whether the piece ends a message or a control frame.
func (p Piece) Last() bool { return p.flags&last != 0 }

// Compressed reports whether the message is compressed (RFC 7692 6).
func (p Piece) Compressed() bool { return p.flags&zipped != 0 }

// Parse reads b up to the end of a frame. It returns a piece, and how many bytes it has
// consumed: at least one, unless b is empty. It removes the mask in place, in b. If
// there is no piece yet, Op is 0: call Parse again with what comes next. The first piece
// comes as soon as a frame's head is complete, so that the caller can check the length
// in Left.
//
// Text is checked up to the last byte that has come, and so are the code and the reason
// of a close frame. The error is an [Error]; all later calls return the same one.
func (p *Parser) Parse(b []byte) (piece Piece, n int, err error) {
	if p.step < atPayload {
		if n, err = p.readHead(b); err != nil || p.step < atPayload {
			return Piece{}, n, err
		}
		if p.head&0x0f < 8 { // also of a message's first frame
			piece.flags = p.begin()
		} else {
			piece.flags = first
		}
	} else if p.step == atFailed {
		return Piece{}, 0, Error(p.utf8)
	} else if len(b) == 0 {
		return Piece{}, 0, nil
	}

	data := b[n:]
	if p.left < uint64(len(data)) {
		data = data[:p.left]
	}
	n += len(data)
	p.left -= uint64(len(data))
	if p.mode&ofServer == 0 {
		p.key = Mask(data, p.key)
	}
	if p.head&8 != 0 {
		return p.control(data, piece, n)
	}
	return p.message(data, piece, n)
}

// begin notes what the frame whose head has been read says of its message.
func (p *Parser) begin() (f pieceFlags) {
	if op := Op(p.head & 0x0f); op != Continuation {
		p.mode = p.mode&^(inText|compressed) | inMessage
		if op == Text {
			p.mode |= inText
		}
		if p.head&0x40 != 0 {
			p.mode |= compressed
		}
		f = first
	}
	return f
}

// message completes a piece of a message.
func (p *Parser) message(data []byte, piece Piece, n int) (Piece, int, error) {
	piece.Data, piece.Left, piece.Op = data, p.left, Binary
	if p.mode&inText != 0 {
		piece.Op = Text
	}
	if p.mode&compressed != 0 {
		piece.flags |= zipped
	} else if piece.Op == Text {
		if p.utf8 = validText(p.utf8, data); p.utf8 == utf8Wrong {
			return Piece{}, n, p.fail(ErrUTF8)
		}
	}
	if p.left == 0 {
		p.step = atFirst
		if p.head&0x80 != 0 {
			if p.utf8 != 0 {
				return Piece{}, n, p.fail(ErrUTF8)
			}
			p.mode &^= inMessage
			piece.flags |= last
		}
	}
	return piece, n, nil
}

// control completes a piece of a control frame.
func (p *Parser) control(data []byte, piece Piece, n int) (Piece, int, error) {
	piece.Data, piece.Left, piece.Op = data, p.left, Op(p.head&0x0f)
	if piece.Op == Close {
		if err := p.close(data, piece.First()); err != 0 {
			return Piece{}, n, p.fail(err)
		}
	}
	if p.left == 0 {
		p.step = atFirst
		piece.flags |= last
	}
	return piece, n, nil
}

// close checks a part of a close frame's payload (RFC 6455 5.5.1, 7.4).
func (p *Parser) close(data []byte, first bool) Error {
	text := p.utf8 & 0x0f
	if first {
		p.utf8 = text
		p.step = atCode // the first byte of the code is still to come
	}
	for p.step >= atCode && len(data) > 0 {
		if p.step == atCode {
			if data[0] < 1000>>8 || data[0] > 4999>>8 {
				return ErrCloseCode
			}
			p.step = atCode + step(data[0])
		} else {
			if code := Code(p.step-atCode)<<8 | Code(data[0]); !code.Sendable() {
				return ErrCloseCode
			}
			p.step = atPayload
		}
		data = data[1:]
	}
	reason := validText(p.utf8>>4, data)
	if reason == utf8Wrong || reason != 0 && p.left == 0 {
		return ErrReason
	}
	p.utf8 = reason<<4 | text
	return 0
}

// idle reports whether the next byte begins a message or a control frame.
func (p *Parser) idle() bool { return p.step == atFirst && p.mode&inMessage == 0 }

// finalFrame reports whether the frame that was read last has FIN set.
func (p *Parser) finalFrame() bool { return p.head&0x80 != 0 }

// fail ends the parser.
func (p *Parser) fail(e Error) error {
	p.step, p.utf8 = atFailed, uint8(e)
	return e
}

// readHead reads a frame's head, or the part of it that has come. A head of a common form
// that has come as a whole takes a shorter way.
func (p *Parser) readHead(b []byte) (n int, err error) {
	if p.step == atFirst && len(b) >= 8 { // the longest common form
		p.head = b[0]
		if e := p.first(); e != 0 {
			return 1, p.fail(e)
		}
		if e := p.second(b[1]); e != 0 {
			return 2, p.fail(e)
		}
		n = 2
		if p.step == atShort {
			p.left = uint64(binary.BigEndian.Uint16(b[2:]))
			if n = 4; p.left < 126 {
				return n, p.fail(ErrLengthForm)
			}
			p.masked()
		}
		if p.step == atKey {
			p.key = binary.LittleEndian.Uint32(b[n:])
			p.step = atPayload
			return n + 4, nil
		}
		if p.step == atPayload {
			return n, nil
		}
	}
	for n < len(b) && p.step < atPayload {
		if e := p.headByte(b[n]); e != 0 {
			return n + 1, p.fail(e)
		}
		n++
	}
	return n, nil
}

// headByte reads one byte of a head.
func (p *Parser) headByte(c byte) Error {
	switch s := p.step; {
	case s == atFirst:
		p.head = c
		p.step = atSecond
		return p.first()
	case s == atSecond:
		return p.second(c)
	case s < atKey:
		p.left = p.left<<8 | uint64(c)
		p.step++
		short := p.key != 0 // until the mask comes, key says that the length has two bytes
		switch {
		case s == atLength && c&0x80 != 0:
			return ErrLength
		case s == atShort-1 && p.left == 0, s == atKey-1 && p.left < 126 && short:
			return ErrLengthForm
		case s == atKey-1:
			p.masked()
		}
	default:
		p.key |= uint32(c) << (8 * (s - atKey))
		p.step++
	}
	return 0
}

// masked goes on after the length.
func (p *Parser) masked() {
	p.key = 0
	if p.step = atKey; p.mode&ofServer != 0 {
		p.step = atPayload
	}
}

// first checks a frame's first byte (RFC 6455 5.2, 5.4, 5.5).
func (p *Parser) first() Error {
	op, fin := Op(p.head&0x0f), p.head&0x80 != 0
	switch {
	case p.head&0x30 != 0, p.head&0x40 != 0 && (p.mode&deflating == 0 || op != Text && op != Binary):
		return ErrReserved // RFC 7692 6: RSV1 is for a message's first frame
	case op > Binary && op < Close || op > Pong:
		return ErrOpcode
	case op >= Close:
		if !fin {
			return ErrFragment
		}
	case op == Continuation:
		if p.mode&inMessage == 0 {
			return ErrContinuation
		}
	case p.mode&inMessage != 0:
		return ErrUnfinished
	}
	return 0
}

// second checks a frame's second byte.
func (p *Parser) second(c byte) Error {
	if masked := c&0x80 != 0; masked == (p.mode&ofServer != 0) {
		if masked {
			return ErrMasked
		}
		return ErrUnmasked
	}
	length := c & 0x7f
	if p.head&8 != 0 {
		switch {
		case length > 125:
			return ErrControlLength
		case length == 1 && Op(p.head&0x0f) == Close:
			return ErrCloseLength
		}
	}
	p.left, p.key = 0, 0
	switch length {
	case 127:
		p.step = atLength
	case 126:
		p.step, p.key = atShort, 1 // see headByte
	default:
		p.left = uint64(length)
		p.masked()
	}
	return 0
}
