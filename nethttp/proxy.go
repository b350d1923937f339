// Connections of a Transport that a loop's own Dialer does not open: through proxies, by
// the program's DialContext, and for httptrace.

package nethttp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// connect makes Client.Connect for a proxy, or for none.
func (t *Transport) connect(proxy *url.URL) func(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
	return func(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
		ctx := t.dialContext(l)
		trace := httptrace.ContextClientTrace(ctx)
		byTLS := proxy == nil && t.DialTLSContext != nil && h.TLS != nil
		if proxy == nil && t.DialContext == nil && trace == nil && !byTLS {
			if _, err := t.Dialer.Dial(l, "tcp", addr, h); err != nil {
				l.Post(func() { fail(err) })
			}
			return
		}
		l.Ref() // until it is here
		go func() {
			nc, state, err := t.dialBlocking(ctx, proxy, addr, byTLS)
			posted := l.Post(func() {
				l.Unref()
				if err == nil {
					if byTLS {
						t.seal(h, state)
					}
					traceTLS(trace, h)
					_, err = l.Adopt(nc, h)
				}
				if err != nil {
					fail(err)
				}
			})
			if posted != nil && nc != nil {
				nc.Close()
			}
		}()
	}
}

// dialContext has the values of the request that makes the loop dial.
func (t *Transport) dialContext(l *conn.Loop) context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, lane := range t.lanes {
		if lane != nil && lane.loop == l && lane.asking != nil {
			return context.WithoutCancel(lane.asking)
		}
	}
	return context.Background()
}

// traceTLS reports the handshake that h is going to make to httptrace.
func traceTLS(trace *httptrace.ClientTrace, h *conn.Handler) {
	if trace == nil || h.TLS == nil {
		return
	}
	if trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	if trace.TLSHandshakeDone == nil {
		return
	}
	open, end, done := h.Open, h.Close, false
	h.Open = func(c *conn.Conn) {
		done = true
		trace.TLSHandshakeDone(*c.TLS(), nil)
		open(c)
	}
	h.Close = func(c *conn.Conn, err error) {
		if !done {
			done = true
			cause := err
			if inner := errors.Unwrap(err); inner != nil {
				cause = inner // crypto/tls's own
			}
			trace.TLSHandshakeDone(tls.ConnectionState{}, cause)
		}
		end(c, err)
	}
}

// dialBlocking opens a connection with a socket of its own, by DialTLSContext or not.
func (t *Transport) dialBlocking(ctx context.Context, proxy *url.URL, addr string, byTLS bool) (net.Conn, *tls.ConnectionState, error) {
	if d := t.dialTimeout(); d > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	var nc net.Conn
	var state *tls.ConnectionState
	var err error
	switch {
	case proxy != nil:
		nc, err = t.dialProxy(ctx, proxy, addr)
	case byTLS:
		nc, state, err = t.dialTLS(ctx, addr)
	default:
		nc, err = t.dial(ctx, addr)
	}
	if err != nil {
		return nil, nil, err
	}
	nc, err = withSocket(nc)
	return nc, state, err
}

// dialProxy makes a proxy connect to addr.
func (t *Transport) dialProxy(ctx context.Context, proxy *url.URL, addr string) (net.Conn, error) {
	var nc net.Conn
	var err error
	secure := proxy.Scheme == "https"
	if secure && t.DialTLSContext != nil {
		secure = false // more than it is
		nc, _, err = t.dialTLS(ctx, hostPort(proxy))
	} else {
		nc, err = t.dial(ctx, hostPort(proxy))
	}
	if err != nil {
		return nil, proxyError(err)
	}
	return t.tunnel(ctx, nc, proxy, secure, addr)
}

// proxyError returns the error by which net/http reports that there is no connection to a proxy.
func proxyError(err error) error {
	return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
}

// dial dials by the program's DialContext, or by package net with the Dialer's settings.
func (t *Transport) dial(ctx context.Context, addr string) (net.Conn, error) {
	if t.DialContext != nil {
		nc, err := t.DialContext(ctx, "tcp", addr)
		if err == nil && nc == nil {
			err = errors.New("nethttp: DialContext returned neither a connection nor an error")
		}
		return nc, err
	}
	d := net.Dialer{LocalAddr: t.Dialer.LocalAddr, Control: t.Dialer.Control, FallbackDelay: t.Dialer.FallbackDelay, KeepAlive: t.Dialer.KeepAlive}
	if r, ok := t.Dialer.Resolver.(*net.Resolver); ok {
		d.Resolver = r
	}
	return d.DialContext(ctx, "tcp", addr)
}

