// Package client is an HTTP/1.1 client on the loops of package conn. A connection
// carries one request at a time, unless Client.Pipeline allows more, and no request
// needs a goroutine.
//
//	var c client.Client
//	p := c.On(loop) // in a handler: c.On(w.Loop())
//	p.Get("http://127.0.0.1:8000/", func(r client.Response, err error) {
//		if err != nil {
//			return
//		}
//		r.Body(1<<20, func(body []byte, err error) { ... })
//	})
//
// It mirrors package server. There a program is given a request and makes an answer;
// here it makes a [Request], by Set, Write and End, and is given a [Response]. Both
// can be piped: r.Pipe(q) sends a client's upload on to a server, a.Pipe(w) brings
// the answer back, and the two make a proxy.
//
//	q := p.Request("POST", url)
//	q.Set("Content-Type", "text/plain")
//	q.Do(func(r client.Response, err error) { ... })
//	q.End("hello")
//
// # One goroutine
//
// A [Pool], and all handles that come from it, belong to its loop's goroutine. A
// [Client] holds the settings for any number of loops, which share nothing else:
// there is no lock on the way of a request.
//
// # How it ends
//
// The function given to Do is called once, whatever happens. The function given to
// Stream is called until it gets a non-nil error, once, which is io.EOF if all is
// well. Other errors are of type [*Error]: they say in which phase the exchange
// failed, and whether any of the request was written.
//
// # Connections
//
// A connection is used again only if the answer was read to its end, both sides
// allow it, and nothing has come after the answer. Bytes that come while no request
// is under way close the connection, so that an answer that nobody asked for never
// reaches a later request. Before a connection is used again, the client asks the
// kernel whether the server has closed it. If a connection dies without a byte of an
// answer, the request is sent again on a new one, provided that nothing of it had
// been sent, or that its method is idempotent and all that was written has been kept
// (up to 64 KiB).
//
// # Reading
//
// Answers are read by package parser, with the strictness of requests but for what
// its Response.Repair lists: folded lines are joined, and a Content-Length that is
// repeated with the same value counts once. An answer to HEAD, or one with status 1xx,
// 204 or 304, has no body whatever its fields say. A body that is cut off is an error,
// and never looks like a complete one.
//
// # What it does not do
//
// It follows no redirects, keeps no cookies, decodes no gzip, and sets no fields but
// Host and the framing. For these use net/http's client over nethttp.Transport.
package client
