// Response: the program's handle on the answer, from its status to its end.

package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/lurcher-net/lurcher/conn"
)

// A Response is the answer to one request. It is a handle that may be copied and
// kept: the exchange lasts until End, from wherever that is called, or until the
// client is gone. After that its methods do nothing and return net.ErrClosed. Two
// handles are equal if they belong to the same exchange. All methods except Post
// must be called on the loop's goroutine.
//
// The answer is sent with a Date field, with the framing that fits (Content-Length
// if End is given the whole body, or if the program set one; else the chunked
// coding), and with the Connection field that the request calls for.
type Response struct {
	s   *session
	gen uint32
}

func (w Response) valid() bool {
	if debugging {
		w.s.own()
	}
	return w.s != nil && w.s.gen == w.gen
}

// Status sets the status code. Without it the status is 200.
func (w Response) Status(code int) error {
	switch {
	case !w.valid():
		return errOver
	case w.s.is(sent):
		return w.s.mistake(ErrHeadSent)
	case code != 101 && (code < 200 || code > 999):
		return w.s.mistake(ErrStatus)
	}
	w.s.status = uint16(code)
	return nil
}

// Set sets a field, in place of any of that name that was set before. It returns
// ErrField, and sets nothing, if the name is not a token or the value contains CR,
// LF, NUL or other control characters. If Content-Length is set, a body of another
// length is an error, and is not sent as if it were whole. "Connection: close"
// closes the connection after the answer.
func (w Response) Set(name, value string) error { return w.field(name, value, true) }

// Add is Set for one more field line of that name, such as Set-Cookie.
func (w Response) Add(name, value string) error { return w.field(name, value, false) }

func (w Response) field(name, value string, replace bool) error {
	switch {
	case !w.valid():
		return errOver
	case w.s.is(sent):
		return w.s.mistake(ErrHeadSent)
	}
	if err := w.s.setField(name, value, replace); err != nil {
		return w.s.mistake(err)
	}
	return nil
}

// SetBytes is Set of bytes, which are the caller's again on return.
func (w Response) SetBytes(name, value []byte) error {
	return w.field(asString(name), asString(value), true)
}

// AddBytes is Add of bytes, which are the caller's again on return.
func (w Response) AddBytes(name, value []byte) error {
	return w.field(asString(name), asString(value), false)
}

// asString returns b as a string without copying, for functions that keep nothing
// of it.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Del removes all fields of that name that were set or added.
func (w Response) Del(name string) error {
	switch {
	case !w.valid():
		return errOver
	case w.s.is(sent):
		return w.s.mistake(ErrHeadSent)
	}
	w.s.delField(name)
	return nil
}

// Reset undoes Status, and all that was set or added: for fields that were only for an
// interim answer, or that do not fit the error that is sent instead.
func (w Response) Reset() error {
	switch {
	case !w.valid():
		return errOver
	case w.s.is(sent):
		return w.s.mistake(ErrHeadSent)
	}
	w.s.resetHead()
	return nil
}

func (s *session) resetHead() {
	s.status = 0
	s.clear(wantsClose)
	if x := s.x; x != nil {
		x.fields, x.trailer = x.fields[:0], x.trailer[:0]
		x.hasDate, x.options, x.upgrades, x.declared = false, "", false, unknown
	}
}

// Unwrite takes back what has been written of the answer, head and all, and reports
// whether that was possible. It is not if any of it has been sent, as a rule when the
// callback that wrote it has returned; and nobody counts what is written of an answer
// without fields of the program. After Unwrite, as after Reset, another answer can be given:
// a proxy sends 502 in place of one that turned out to be malformed.
func (w Response) Unwrite() bool {
	if !w.valid() || !w.s.is(sent) || !w.s.takeBack() {
		return false
	}
	w.s.resetHead()
	return true
}

// Get returns the value of the first field of that name that was set, or nil. It
// does not return fields that the server writes itself: Content-Length, Connection
// and its own Date. The value is valid until the next call of a method of w, and
// must not be changed.
func (w Response) Get(name string) []byte {
	if !w.valid() || w.s.x == nil {
		return nil
	}
	return fieldValue(w.s.x.fields, name)
}

// Code returns the status code that was set or has been sent: 200 if none was set,
// and 0 when the exchange is over.
func (w Response) Code() int {
	switch {
	case !w.valid():
		return 0
	case w.s.status == 0:
		return 200
	}
	return int(w.s.status)
}

// Begun reports whether the answer's head has been written, so that its status and
// fields cannot change any more.
func (w Response) Begun() bool { return w.valid() && w.s.is(sent) }