// withScheme returns a proxy's URL with its scheme, http if it has none. The error is for a
// scheme that a Transport does not speak.
func withScheme(proxy *url.URL) (*url.URL, error) {
	switch proxy.Scheme {
	case "http", "https", "socks5", "socks5h":
		return proxy, nil
	case "":
		proxy = new(*proxy)
		proxy.Scheme = "http"
		return proxy, nil
	}
	return nil, fmt.Errorf("unsupported proxy scheme %q", proxy.Scheme)
}

// tunnel makes the proxy connect to addr, after a TLS handshake with it if it is to be secure.
func (t *Transport) tunnel(ctx context.Context, nc net.Conn, proxy *url.URL, secure bool, addr string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	through, err := t.tunnelBy(ctx, nc, proxy, secure, addr)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return through, nil
}

func (t *Transport) tunnelBy(ctx context.Context, nc net.Conn, proxy *url.URL, secure bool, addr string) (net.Conn, error) {
	switch scheme := proxy.Scheme; {
	case scheme == "socks5", scheme == "socks5h":
		if err := socks(nc, proxy, addr); err != nil {
			return nil, &net.OpError{Op: "socks connect", Net: "tcp", Source: nc.LocalAddr(), Addr: nc.RemoteAddr(), Err: err}
		}
		return nc, nil
	case secure:
		cfg := &tls.Config{}
		if t.TLSClientConfig != nil {
			cfg = t.TLSClientConfig.Clone()
		}
		if cfg.ServerName == "" {
			cfg.ServerName = proxy.Hostname()
		}
		cfg.NextProtos = []string{"http/1.1"}
		tc := tls.Client(nc, cfg)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, proxyError(err)
		}
		nc = tc
	}
	return nc, t.askProxy(ctx, nc, proxy, addr)
}

// askProxy sends CONNECT (RFC 9110 9.3.6).
func (t *Transport) askProxy(ctx context.Context, nc net.Conn, proxy *url.URL, addr string) error {
	h := t.ProxyConnectHeader
	if t.GetProxyConnectHeader != nil {
		var err error
		if h, err = t.GetProxyConnectHeader(ctx, proxy, addr); err != nil {
			return err
		}
	}
	if h = h.Clone(); h == nil {
		h = make(http.Header)
	}
	if auth := basicAuth(proxy); auth != "" {
		h.Set("Proxy-Authorization", auth)
	}
	req := &http.Request{Method: "CONNECT", URL: &url.URL{Opaque: addr}, Host: addr, Header: h}
	if err := req.Write(nc); err != nil {
		return err
	}
	in := bufio.NewReader(io.LimitReader(nc, 1<<20))
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return err
	}
	if t.OnProxyConnectResponse != nil {
		if err := t.OnProxyConnectResponse(ctx, proxy, req, resp); err != nil {
			return err
		}
	}
	switch {
	case resp.StatusCode != 200:
		_, text, ok := strings.Cut(resp.Status, " ")
		if !ok {
			text = "unknown status code"
		}
		return errors.New(text)
	case in.Buffered() > 0:
		return errors.New("the proxy sent something of its own after its answer to CONNECT")
	}
	return nil
}

// basicAuth returns the credentials in a proxy's URL for Proxy-Authorization, or "" if it
// has none (RFC 7617).
func basicAuth(u *url.URL) string {
	if u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
}

// withSocket returns nc if a loop can adopt it, or else one end of a pair of sockets, of
// which the other is relayed to nc.
func withSocket(nc net.Conn) (net.Conn, error) {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return nc, nil
	}
	ours, theirs, err := socketPair()
	if err != nil {
		nc.Close()
		return nil, err
	}
	var wg sync.WaitGroup
	relay := func(dst, src net.Conn) {
		io.Copy(dst, src)
		if c, ok := dst.(interface{ CloseWrite() error }); !ok || c.CloseWrite() != nil {
			dst.Close()
		}
	}
	wg.Go(func() { relay(nc, theirs) })
	wg.Go(func() { relay(theirs, nc) })
	go func() { wg.Wait(); nc.Close(); theirs.Close() }()
	return ours, nil
}
