// Errors that programs get from handles.

package server

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Mistakes of the program. Nothing that comes from the network causes one of them.
var (
	ErrHeadSent = errors.New("server: the head of the answer has been sent already")
	ErrField    = errors.New("server: not a field that can be set: the name has to be a token, the value free of control characters, and Transfer-Encoding is the server's business")
	ErrStatus   = errors.New("server: not a status that an answer can have: 200 to 999, but 101, and 2xx to CONNECT, only with Hijack")
	ErrLength   = errors.New("server: the body does not have the length that Content-Length says")
	ErrNoBody   = errors.New("server: an answer with this status has no body")
)

// Why the server ended an exchange on its own: see [Response.OnAbort].
var (
	ErrTooLarge = errors.New("server: the request's body is larger than is taken")
	errTooMany  = errors.New("server: more connections than MaxConns")
)

// Calls that came too early or too late. ErrEnded is only logged: the second End returns
// net.ErrClosed, like every method of an exchange that is over.
var (
	ErrEnded     = errors.New("server: End of an answer that the program has ended before")
	ErrBodyTaken = errors.New("server: the request's body is being read already")
	ErrTrailer   = errors.New("server: a trailer section follows only a chunked body")
	ErrInterim   = errors.New("server: an interim status is 100 to 199, but for 101: see Hijack")
	ErrHijack    = errors.New("server: Hijack comes before the answer's head, and after the request's body")
	ErrUpgrade   = errors.New("server: 101 answers a client that offers to upgrade, and this one does not")
	ErrServing   = errors.New("server: Listen comes before Serve")
	ErrNoHandler = errors.New("server: Listen wants a Handler")
)

var (
	errOver      = fmt.Errorf("server: the exchange is over: %w", net.ErrClosed)
	errLoopEnded = errors.New("server: a loop's goroutine was ended")
	errRange     = fmt.Errorf("server: SendFile wants an offset and a length that are not negative: %w", os.ErrInvalid)
)
