// Errors: which part of an exchange failed, and whether the server may have acted
// on the request.

package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/lurcher-net/lurcher/conn"
)

// Phase is the part of an exchange in which it failed.
type Phase uint8

const (
	Prepare Phase = iota // checking the request: see the Err variables
	Wait                 // waiting for a free connection
	Resolve              // looking up the origin's name
	Dial                 // connecting to the origin
	TLS                  // the TLS handshake
	Write                // writing the request
	Head                 // reading the head of the answer
	Body                 // reading the body of the answer
)

var phases = [...]string{"prepare", "wait", "resolve", "dial", "tls", "write", "head", "body"}

// String returns the name of the phase in lower case.
func (p Phase) String() string {
	if int(p) < len(phases) {
		return phases[p]
	}
	return "?"
}

// An Error says how an exchange failed. errors.Is and errors.As find the cause:
// os.ErrDeadlineExceeded for every timeout, io.ErrUnexpectedEOF for an answer that was
// cut off, or a file that is shorter than SendFile was told, net.ErrClosed after Abort,
// syscall.ECONNREFUSED and the like, a parser.Error for what is not HTTP, or an Err variable
// of this package.
type Error struct {
	Phase Phase // in which the exchange failed
	// Written says that bytes of the request have been sent, so that the server may
	// have acted on it. If it is false, any request may be sent again.
	Written bool
	Err     error // the cause; never nil
}

func (e *Error) Error() string {
	text := strings.TrimPrefix(e.Err.Error(), "client: ")
	if e.Written && e.Phase < Body {
		text += " (the request was written, at least in part)"
	}
	return "client: " + e.Phase.String() + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit was the cause: see [net.Error].
func (e *Error) Timeout() bool { return errors.Is(e.Err, os.ErrDeadlineExceeded) }

// Status returns the status that a gateway sends its own client for the error: 504
// for a timeout, 503 if too many requests wait for a connection, else 502 (RFC 9110
// 15.6).
func (e *Error) Status() int {
	switch {
	case e.Phase == Wait:
		return 503
	case e.Timeout():
		return 504
	}
	return 502
}

// Temporary returns false: see [net.Error].
func (e *Error) Temporary() bool { return false }

// Mistakes of the program.
var (
	ErrURL       = errors.New("client: the URL has to be absolute, http or https, and free of spaces, controls and other than ASCII")
	ErrMethod    = errors.New("client: the method has to be a token")
	ErrTarget    = errors.New("client: not a request target: it has to be free of spaces, controls, \"#\" and other than ASCII")
	ErrField     = errors.New("client: not a field that can be set: the name has to be a token, the value free of control characters, and Transfer-Encoding is the client's business")
	ErrHeadSent  = errors.New("client: the head of the request has been sent already")
	ErrLength    = errors.New("client: the body does not have the length that Content-Length says")
	ErrBacklog   = errors.New("client: more of the request waits than MaxBacklog allows: wait for OnDrain when Full")
	ErrBodyTaken = errors.New("client: the body is being read already")
	ErrTrailer   = errors.New("client: a trailer section follows only a chunked body")
	ErrHijack    = errors.New("client: a 101, or a 2xx to CONNECT, is followed by Hijack, and no other answer is")
	ErrAsked     = errors.New("client: Do is called once")
)

// Errors that a server causes, or too many requests.
var (
	ErrNoAnswer  = fmt.Errorf("client: the server closed the connection without an answer: %w", io.ErrUnexpectedEOF)
	ErrWaiting   = errors.New("client: more requests wait for a connection than MaxWaiting allows")
	ErrInterim   = errors.New("client: more interim answers than MaxInterim allows")
	ErrUpgraded  = errors.New("client: the server switched protocols, and was not asked to")
	ErrBodyLarge = errors.New("client: the answer's body is larger than allowed")
)

var (
	errOver    = fmt.Errorf("client: the exchange is over: %w", net.ErrClosed)
	errAborted = fmt.Errorf("client: the request was aborted: %w", net.ErrClosed)
	errRange   = fmt.Errorf("client: SendFile wants an offset and a length that are not negative: %w", os.ErrInvalid)

	errNoConn    = errors.New("client: Client.Connect has no connection")
	errShortFile = fmt.Errorf("client: a file is shorter than SendFile was told: %w", io.ErrUnexpectedEOF)
	errConnect   = fmt.Errorf("client: Client.Connect panicked, or ended the goroutine: %w", net.ErrClosed)
	errMemory    = fmt.Errorf("client: bodies that wait to be sent hold more than a quarter of the loop's MaxMemory: %w", conn.ErrMemory)
	errWaitTime  = fmt.Errorf("client: no connection was free within WaitTimeout: %w", os.ErrDeadlineExceeded)
	errDialTime  = fmt.Errorf("client: no connection within DialTimeout: %w", os.ErrDeadlineExceeded)
	errHeadTime  = fmt.Errorf("client: no answer within HeadTimeout: %w", os.ErrDeadlineExceeded)
	errBodyTime  = fmt.Errorf("client: no more of the answer's body within BodyTimeout: %w", os.ErrDeadlineExceeded)
	errTaken     = fmt.Errorf("client: nobody asked for the answer's body within BodyTimeout: %w", os.ErrDeadlineExceeded)
	errTotalTime = fmt.Errorf("client: the exchange took longer than Timeout: %w", os.ErrDeadlineExceeded)
)
