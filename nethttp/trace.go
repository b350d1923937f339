// Reports of a trip to httptrace, and interim answers.

package nethttp

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
)

// connected notes the connection, and reports it to httptrace.
func (tr *trip) connected(c *conn.Conn, reused bool) {
	tr.reused, tr.state = reused, nil
	if tr.t.DialTLSContext != nil {
		if state, ok := tr.t.sealed.Load(c); ok {
			tr.state = state.(*tls.ConnectionState)
		}
	}
	if tr.up != nil {
		tr.up.begin()
	}
	t := tr.trace
	if t == nil {
		return
	}
	if t.GotConn != nil {
		t.GotConn(httptrace.GotConnInfo{Conn: &addresses{c.LocalAddr(), c.RemoteAddr()}, Reused: reused, WasIdle: reused, IdleTime: adapt.IdleFor(c)})
	}
	if tr.pending = true; !tr.starting {
		tr.lane.loop.Post(tr.wroteHead) // after this callback, in which the head is written
	}
}

// wroteHead reports to httptrace that the head has been given to the connection.
func (tr *trip) wroteHead() {
	if !tr.pending {
		return
	}
	tr.pending = false
	t := tr.trace
	for _, f := range tr.fields {
		t.WroteHeaderField(f.name, f.values)
	}
	tr.fields = nil
	if t.WroteHeaders != nil {
		t.WroteHeaders()
	}
	waits := tr.expects() && tr.t.ExpectContinueTimeout > 0 && (tr.up != nil || len(tr.whole) > 0)
	if waits && t.Wait100Continue != nil {
		t.Wait100Continue()
	}
	if tr.up == nil {
		tr.unsent = true
		if !waits {
			tr.sent()
		}
	}
}

// sent reports to httptrace that a body in memory has been written: with the head, or
// when its turn has come.
func (tr *trip) sent() {
	if tr.unsent {
		tr.unsent = false
		tr.wrote(nil)
	}
}

// freed reports to httptrace that the connection can be used again.
func (tr *trip) freed() {
	tr.first() // if the answer is its head alone, nobody has been told of that yet
	tr.trace.PutIdleConn(nil)
}

func (tr *trip) expects() bool {
	return strings.EqualFold(tr.req.Header.Get("Expect"), "100-continue")
}

func (tr *trip) wrote(err error) {
	if t := tr.trace; t != nil && t.WroteRequest != nil {
		t.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

// informed is an interim answer.
func (tr *trip) informed(r client.Response) {
	tr.first()
	t := tr.trace
	if t == nil || t.Got1xxResponse == nil {
		tr.limit(r)
	}
	if t == nil {
		return
	}
	if r.Status() == 100 {
		if t.Got100Continue != nil {
			t.Got100Continue()
		}
	}
	if t.Got1xxResponse != nil {
		if err := t.Got1xxResponse(r.Status(), textproto.MIMEHeader(fieldsOf(r))); err != nil {
			tr.settle(nil, err)
			tr.q.Abort()
			return
		}
	}
	if r.Status() == 100 {
		tr.sent()
	}
}

// limit bounds the interim answers that nobody looks at.
func (tr *trip) limit(r client.Response) {
	for name, value := range r.All() {
		tr.interim += len(name) + len(value) + len(": \r\n")
	}
	if tr.interim += len("HTTP/1.1 100\r\n\r\n"); tr.interim > tr.t.maxHead() {
		tr.settle(nil, tr.t.errHead(client.ErrInterim))
		tr.q.Abort()
	}
}

// first is the first byte of the answer.
func (tr *trip) first() {
	if !tr.began {
		tr.began = true
		tr.wroteHead()
		if t := tr.trace; t != nil && t.GotFirstResponseByte != nil {
			t.GotFirstResponseByte()
		}
	}
}

// addresses stand for a connection that belongs to a loop: httptrace is given them
// to look at.
type addresses struct{ local, remote net.Addr }

func (a *addresses) LocalAddr() net.Addr  { return a.local }
func (a *addresses) RemoteAddr() net.Addr { return a.remote }

func (a *addresses) Read([]byte) (int, error)         { return 0, errBelongs }
func (a *addresses) Write([]byte) (int, error)        { return 0, errBelongs }
func (a *addresses) Close() error                     { return errBelongs }
func (a *addresses) SetDeadline(time.Time) error      { return errBelongs }
func (a *addresses) SetReadDeadline(time.Time) error  { return errBelongs }
func (a *addresses) SetWriteDeadline(time.Time) error { return errBelongs }

var errBelongs = errors.New("nethttp: the connection belongs to a loop")
