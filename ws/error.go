// Errors: each rule that a peer can break, and the close code for it.

package ws

// An Error is a rule of RFC 6455 or 7692 that the peer broke. The connection
// fails with Error.Code (RFC 6455 7.1.7).
type Error uint8

// The rules, in the order in which a frame's bytes can break them.
const (
	_ Error = iota

	ErrReserved      // RFC 6455 5.2: a reserved bit that no extension gave a meaning
	ErrOpcode        // RFC 6455 5.2: a reserved opcode
	ErrFragment      // RFC 6455 5.5: a control frame in fragments
	ErrContinuation  // RFC 6455 5.4: a continuation of no message
	ErrUnfinished    // RFC 6455 5.4: a message within the fragments of another
	ErrUnmasked      // RFC 6455 5.1: a client's frame without a mask
	ErrMasked        // RFC 6455 5.1: a server's frame with a mask
	ErrControlLength // RFC 6455 5.5: a control frame of more than 125 bytes
	ErrCloseLength   // RFC 6455 5.5.1: a close frame of one byte
	ErrLength        // RFC 6455 5.2: a length of 2^63 or more
	ErrLengthForm    // RFC 6455 5.2: a length in more bytes than it needs
	ErrCloseCode     // RFC 6455 7.4: a code that no close frame may hold
	ErrUTF8          // RFC 6455 8.1: a text that is not UTF-8
	ErrReason        // RFC 6455 5.5.1: a reason that is not UTF-8
	ErrTooBig        // RFC 6455 7.4.1: a message of more than Handler.MaxMessage bytes
	ErrDeflate       // RFC 7692 7.2.2: data that do not inflate, or end early

	numErrors
)

var errorText = [numErrors]struct {
	code Code
	text string
}{
	ErrReserved:      {ProtocolError, "reserved bit set"},
	ErrOpcode:        {ProtocolError, "reserved opcode"},
	ErrFragment:      {ProtocolError, "control frame in fragments"},
	ErrContinuation:  {ProtocolError, "continuation of no message"},
	ErrUnfinished:    {ProtocolError, "message within the fragments of another"},
	ErrUnmasked:      {ProtocolError, "frame of a client without a mask"},
	ErrMasked:        {ProtocolError, "frame of a server with a mask"},
	ErrControlLength: {ProtocolError, "control frame of more than 125 bytes"},
	ErrCloseLength:   {ProtocolError, "close frame of one byte"},
	ErrLength:        {ProtocolError, "length of 2^63 or more"},
	ErrLengthForm:    {ProtocolError, "length in more bytes than it needs"},
	ErrCloseCode:     {ProtocolError, "close code that may not be sent"},
	ErrUTF8:          {InvalidData, "text is not UTF-8"},
	ErrReason:        {InvalidData, "close reason is not UTF-8"},
	ErrTooBig:        {TooBig, "message too big"},
	ErrDeflate:       {InvalidData, "compressed data are malformed"},
}

// Code returns the close code for the error.
func (e Error) Code() Code {
	if e < numErrors && e > 0 {
		return errorText[e].code
	}
	return InternalError
}

func (e Error) Error() string { return "ws: " + e.reason() }

// reason returns the reason in the close frame for the error.
func (e Error) reason() string {
	if e < numErrors && e > 0 {
		return errorText[e].text
	}
	return "unknown error"
}
