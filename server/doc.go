// Package server answers HTTP/1.x requests on event loops.
//
//	server.ListenAndServe("127.0.0.1:8000", func(w server.Response, r server.Request) {
//		w.End("Hello World\n")
//	})
//
// # An answer is complete when the program says so
//
// A [Handler] may return before it has answered: End is what completes the
// exchange, whoever calls it and when. No goroutine waits meanwhile:
//
//	w.After(2*time.Second, func() { w.End("Hello World\n") }) // from a timer
//	hub.Add(w)                                                // when somebody else says something
//	go func() { v := query(); w.Post(func() { w.End(v) }) }() // after work that blocks
//
// [Response] and [Request] are small values that may be copied and kept. Once
// the exchange is over, because it was answered or because the client left,
// their methods do no harm and say net.ErrClosed.
//
// # One goroutine
//
// A server has one loop for each processor, and everything of a connection
// happens on its loop: handlers, callbacks and timers of one connection never
// run at once. Those of two connections may; with Server.Loops set to 1 they
// never do. From other goroutines only [Response.Post], and the methods of [Hub] but
// Add and Remove, may be called. A handler that blocks stops its whole loop: do what blocks
// elsewhere, and Post the result.
//
// # Lifetime of bytes
//
// What Method, Path, Get and the like return is valid until the handler
// returns; what a body callback is given, until that returns. Copy what is to
// be kept.
//
// # Bodies
//
// A request's body is read when the handler has said where to, by Stream, Body
// or Pipe, and no faster than that takes it; until then it waits with the
// client. A body that nobody asked for is discarded if it is short, else the
// connection is closed after the answer. Write sends a part of the answer's
// body, with chunked coding where no Content-Length was set; Full and OnDrain
// tell how fast the client takes it.
//
// # Handlers that block
//
// Package nethttp makes a Handler of any http.Handler: it is called on a goroutine
// of a bounded pool, where it may block.
//
// # HTTPS
//
// [Server.ListenTLS] answers HTTPS with crypto/tls as Server.TLS configures it,
// beside listeners without it. An idle connection holds no goroutine there either.
//
// # Limits
//
// All limits and timeouts of [Server] are on by default, and each has its
// answer: 408, 413, 414, 431, 503. Requests that RFC 9112 does not allow are
// refused with 400, 417, 501 or 505. A refusal closes the connection in
// stages, so that the client can read the answer.
package server
