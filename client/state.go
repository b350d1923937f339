// The states of an exchange, and what the end of its connection means in each.
// Sending and reading have separate states: an answer may come before the request has
// been sent.

package client

// sending is how far a request is.
type sending uint8

const (
	composing sending = iota // nothing is on its way: fields may be set
	holding                  // the head may leave; the body waits for 100 Continue
	streaming                // the body leaves as it is written
	complete                 // all of it was written
	stopped                  // the answer came first: what is written is discarded
)

var sendings = [...]string{"composing", "holding", "streaming", "complete", "stopped"}

func (s sending) String() string { return sendings[s] }

// reading is how far the answer is.
type reading uint8

const (
	unasked reading = iota // Do has not been called, or no head was written
	queued                 // there is no connection yet
	inLine                 // sent behind others, whose answers are due first
	heading                // on a connection: the head of the answer is due
	bodying                // its body is
	tunnel                 // what follows is not HTTP: see Hijack
	over                   // all of it was read, or never will be
)

var readings = [...]string{"unasked", "queued", "in line", "heading", "bodying", "tunnel", "over"}

func (r reading) String() string { return readings[r] }

// A situation is what an exchange and its connection have come to.
type situation struct {
	send sending
	read reading

	reused     bool // the connection had served a request before, or was idle
	unsent     bool // nothing of the request has left
	began      bool // a byte of the answer came
	idempotent bool // the method is (RFC 9110 9.2.2)
	kept       bool // the request can be sent again, as far as it was written
	retried    bool // it was already

	persist   bool // both sides let the connection go on
	untilEnd  bool // the connection's end is the body's
	inOrder   bool // the connection ended with a FIN
	unread    bool // there is input after the answer
	unwritten bool // some of the request waits to be sent
}

// outcome is what becomes of an exchange when its connection has ended.
type outcome uint8

const (
	fails outcome = iota // the program gets the error
	again                // it goes to another connection
	ends                 // the end was that of the answer
)

// lost decides what the end of a connection means for the exchange on it. A server
// may close an idle connection at any time, and the request that crosses its FIN is
// not the program's fault (RFC 9112 9.3.1): one that did not leave goes
// elsewhere; one that did only if the server may act on it twice, and once.
func lost(s situation) outcome {
	switch {
	case s.read == bodying && s.untilEnd && s.inOrder:
		return ends
	case s.read != heading || s.began || !s.kept:
		return fails
	case s.unsent && s.reused:
		return again
	case s.reused && s.idempotent && !s.retried:
		return again
	}
	return fails
}

// reusable decides whether a connection may have another request after an answer
// that was read to its end. It may not if it is unclear where the next answer
// begins (RFC 9112 9.3, 9.5).
func reusable(s situation) bool {
	return s.persist && s.send == complete && !s.untilEnd && !s.unread && !s.unwritten
}
