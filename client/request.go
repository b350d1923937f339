// Request: the program's handle on what it asks.

package client

import (
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/field"
)

// A Request is what a server is asked. It is a handle that may be copied and kept:
// the exchange lasts until the answer has been read, or has failed; after that its
// methods do nothing and say net.ErrClosed. Two handles are equal if they mean the
// same exchange. Its methods belong to the loop's goroutine.
//
// It goes out once Do was called and there is a head to send, which End or the
// first Write makes; in either order. It is sent with a Host, and with the framing that fits:
// Content-Length if End is given all of the body, or if one was set; else the
// chunked coding.
type Request struct {
	x   *exchange
	gen uint32
}

func (q Request) valid() bool { return q.x != nil && q.x.gen == q.gen }

// Request begins a request to an absolute URL of http or https. Its fragment is not
// sent; what stands before an "@" becomes an Authorization field, unless one is set.
// A method or URL that cannot be is what Do reports.
func (p *Pool) Request(method, url string) Request {
	x := p.exchange()
	x.method = method
	if err := p.locate(x, url); err != nil {
		x.o, x.target = nil, ""
	}
	return Request{x, x.gen}
}

// Target sets what the request line says in place of the URL's path: the absolute
// form for a proxy, host and port for CONNECT.
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

// Set sets a field, in place of any of that name that was set before. A name that
// is not a token, or a value with CR, LF, NUL or other control characters, is
// refused with ErrField, and nothing is set. Content-Length is held to: a body of another
// length is an error, and not sent as if it were whole. Host replaces that of the
// URL. "Connection: close" closes the connection after the answer; with
// "Connection: upgrade" and Upgrade the answer may be a 101, see [Response.Hijack].
// "Expect: 100-continue" holds the body back until the server wants it, or
// ContinueTimeout is over.
func (q Request) Set(name, value string) error { return q.field(name, value, true) }

// Add is Set for one more field line of that name.
func (q Request) Add(name, value string) error { return q.field(name, value, false) }

// SetBytes is Set of bytes, which are the caller's again on return.
func (q Request) SetBytes(name, value []byte) error { return q.field(text(name), text(value), true) }

// AddBytes is Add of bytes, which are the caller's again on return.
func (q Request) AddBytes(name, value []byte) error { return q.field(text(name), text(value), false) }

// text is b as a string that is not kept.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// raw is s as bytes that are only read.
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

// Do asks: the request goes out when its head is there, and fn is called once, in
// any case. err is nil when the head of the answer has come: r's fields are good
// until fn returns, and r's body, if there is one, has to be read or the exchange
// aborted. Otherwise err is an *[Error]. fn is not called before Do returns.
func (q Request) Do(fn func(r Response, err error)) {
	x := q.x
	switch {
	case !q.valid() && x == nil:
		fn(Response{}, &Error{Err: errOver})
	case !q.valid():
		x.pool.loop.Post(func() { fn(Response{}, &Error{Err: errOver}) })
	case x.asked != nil:
		x.pool.loop.Post(func() { fn(Response{}, &Error{Err: errAsked}) })
	default:
		x.asked = fn
		if err := x.mistake(); err != nil {
			x.failLater(&Error{Err: err})
			return
		}
		x.launch()
	}
}

// mistake is why a request cannot be sent.
func (x *exchange) mistake() error {
	switch {
	case !field.IsName(x.method):
		return ErrMethod
	case x.o == nil:
		return ErrURL
	}
	return nil
}

// OnInform has fn called with each interim answer (1xx) but 101: its status and
// fields are good until fn returns.
func (q Request) OnInform(fn func(r Response)) {
	if q.valid() {
		q.x.informed = fn
	}
}

// OnConn has fn called with each connection that the request is given, before
// anything of it is sent there: to know its addresses, and whether it had served a
// request before. A request that is sent again gets another connection.
func (q Request) OnConn(fn func(c *conn.Conn, reused bool)) {
	if q.valid() {
		q.x.connected = fn
	}
}

