// Package client asks HTTP/1.1, on the loops of package conn: as many requests at a
// time as there are connections, and no goroutine for any.
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
// are sinks and sources: r.Pipe(q) sends what a client uploads on to a server,
// a.Pipe(w) brings the answer back, and the two are a proxy.
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
// The function that Do is given is called once, whatever happens; so is, in the end
// with a non-nil error, the one that Stream is given. Errors are of type [*Error]:
// they say in which phase the exchange failed, and whether any of the request was
// written.
//
// # Connections
//
// A connection is used again only if the answer was read to its end, both sides
// allow it, and nothing has come behind the answer. Whatever a server says on a
// connection where nothing is asked closes it: an answer that nobody asked for never
// reaches a later request. Before a connection is used again the kernel is asked
// whether it has ended. A request whose connection dies without a byte of an answer
// is sent again, on a new one, if nothing of it had left, or if its method is
// idempotent and all that was written is still there (up to 64 KiB).
//
// # Reading
//
// Answers are read as strictly as package parser reads, and an answer to HEAD, or one with
// status 1xx, 204 or 304, has no body whatever its fields say. A body that is cut off
// is an error, never an end.
//
// # What it does not do
//
// It follows no redirect, keeps no cookies, decodes no gzip and sets no fields but
// Host and the framing: for that there is net/http over package nethttp.
package client
