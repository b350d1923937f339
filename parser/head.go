// Head: what requests and responses have in common.

package parser

// DefaultMaxSize is the limit on the bytes of a head, or of a trailer section, whose MaxSize is 0.
const DefaultMaxSize = 16 << 10

// sizeLimit keeps offsets within 32 bits: it is what is meant by no limit.
const sizeLimit = 1 << 30

// sizeOf returns the limit that a MaxSize stands for.
func sizeOf(max int) int {
	switch {
	case max == 0:
		return DefaultMaxSize
	case max < 0:
		return sizeLimit
	}
	return min(max, sizeLimit)
}

// within returns as much of buf as a MaxSize allows.
func within(buf []byte, max int) []byte {
	if max == 0 && len(buf) <= DefaultMaxSize { // the usual case, without arithmetic
		return buf
	}
	return buf[:min(len(buf), sizeOf(max))]
}

// Framing says how the end of a message's body is found (RFC 9112 6.3).
type Framing uint8

const (
	NoBody     Framing = iota // the message ends with its head
	Sized                     // the body is Head.Length bytes, more than 0
	Chunked                   // the body is chunked
	UntilClose                // the body ends where the connection does; responses only
)

// String returns the constant's name.
func (f Framing) String() string {
	switch f {
	case NoBody:
		return "NoBody"
	case Sized:
		return "Sized"
	case Chunked:
		return "Chunked"
	case UntilClose:
		return "UntilClose"
	}
	return "Framing(?)"
}

// Head is what requests and responses have in common. Everything but Fields' storage and MaxSize
// is set by Parse, and is to be read once Parse has returned n > 0.
type Head struct {
	// Fields are the field lines in the order they came. The storage is the caller's: Parse
	// appends up to its capacity, and a message with more fields is refused (431).
	Fields []Field
	// MaxSize is the most bytes that a head may have: 0 stands for DefaultMaxSize, a negative number
	// for no limit but that of the offsets, 1 GiB. A longer head is refused, with 414 if its first line
	// did not end, else with 431.
	MaxSize int

	Framing   Framing // how the end of the body is found
	Length    int64   // what Content-Length says; without one 0 for NoBody, else -1
	Minor     uint8   // HTTP/1.Minor: 0 or 1; a higher minor is read as 1 (RFC 9110 6.2)
	KeepAlive bool    // the connection may be used again: version and Connection (RFC 9112 9.3)
	Upgrade   bool    // 1.1, with an Upgrade field and the upgrade option (RFC 9110 7.8)
	Expect    bool    // 1.1, with an Expect field, whatever its value (RFC 9110 10.1.1)

	section
}

// Get returns the first value of the field called name, in any case of its letters, or nil when
// there is none (an empty value is not nil). buf is what Parse was given. For the known names it
// costs no search.
func (h *Head) Get(buf []byte, name string) []byte { return h.get(buf, h.Fields, name) }

// ErrorOffset returns an offset in the buffer given to Parse: that of the byte for which the message was
// refused, of the field line whose meaning is wrong, or of the end of the head where something is missing.
// It is the same however the input was split.
func (h *Head) ErrorOffset() int { return int(h.errOff) }

// Body returns the decoder for this message's body.
func (h *Head) Body() Body {
	switch h.Framing {
	case Sized:
		return Body{left: h.Length, state: bodySized}
	case Chunked:
		return Body{state: bodyChunked}
	case UntilClose:
		return Body{state: bodyUntilClose}
	}
	return Body{}
}

// reset forgets the message, and keeps what is the caller's.
func (h *Head) reset() {
	h.Fields = h.Fields[:0]
	h.Framing, h.Length, h.Minor = NoBody, 0, 0
	h.KeepAlive, h.Upgrade, h.Expect = false, false, false
	h.pos, h.start, h.colon, h.errOff = 0, 0, 0, 0
	h.seen, h.twice, h.folded = 0, 0, false
	h.state, h.err = atStart, 0
}
