// Package server serves HTTP/1.x on event loops.
//
//	server.ListenAndServe("127.0.0.1:8000", func(w server.Response, r server.Request) {
//		w.End("Hello World\n")
//	})
//
// # An answer is complete when the program says so
//
// A [Handler] may return before the answer is complete: End completes it, from
// wherever and whenever it is called. No goroutine waits meanwhile:
//
//	w.After(2*time.Second, func() { w.End("Hello World\n") }) // from a timer
//	hub.Add(w)                                                // when somebody else says something
//	go func() { v := query(); w.Post(func() { w.End(v) }) }() // after work that blocks
//
// [Response] and [Request] are small values that may be copied and kept. Once
// the exchange is over, because the answer ended or the client left, their methods
// do nothing and return net.ErrClosed.
//
// # One goroutine
//
// A server has one loop for each processor, and everything of a connection
// happens on its loop: handlers, callbacks and timers of one connection never
// run at once. Those of two connections may; with Server.Loops set to 1 they
// never do. Other goroutines may call only [Response.Post], the methods of [Hub]
// except Add and Remove, and those of [Server]. A handler that blocks stops its whole loop: do what
// blocks on another goroutine, and Post the result.
//
// # Lifetime of bytes
//
// The bytes that Method, Path, Get and the like return are valid until the handler
// returns. Those that a body callback is given are valid until the callback
// returns. Copy what you keep.
//
// # Bodies
//
// A request's body is read once the program has called Stream, Body or Pipe, and
// no faster than it is consumed there; until then it waits with the client. A
// body that nobody asked for is discarded if it is short; otherwise the connection
// is closed after the answer. Write sends a part of the answer's body, in the
// chunked coding if no Content-Length was set. Full reports whether the client
// takes it too slowly, and OnDrain calls a function when there is room again.
//
// # Handlers that block
//
// Package nethttp turns any http.Handler into a Handler. It runs on a goroutine of
// a bounded pool, where it may block.
//
// # HTTPS
//
// [Server.ListenTLS] serves HTTPS by crypto/tls, as Server.TLS configures it. The
// same server may have listeners without TLS. An idle connection holds no
// goroutine there either.
//
// # Limits
//
// All limits and timeouts of [Server] are on by default. A request that goes over
// one is refused with 408, 413, 414, 431 or 503, and one that RFC 9112 does not
// allow with 400, 417, 501 or 505. A refusal closes the connection in stages, so
// that the client can read the answer.
package server
