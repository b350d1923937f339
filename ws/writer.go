// Writing frames alone: the Append functions, which need no connection.

package ws

import "encoding/binary"

// MaxHead is the length of the longest frame head.
const MaxHead = 14

// Bits of a frame's first byte.
const (
	finBit  = 0x80
	rsv1Bit = 0x40
	maskBit = 0x80 // in the second byte
)

// AppendHead appends the head of a server's frame, which has no mask, for n bytes of
// payload, in its shortest form (RFC 6455 5.2). fin says that the frame is the last of
// its message.
func AppendHead(b []byte, op Op, fin bool, n int) []byte {
	return appendHead(b, firstByte(op, fin), 0, n)
}

// AppendMaskedHead is AppendHead for a client. The payload must follow, masked with key:
// see Mask. Every frame needs a new key that nobody can predict (RFC 6455 5.3, 10.3).
func AppendMaskedHead(b []byte, op Op, fin bool, n int, key uint32) []byte {
	return binary.LittleEndian.AppendUint32(appendHead(b, firstByte(op, fin), maskBit, n), key)
}

// AppendFrame appends a whole frame of a server.
func AppendFrame(b []byte, op Op, payload []byte) []byte {
	return append(AppendHead(b, op, true, len(payload)), payload...)
}

// AppendMaskedFrame appends a whole frame of a client. It does not change payload.
func AppendMaskedFrame(b []byte, op Op, payload []byte, key uint32) []byte {
	b = append(AppendMaskedHead(b, op, true, len(payload), key), payload...)
	Mask(b[len(b)-len(payload):], key)
	return b
}

// AppendClosePayload appends the payload of a close frame: nothing if code is NoCode,
// else the code and as much of the reason as fits, cut at the end of a character.
func AppendClosePayload(b []byte, code Code, reason string) []byte {
	if code == NoCode || code == 0 {
		return b
	}
	const most = 125 - 2
	if len(reason) > most {
		n := most
		for n > 0 && reason[n]&0xc0 == 0x80 {
			n--
		}
		reason = reason[:n]
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(code)), reason...)
}

// firstByte returns a frame's first byte.
func firstByte(op Op, fin bool) byte {
	if fin {
		return finBit | byte(op)
	}
	return byte(op)
}

// appendHead appends a head up to and including the length.
func appendHead(b []byte, first, mask byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, first, mask|byte(n))
	case n < 1<<16:
		return append(b, first, mask|126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first, mask|127), uint64(n))
}
