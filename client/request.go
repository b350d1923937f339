// Request: the program's handle on what it asks for.

package client

import (
	"os"
	"strconv"
	"unsafe"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/field"
)

// A Request is a request to a server. It is a handle that may be copied and kept: the
// exchange lasts until the answer has been read, or has failed. After that its
// methods do nothing and return net.ErrClosed. Two handles are equal if they belong
// to the same exchange. Its methods must be called on the loop's goroutine.
//
// The request is sent once both Do and End, or Do and the first Write, have been
// called, in either order. It is sent with a Host field, and with the framing that
// fits: Content-Length if End is given the whole body, or if the program set one;
// else the chunked coding.
type Request struct {
	x   *exchange
	gen uint32
}

func (q Request) valid() bool { return q.x != nil && q.x.gen == q.gen }

// Request begins a request to an absolute URL of http or https. The URL's fragment is
// not sent. A user and password before an "@" become an Authorization field, unless
// the program sets one. If the method or the URL is malformed, Do's function gets the
// error.
func (p *Pool) Request(method, url string) Request {
	x := p.exchange()
	if field.IsName(method) {
		x.method = method
	}
	if err := p.locate(x, url); err != nil {
		x.o, x.target = nil, ""
	}
	return Request{x, x.gen}
}

// Target sets the target of the request line, in place of the URL's path and query:
// the absolute form for a proxy, or host and port for CONNECT.
func (q Request) Target(target string) error {
	switch {
	case !q.valid():
		return errOver
	case q.x.send != composing:
		return ErrHeadSent
	case !isTarget(target):
		return ErrTarget
	}
	q.x.target = target
	return nil
}

// Set sets a field, in place of any of that name that was set before. It returns
// ErrField, and sets nothing, if the name is not a token or the value contains CR, LF,
// NUL or other control characters.
//
// If Content-Length is set, a body of another length is an error, and is not sent as
// if it were whole. Host replaces the host of the URL. "Connection: close" closes the
// connection after the answer. With "Connection: upgrade" and an Upgrade field the
// answer may be a 101: see [Response.Hijack]. "Expect: 100-continue" holds the body
// back until the server wants it, or ContinueTimeout has passed.
func (q Request) Set(name, value string) error { return q.field(name, value, true) }

// Add is Set for one more field line of that name.
func (q Request) Add(name, value string) error { return q.field(name, value, false) }

// SetBytes is Set of bytes, which are the caller's again on return.
func (q Request) SetBytes(name, value []byte) error { return q.field(text(name), text(value), true) }

// AddBytes is Add of bytes, which are the caller's again on return.
func (q Request) AddBytes(name, value []byte) error { return q.field(text(name), text(value), false) }