// Write sends all of p as a part of the body, and the head before the first part. p
// is the caller's again on return. What is written during one callback is sent
// together. The answer is not complete before End.
func (w Response) Write(p []byte) (int, error) {
	if !w.valid() {
		return 0, errOver
	}
	if err := w.s.write(p); err != nil {
		return 0, w.s.mistake(err)
	}
	if w.s.is(headOnly) {
		w.s.headInHub()
	}
	return len(p), nil
}

// WriteString is Write of a string.
func (w Response) WriteString(s string) (int, error) {
	return w.Write(unsafe.Slice(unsafe.StringData(s), len(s))) // Write only reads it
}

// End sends the last part of the body, which may be "", and completes the exchange:
// methods of w and of the request return net.ErrClosed from now on, and the next
// request on the connection can be served.
func (w Response) End(body string) error {
	return w.EndBytes(unsafe.Slice(unsafe.StringData(body), len(body))) // which only reads it
}

// EndBytes is End of bytes, which are the caller's again on return.
func (w Response) EndBytes(body []byte) error {
	if !w.valid() {
		return w.ended()
	}
	if err := w.s.finish(body); err != nil {
		return w.s.mistake(err)
	}
	return nil
}

// ended returns the error of End when the exchange is over.
func (w Response) ended() error {
	if s := w.s; s != nil && s.is(ended) && w.gen+1 == s.gen {
		s.mistake(ErrEnded)
	}
	return errOver
}

// Close is End without a last part. It makes a Response a [conn.Sink], to which a
// connection or a request's body can be piped.
func (w Response) Close() error { return w.EndBytes(nil) }

// Abort ends the connection at once, for an answer that cannot be completed. Output
// that has not been sent is lost. OnAbort functions are called.
func (w Response) Abort() error {
	if !w.valid() {
		return errOver
	}
	w.s.happens(aborted, net.ErrClosed)
	return nil
}

// Full reports whether to stop writing until OnDrain, because the client takes the
// answer more slowly than it is written. Output that is written nevertheless is
// held, up to MaxBacklog, past which the connection is aborted. Full is also true
// once one callback has sent (or to HEAD, would have sent) so much that other
// connections should have their turn. It is true when the exchange is over, so
// that a loop that writes until Full ends; the next Write returns the error.
func (w Response) Full() bool { return !w.valid() || w.s.conn.Full() || w.s.droppedMuch() }

// OnDrain calls fn once, when the client has taken most of what was written, or when
// the connection is closed: then the next Write returns an error. It does nothing
// if the exchange is over already.
func (w Response) OnDrain(fn func()) {
	if w.valid() {
		w.s.conn.OnDrain(fn)
	}
}

// Pause stops the reading of the request's body until Resume. It is a method of Response, as
// Post and After are, because who takes a body after the handler has returned holds the
// Response, to answer.
func (w Response) Pause() {
	if w.valid() && w.s.phase == receiving {
		w.s.set(stopped)
		w.s.conn.Pause()
	}
}

// Resume undoes Pause.
func (w Response) Resume() {
	if w.valid() && w.s.is(stopped) {
		w.s.clear(stopped | waiting)
		w.s.conn.Resume()
	}
}

// OnAbort calls fn once if the client leaves before the answer is complete, or if
// the exchange is over in another way that the program did not ask for. cause says
// why:
//
//   - io.EOF: the client has sent its FIN. Most clients that leave show nothing
//     else. w can still be used, because a client that has only shut down its
//     sending side reads the answer. In all other cases w is over when fn runs.
//   - io.ErrUnexpectedEOF: the client has sent its FIN within the request's body
//   - os.ErrDeadlineExceeded, perhaps wrapped: a timeout
//   - a parser.Error: the body is malformed
//   - ErrTooLarge, [conn.ErrBacklog] and the like: a limit
//   - net.ErrClosed: Abort, or [Server.Close]
//   - an os.SyscallError: the system's error, such as a reset
//   - anything else: the value of a panic
//
// fn is a func(cause error) or a func(), such as the cancel functions of
// [context.WithCancelCause] and [context.WithCancel]. If OnAbort is called several
// times, all functions are called in turn.
func (w Response) OnAbort(fn any) {
	call := abortFunc(fn)
	if !w.valid() {
		return
	}
	x := w.s.extra()
	if before := x.onAbort; before != nil {
		x.onAbort = func(cause error) { defer call(cause); before(cause) } // even if that panics
		return
	}
	x.onAbort = call
	w.s.recallFIN()
}

