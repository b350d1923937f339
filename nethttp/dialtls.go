// Connections that the program's DialTLSContext opens, with TLS of their own.

package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
)

// dialTLS dials by DialTLSContext. It returns the state of the connection's TLS if that is
// crypto/tls's.
func (t *Transport) dialTLS(ctx context.Context, addr string) (net.Conn, *tls.ConnectionState, error) {
	nc, err := t.DialTLSContext(ctx, "tcp", addr)
	if err == nil && nc == nil {
		err = errors.New("nethttp: DialTLSContext returned neither a connection nor an error")
	}
	if err != nil {
		return nil, nil, err
	}
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return nc, nil, nil
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	var state tls.ConnectionState
	if err = tc.HandshakeContext(ctx); err == nil {
		state = tc.ConnectionState()
	}
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(state, err)
	}
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, &state, nil
}

// seal makes h, which is for one connection that has TLS already, make none, and remembers
// the state of that.
func (t *Transport) seal(h *conn.Handler, state *tls.ConnectionState) {
	h.TLS = nil
	if state == nil {
		return
	}
	open, end := h.Open, h.Close
	h.Open = func(c *conn.Conn) {
		t.sealed.Store(c, state)
		open(c)
	}
	h.Close = func(c *conn.Conn, err error) {
		t.sealed.Delete(c)
		end(c, err)
	}
}

// stateOf returns the state of TLS of the connection that brought an answer, or nil.
func (tr *trip) stateOf(r client.Response) *tls.ConnectionState {
	if tr.state != nil {
		return tr.state
	}
	return r.TLS()
}
