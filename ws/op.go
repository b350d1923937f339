// Op and Code: the small numbers of RFC 6455, and which of them are allowed.

package ws

import "strconv"

// An Op says what a frame is (RFC 6455 11.8).
type Op uint8

// The opcodes.
const (
	Continuation Op = 0x0 // more of the message that a Text or Binary frame began
	Text         Op = 0x1
	Binary       Op = 0x2
	Close        Op = 0x8
	Ping         Op = 0x9
	Pong         Op = 0xA
)

// Control reports whether frames of this kind may come between the fragments of
// a message (RFC 6455 5.5).
func (o Op) Control() bool { return o&8 != 0 }

func (o Op) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "opcode " + strconv.Itoa(int(o))
}

// A Code says why a connection closes (RFC 6455 7.4.1, and IANA's registry for codes
// from 1012 on). Codes from 4000 to 4999 are free for any program; those from 3000 to
// 3999 are registered with IANA.
type Code uint16

// The codes. NoCode, Abnormal and TLSFailed are never sent: they stand for a close frame
// without a code, an end without a close frame, and a failed TLS handshake.
const (
	NormalClosure   Code = 1000
	GoingAway       Code = 1001
	ProtocolError   Code = 1002
	UnsupportedData Code = 1003
	NoCode          Code = 1005
	Abnormal        Code = 1006
	InvalidData     Code = 1007
	PolicyViolation Code = 1008
	TooBig          Code = 1009
	NoExtension     Code = 1010
	InternalError   Code = 1011
	ServiceRestart  Code = 1012
	TryAgainLater   Code = 1013
	BadGateway      Code = 1014
	TLSFailed       Code = 1015
)

// Sendable reports whether a close frame may hold the code (RFC 6455 7.4).
func (c Code) Sendable() bool {
	switch {
	case c < 1000 || c >= 5000:
		return false
	case c < 3000:
		return c <= BadGateway && c != 1004 && c != NoCode && c != Abnormal
	}
	return true
}

var codeNames = map[Code]string{
	NormalClosure: "normal closure", GoingAway: "going away", ProtocolError: "protocol error",
	UnsupportedData: "unsupported data", NoCode: "no code", Abnormal: "no close frame",
	InvalidData: "invalid data", PolicyViolation: "policy violation", TooBig: "message too big",
	NoExtension: "extension missing", InternalError: "internal error", ServiceRestart: "service restart",
	TryAgainLater: "try again later", BadGateway: "bad gateway", TLSFailed: "TLS handshake failed",
}

func (c Code) String() string {
	s := strconv.Itoa(int(c))
	if name := codeNames[c]; name != "" {
		s += " " + name
	}
	return s
}