// Duplex has the request go on when its answer begins before its end, until the
// answer's end: for servers that answer as they read. It comes before Do's function
// is called.
func (q Request) Duplex() {
	if q.valid() {
		q.x.set(duplex)
	}
}

// Write sends p as a part of the body, all of it, and with the first part, which may
// be empty, the head. p is the caller's again on return. What is written during
// one callback leaves together. The request is not complete before End.
//
// When an answer comes before that, the rest of the request is not sent, unless
// Duplex was called: Write and End discard what they are given, and nothing is Full.
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

// End sends the last part of the body, "" if there is none, and completes the
// request: what is left is the answer.
func (q Request) End(body string) error { return q.EndBytes(raw(body)) }

// EndBytes is End of bytes, which are the caller's again on return.
func (q Request) EndBytes(body []byte) error {
	if !q.valid() {
		return errOver
	}
	return q.x.finish(body)
}

// Close is End without a last part: with it a Request is a [conn.Sink], to which a
// connection or the body of another message can be piped.
func (q Request) Close() error { return q.EndBytes(nil) }

// Abort ends the exchange at once, and its connection if it has one. The function
// that waits for the answer, or for its body, is called with an *[Error] of
// net.ErrClosed before Abort returns.
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

// Full reports that the server does not take the request as fast as it is written,
// or that the body waits for a connection or for 100 Continue: a good time to stop
// writing until OnDrain. Output that is written regardless is held, up to
// MaxBacklog. It is false when the exchange is over, as the next Write reports.
func (q Request) Full() bool { return q.valid() && q.x.full() }

// OnDrain calls fn once, soon, when there is room; or when there never will be, as the
// next Write will report.
func (q Request) OnDrain(fn func()) {
	switch x := q.x; {
	case x == nil:
	case q.valid() && x.waits() && x.full():
		x.draining = append(x.draining, fn)
	case q.valid() && x.s != nil && !x.waits():
		x.s.conn.OnDrain(fn)
	default:
		x.pool.loop.Post(fn)
	}
}

// Trailer adds a field to the trailer section, which follows the body. It asks for
// the chunked coding, so it comes before the head is written, or goes with a request
// that is chunked already. Beside what Set refuses, fields that frame or route a
// message or say what its content is are refused with ErrField (RFC 9110 6.5.1).
func (q Request) Trailer(name, value string) error {
	x := q.x
	switch {
	case !q.valid():
		return errOver
	case !field.IsName(name) || !field.IsValue(value) || !field.MayTrail(name):
		return ErrField
	case x.send == composing && x.declared >= 0, x.send != composing && !x.is(chunked), x.is(ended):
		return errTrailer
	}
	x.trailer = appendField(x.trailer, name, field.Trim(value))
	return nil
}

// SendFile sends n bytes of f from off on as a part of the body, with sendfile(2)
// where the system has it, and closes f when it has been sent. If nothing has been
// sent or set about the length, they are all of the body; End completes the
// request as ever. Such a request is not sent again, whatever happens to it.
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
	case strings.EqualFold(name, "Transfer-Encoding"):
		return ErrField
	case strings.EqualFold(name, "Content-Length"):
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || value[0] == '+' || !replace && x.declared >= 0 && x.declared != int64(n) {
			return ErrField
		}
		x.declared = int64(n) // written by appendHead
		return nil
	case strings.EqualFold(name, "Host"):
		x.set(hasHost)
		x.fields = removeField(x.fields, name)
		// It comes first, for servers that look for it (RFC 9110 7.2).
		x.fields = append(appendField(make([]byte, 0, len(x.fields)+256), name, value), x.fields...)
		return nil
	case strings.EqualFold(name, "Connection"):
		x.set(hasConnection)
	case strings.EqualFold(name, "Expect"):
		x.set(hasExpect)
	case strings.EqualFold(name, "Upgrade"):
		x.set(hasUpgrade)
	}
	if replace {
		x.fields = removeField(x.fields, name)
	}
	x.fields = appendField(x.fields, name, value)
	return nil
}