// text returns b as a string without copying, for functions that keep nothing of it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// raw returns s as bytes without copying, for functions that only read them.
func raw(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (q Request) field(name, value string, replace bool) error {
	switch {
	case !q.valid():
		return errOver
	case q.x.send != composing:
		return ErrHeadSent
	case !field.IsName(name) || !field.IsValue(value):
		return ErrField
	}
	return q.x.setField(name, field.Trim(value), replace)
}

// Do sends the request, once its head is complete, and calls fn exactly once, whatever
// happens. If err is nil the head of the answer has come: r's fields are valid until
// fn returns, and the program has to read r's body, if there is one, or abort the
// exchange. Otherwise err is an *[Error]. fn is not called before Do returns.
func (q Request) Do(fn func(r Response, err error)) {
	x := q.x
	switch {
	case !q.valid() && x == nil:
		fn(Response{}, &Error{Err: errOver})
	case !q.valid():
		x.pool.loop.Post(func() { fn(Response{}, &Error{Err: errOver}) })
	case x.asked != nil:
		x.pool.loop.Post(func() { fn(Response{}, &Error{Err: ErrAsked}) })
	default:
		x.asked = fn
		if err := x.mistake(); err != nil {
			x.failLater(&Error{Err: err})
			return
		}
		x.launch()
	}
}

// mistake returns why a request cannot be sent, or nil.
func (x *exchange) mistake() error {
	switch {
	case x.method == "":
		return ErrMethod
	case x.o == nil:
		return ErrURL
	case x.more != nil:
		return x.more.spoilt
	}
	return nil
}

// OnInform calls fn with each interim answer (1xx) except 101. Its fields are valid
// until fn returns.
func (q Request) OnInform(fn func(r Response)) {
	if q.valid() {
		q.x.informed = fn
	}
}

// OnLost calls fn when the request has failed and may be sent again: no connection could
// be opened, or it ended before the answer began, and nothing of the request was sent or
// its method is idempotent (RFC 9110 9.2.2). fn returns the URL of the origin that is
// asked next, which may be the same; or "", and then Do's function gets the error. The
// request is sent as it was written: the URL's path does not count, nor its host if the
// program has set Host. It is not called if more than 64 KiB have been written.
func (q Request) OnLost(fn func(e *Error) (url string)) {
	if q.valid() {
		q.x.onLost = fn
	}
}

// OnConn calls fn with each connection that the request gets, before anything is sent
// on it. It reports the connection's addresses, and whether it has served a request
// before, or was idle. A request that is sent again gets another connection.
func (q Request) OnConn(fn func(c *conn.Conn, reused bool)) {
	if q.valid() {
		q.x.extra().connected = fn
	}
}

// Duplex makes the client send the request on, until the end of the answer, if the
// answer begins before the request has ended: some servers answer as they read. Call
// it before Do's function is called.
func (q Request) Duplex() {
	if q.valid() {
		q.x.set(duplex)
	}
}

// Write sends all of p as a part of the body, and the head before the first part,
// which may be empty. p is the caller's again on return. What is written during one
// callback is sent together. The request is not complete before End.
//
// If an answer comes before End, the rest of the request is not sent, unless Duplex
// was called: Write and End drop what they are given, and Full is true only once that
// has taken so long that other connections should have their turn.
func (q Request) Write(p []byte) (int, error) {
	if !q.valid() {
		return 0, errOver
	}
	if err := q.x.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString is Write of a string.
func (q Request) WriteString(s string) (int, error) { return q.Write(raw(s)) }

// End sends the last part of the body, which may be "", and completes the request.
// The exchange goes on with the answer.
func (q Request) End(body string) error { return q.EndBytes(raw(body)) }

// EndBytes is End of bytes, which are the caller's again on return.
func (q Request) EndBytes(body []byte) error {
	if !q.valid() {
		return errOver
	}
	return q.x.finish(body)
}

// Close is End without a last part. It makes a Request a [conn.Sink], to which a
// connection or the body of another message can be piped.
func (q Request) Close() error { return q.EndBytes(nil) }

// Abort ends the exchange at once, and aborts its connection if it has one. Before
// Abort returns, the function that waits for the answer, or for its body, is called
// with an *[Error] whose cause is net.ErrClosed.
func (q Request) Abort() error {
	x := q.x
	switch {
	case !q.valid():
		return errOver
	case x.read == over:
		return nil // the answer is complete, and the program has it
	}
	x.fail(&Error{Phase: x.phase(), Err: errAborted})
	return nil
}

// Full reports whether to stop writing until OnDrain, because the server takes the
// request more slowly than it is written, or because the body waits for a connection
// or for 100 Continue. Output that is written nevertheless is held, up to MaxBacklog.
// It is true when the exchange is over, so that a loop that writes until Full ends; the
// next Write returns the error.
func (q Request) Full() bool { return !q.valid() || q.x.full() }

// OnDrain calls fn once, when there is room, or when there never will be: then the
// next Write returns an error. It does not call fn before it returns, and does nothing
// if the exchange is over already.
func (q Request) OnDrain(fn func()) {
	switch x := q.x; {
	case !q.valid():
	case x.send != stopped && x.waits() && x.full():
		more := x.extra()
		more.draining = append(more.draining, q.ending(fn))
	case x.s != nil && !x.waits():
		x.s.conn.OnDrain(fn)
	default:
		x.pool.loop.Post(q.ending(fn))
	}
}

// ending returns a function that calls fn where no connection does: see guard.
func (q Request) ending(fn func()) func() { return func() { q.guard(fn) } }

// guard calls a function of the program where it may not be the callback of the exchange's
// connection. If fn panics, or ends the goroutine, the exchange ends, as it would with its
// connection.
func (q Request) guard(fn func()) {
	done := false
	defer func() {
		if !done {
			q.x.pool.loop.Post(func() { q.Abort() })
		}
	}()
	fn()
	done = true
}

// Trailer adds a field to the trailer section, which follows the body. A trailer
// section needs the chunked coding: call Trailer before the head is written, or for a
// request that is chunked. It returns ErrField for what Set does not take, and also
// for fields that frame or route a message or describe its content (RFC 9110 6.5.1).
func (q Request) Trailer(name, value string) error {
	x := q.x
	switch {
	case !q.valid():
		return errOver
	case !field.IsName(name) || !field.IsValue(value) || !field.MayTrail(name):
		return ErrField
	case x.send == composing && x.declared >= 0, x.send != composing && !x.is(chunked), x.is(ended):
		return ErrTrailer
	}
	more := x.extra()
	more.trailer = appendField(more.trailer, name, field.Trim(value))
	return nil
}

// SendFile sends n bytes of f from off on as a part of the body, by sendfile(2) where
// the system has it, and closes f when they have been sent. If no head has been sent
// and no Content-Length set, n becomes the Content-Length. End completes the request
// as usual. Such a request is never sent again.
func (q Request) SendFile(f *os.File, off, n int64) error {
	switch {
	case !q.valid():
		f.Close()
		return errOver
	case off < 0 || n < 0:
		f.Close()
		return errRange
	}
	return q.x.sendFile(f, off, n)
}

// setField keeps a field's line until the head is written.
func (x *exchange) setField(name, value string, replace bool) error {
	switch {
	case field.Is(name, "Transfer-Encoding"):
		return ErrField
	case field.Is(name, "Content-Length"):
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || value[0] == '+' || !replace && x.declared >= 0 && x.declared != int64(n) {
			return ErrField
		}
		x.declared = int64(n) // written by appendHead
		return nil
	case field.Is(name, "Host"):
		x.set(hasHost)
		if len(x.fields) == 0 {
			x.fields = appendField(x.fields, name, value)
			return nil
		}
		x.fields = removeField(x.fields, name)
		// It comes first, for servers that look for it (RFC 9110 7.2).
		x.fields = append(appendField(make([]byte, 0, len(x.fields)+256), name, value), x.fields...)
		return nil
	case field.Is(name, "Connection"):
		x.set(hasConnection)
	case field.Is(name, "Expect"):
		x.set(hasExpect)
	case field.Is(name, "Upgrade"):
		x.set(hasUpgrade)
	}
	if replace {
		x.fields = removeField(x.fields, name)
	}
	x.fields = appendField(x.fields, name, value)
	return nil
}
