// Package adapt is the door by which package nethttp reaches into server and client. It
// has what an adapter for another API of HTTP needs of an exchange, and a native program
// does not. Server and client fill it in. It is internal so that their own documentation
// is for programs alone.
package adapt

import (
	"log/slog"
	"os"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/parser"
)

// Of returns the exchange that w means, or nil if that is over. w is a
// *server.Response: a pointer, which an interface holds without an allocation.
// Package server sets Of. It is called on the loop, and what it returns is good
// until the callback that called it ends the exchange.
var Of func(w any) Exchange

// Offer has a server, a *server.Server, offer a protocol by ALPN, before its
// ListenTLS. Package server sets it.
var Offer func(server any, name string, p Protocol) error

// OnFree calls fn when the answer to q, a client.Request, has been read to its end, and before
// the program is told of that, if the connection is there for other requests. Package
// client sets it.
var OnFree func(q any, fn func())

// IdleFor returns for how long a connection of package client was idle, in the function
// that Request.OnConn was given. Package client sets it.
var IdleFor func(c *conn.Conn) time.Duration

// A Protocol is spoken by others on connections whose clients chose it.
type Protocol struct {
	// Open takes a connection, on its loop. It calls release, on any goroutine, when
	// the connection is closed.
	Open func(c *conn.Conn, release func())

	Quiesce func() // Shutdown was called: end in order
	Stop    func() // the server has stopped: end now
}

// An Exchange is a server's exchange, from behind its handles. All methods are for
// the exchange's loop.
type Exchange interface {
	// Head returns the parsed head and the bytes it was parsed from, or nil once
	// the handler has returned. Both are borrowed until then.
	Head() (*parser.Request, []byte)

	// SetPathValues is for server.Request.PathValue, while the handler runs.
	SetPathValues(v PathValues)

	// Peer is where an adapter keeps what belongs to the connection. It is nil at
	// first.
	Peer() *any

	// Server is what an adapter needs of the server.
	Server() Server

	// Waits reports whether the client waits for 100 Continue.
	Waits() bool

	// Receiving reports whether the request's body has not all come.
	Receiving() bool

	// Taken reports whether the body is being read already.
	Taken() bool

	// BodyTimeout is, for this body, in place of Server.BodyTimeout; 0 is none.
	BodyTimeout(d time.Duration)

	// Hold sets how many bytes are held for what has come of the request, until the
	// exchange ends: they count for Server.MaxMemory.
	Hold(n int)

	// OnLeft calls fn when the client leaves. Unlike with Response.OnAbort a call
	// at the client's FIN may ask for the next one.
	OnLeft(fn func(cause error))

	// Refuse ends the exchange with an answer of the server's own, and then the
	// connection.
	Refuse(status int, reason string)

	// Inform sends a 1xx answer with these field lines.
	Inform(status int, lines []byte)

	// Begin sends the answer's head. A tunnel, 101 or 2xx to CONNECT, is for
	// HandOver to follow; without that such a status is the program's mistake.
	Begin(o Opening) error

	// Answer is Begin, a Write of body, which is the whole, and End.
	Answer(o Opening, body []byte, rest time.Duration)

	// SendFile sends at once what the kernel takes now of n bytes of f, as a part of a body
	// whose length was said, and returns how much that is. f stays the caller's.
	SendFile(f *os.File, off, n int64) int64

	// CloseAfter has the connection closed when the answer is complete.
	CloseAfter()

	// End completes the answer, with these lines in the trailer section. What is
	// left of the request's body, and is dropped, has to come within rest, or if
	// that is 0 by the server's rules.
	End(trailer []byte, rest time.Duration)

	// Cut ends an answer that cannot be completed, and the connection, so that it
	// does not pass for a whole one.
	Cut()

	// Lend is lend.Run for the connection.
	Lend(f lend.Function) bool

	// Next has what the client has sent after this request read now, where that would
	// happen in this turn anyway: so answers to a pipeline leave together. It is called
	// after the end of the exchange, in a posted function.
	Next()

	// Abort closes the connection, also after the end of the exchange.
	Abort()

	// HandOver ends HTTP on the connection, also in the middle of the answer.
	HandOver(h *conn.Handler) *conn.Conn
}

// PathValues are what the wildcards of a pattern stand for. An http.Request is one.
type PathValues interface{ PathValue(name string) string }

// An Opening is the head of an answer.
type Opening struct {
	Status int
	Lines  []byte // the field lines, but for those that frame the answer
	Length int64  // of the body: what it is, or one of the constants below
	Dated  bool   // Lines has the date
	Close  bool   // the connection is to close after the answer
	Duplex bool   // the request's body is going to be read while the answer is written
	Tunnel bool   // HandOver follows

	Options string // of Connection, beside close
	Coding  string // of Transfer-Encoding, in front of chunked
}

// Server is the server of an exchange.
type Server struct {
	Log         *slog.Logger // or nil
	BodyTimeout time.Duration

	// OnStop calls fn, on another goroutine, when the loops have ended, before
	// Close or Shutdown returns.
	OnStop func(fn func())
}

// Lengths of an answer's body, in place of one that is known.
const (
	Chunked    = -1
	UntilClose = -2 // the connection's end ends it
	Unsaid     = -3 // there is none, and nothing is said of it
)