// abortFunc returns the argument of OnAbort as a function of a cause.
func abortFunc(fn any) func(cause error) {
	switch fn := fn.(type) {
	case func(error):
		return fn
	case context.CancelCauseFunc:
		return fn
	case func():
		return func(error) { fn() }
	case context.CancelFunc:
		return func(error) { fn() }
	}
	panic(fmt.Sprintf("server: OnAbort wants a func(cause error) or a func(), not a %T", fn))
}

// recallFIN reports the client's FIN to functions that were registered after it
// came. There may still be an unread body before the FIN.
func (s *session) recallFIN() {
	if s.is(halfClosed) {
		w := Response{s, s.gen}
		w.Post(func() {
			if w.valid() && s.phase == answering {
				s.happens(finCame, io.EOF)
			}
		})
	}
}

// After calls fn on the loop once d has passed, unless the exchange is over by then.
// The timer may be stopped, and reset while the exchange lasts. If the exchange is over
// already, it never runs.
func (w Response) After(d time.Duration, fn func()) *conn.Timer {
	if !w.valid() {
		return new(conn.Timer) // a timer that never runs
	}
	t := w.s.conn.After(d, func() {
		if w.valid() { // the timer may have been reset after the end
			fn()
		}
	})
	w.s.keep(t)
	return t
}

// keep makes the exchange's end stop t. It drops timers that have run: a stream may
// need many.
func (s *session) keep(t *conn.Timer) {
	if s.timer == nil || !s.timer.Running() {
		s.timer = t
		return
	}
	x := s.extra()
	if len(x.timers) == cap(x.timers) {
		x.timers = slices.DeleteFunc(x.timers, func(t *conn.Timer) bool { return !t.Running() })
	}
	x.timers = append(x.timers, t)
}

// Loop returns the loop of the exchange's connection, to use its Dial and After. It
// does so also when the exchange is over. Only the zero Response has none: nil.
func (w Response) Loop() *conn.Loop {
	if w.s == nil {
		return nil
	}
	return w.s.conn.Loop()
}

// Post runs fn on the loop of this exchange, which may be over by then. It may be
// called from any goroutine. Once the server has stopped, it returns net.ErrClosed
// and does not run fn.
func (w Response) Post(fn func()) error {
	if w.s == nil {
		return errOver
	}
	return w.s.conn.Post(fn)
}

// SendFile sends n bytes of f from off on as a part of the body, by sendfile(2)
// where the system has it, and closes f when they have been sent. If no head has
// been sent and no Content-Length set, n becomes the Content-Length. End completes
// the answer as usual.
func (w Response) SendFile(f *os.File, off, n int64) error {
	if !w.valid() {
		f.Close()
		return errOver
	}
	return w.s.mistake(w.s.sendFile(f, off, n))
}

// SendShared is [Response.SendFile] of a file that many answers may send at the same
// time, and that stays open. If f is closed already, it returns os.ErrClosed, and closes
// the connection, because the length has been promised.
func (w Response) SendShared(f *conn.File, off, n int64) error {
	if !w.valid() {
		return errOver
	}
	return w.s.mistake(w.s.sendShared(f, off, n))
}

// Continue sends 100 Continue to a client that waits for it ("Expect: 100-continue")
// before it sends the body. Stream, Body and Pipe do so on their own. It is an answer, if an
// interim one, and so a method of Response.
func (w Response) Continue() error {
	if !w.valid() {
		return errOver
	}
	w.s.sendContinue()
	return nil
}

// Hijack ends HTTP on the connection and hands it over to h, with the input that
// has come after the request. If the program has set a status, Hijack first sends a
// head with it and the fields that were set: 101, with "Connection: upgrade", to a
// client that offered to upgrade, or 200 to a CONNECT. With any other status, what
// is written then is a body that only the end of the connection ends. If the
// request has a body, call Hijack after it has been read. Hijack replaces End.
// h.Open is not called.
func (w Response) Hijack(h *conn.Handler) (*conn.Conn, error) {
	s := w.s
	switch {
	case !w.valid():
		return nil, errOver
	case s.is(sent) || s.phase != answering:
		return nil, s.mistake(ErrHijack)
	case s.status == 101 && !s.is(upgrade):
		return nil, s.mistake(ErrUpgrade) // RFC 9110 7.8
	}
	if s.status != 0 {
		if err := s.writeHead(untilClose, nil); err != nil {
			return nil, err
		}
	}
	return s.handOver(h), nil
}

// handOver ends HTTP on the connection.
func (s *session) handOver(h *conn.Handler) *conn.Conn {
	c := s.conn
	c.State = nil
	c.SetDeadline(0)
	c.SetHandler(h)
	if s.is(waiting) {
		c.Resume()
	}
	if s.worker.quiescing {
		quiesce(c)
	}
	s.happens(hijacked, nil)
	return c
}
