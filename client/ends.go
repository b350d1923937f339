// How an exchange ends: its connection is lost, it goes to another, it fails, or its answer is complete.

package client

import (
	"io"
)

// idempotent reports whether a server may act twice on a request with the method
// (RFC 9110 9.2.2).
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// lost is called when the connection of x has ended: err says how, and unsent how much of
// its output was not sent. Call the returned function to call the program.
func (x *exchange) lost(err error, unsent int, inOrder bool) (tell func()) {
	s := x.situation()
	s.unsent, s.inOrder = unsent >= x.given, inOrder
	s.untilEnd = s.read == bodying && x.body.End() == nil
	e := &Error{Phase: Head, Written: !s.unsent, Err: err}
	switch {
	case s.read == unasked: // OnConn is running
		e.Phase = Prepare
	case s.read != heading:
		e.Phase = Body
	case x.send != complete || unsent > 0 || err == errShortFile:
		e.Phase = Write
	}
	x.s = nil
	switch lost(s) {
	case ends:
		return x.completes(nil)
	case again:
		x.set(retried)
		x.clear(follows)
		x.pool.counts.retries.Add(1)
		x.given = 0
		x.o.acquire(x)
		return func() {}
	}
	if s.read == heading && !s.began {
		return x.elsewhere(e)
	}
	return x.ends(e)
}

// elsewhere sends x, which has failed and has no connection, to the origin that the
// program names, if it may be sent again. Call the returned function to call the
// program.
func (x *exchange) elsewhere(e *Error) (tell func()) {
	fn, gen := x.onLost, x.gen
	if fn == nil || x.is(unkept) || x.hasFiles() || e.Written && !idempotent(x.method) {
		return x.ends(e)
	}
	x.read = unasked
	return func() {
		if x.gen != gen {
			return // it was aborted
		}
		url := ""
		defer func() { // also if the program panics
			switch {
			case x.gen != gen:
			case url == "":
				x.ends(e)()
			case !x.moves(url):
				x.ends(&Error{Err: ErrURL})()
			}
		}()
		url = fn(e)
	}
}

// moves sends x to the origin of a URL.
func (x *exchange) moves(url string) bool {
	x.stopTimer()
	if x.pool.locate(x, url) != nil {
		return false
	}
	x.given = 0
	x.clear(retried)
	x.pool.counts.retries.Add(1)
	x.o.acquire(x)
	return true
}

// fail ends an exchange that cannot go on, and its connection.
func (x *exchange) fail(e *Error) {
	s := x.s
	if s == nil {
		x.ends(e)()
		return
	}
	e.Written = s.unsentOf(x) < x.given
	if s.x != x {
		s.forget(x)
		x.ends(e)()
		return
	}
	s.x, x.s = nil, nil
	s.abort()
	defer x.ends(e)() // also if OnConn panics
	s.desert()
}

// failLater is fail for an exchange without a connection. It calls the program after the
// running callback.
func (x *exchange) failLater(e *Error) { x.pool.loop.Post(x.ends(e)) }

// ends ends the exchange with an error. Call the returned function to call the program.
func (x *exchange) ends(e *Error) (tell func()) {
	asked, sink := x.asked, x.sink
	if x.status != 0 {
		asked = nil // Do's function is not called twice
	}
	if x.read == queued {
		x.o.dequeue(x)
		x.o.trim()
	}
	if !x.is(ghost) {
		x.pool.counts.failed(e)
	}
	x.finished()
	return func() {
		switch {
		case asked != nil:
			asked(Response{}, e)
		case sink != nil:
			sink(nil, e)
		}
	}
}

// completes ends the answer, with the last bytes of its body.
func (x *exchange) completes(p []byte) (tell func()) {
	sink := x.sink
	x.finished()
	return func() {
		if sink != nil {
			sink(p, io.EOF)
		}
	}
}

// finished releases what the exchange holds. Its handles are stale afterwards.
func (x *exchange) finished() {
	x.stopTimer()
	x.closeFiles()
	x.drained()
	x.read = over
	x.pool.release(x)
}
