// Transport: net/http's client side over package client. RoundTrip is called on any
// goroutine and blocks; what it asks for is asked on a loop. The path of a request:
//
//	caller      RoundTrip       checks the request as net/http does, finds the proxy
//	loop        trip.start      makes a client.Request of it (trip.go, compose.go)
//	goroutine   upload.run      reads the request's body, if it may block (upload.go)
//	loop        trip.answered   makes the http.Response, and wakes the caller (answer.go)
//	caller      answerBody.Read empties a bounded buffer, which the loop fills

package nethttp

//lint:file-ignore SA1019 Request.Cancel is deprecated, and a RoundTripper may be given one all the same.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/field"
)

// A Transport is an http.RoundTripper over package client: for http.Client, for
// httputil.ReverseProxy, and for any code that uses an [http.Transport] now. The zero
// value is ready for use. It may be used from any goroutine, but must not be copied, and
// its fields must not change once it has been used. They mean the same as in
// http.Transport unless their comment says otherwise. docs/nethttp.md lists the
// differences.
//
// Requests run on the Transport's own loops, at most one for each processor, which are
// started when they are needed. All requests to one origin share a loop, and with it
// connections. A loop stops when it has no connections any more: after IdleConnTimeout,
// or after CloseIdleConnections and the end of the requests under way.
type Transport struct {
	// Proxy returns the URL of the proxy for a request: http, https or socks5. If Proxy
	// or the URL is nil there is no proxy. [http.ProxyFromEnvironment] is such a function.
	Proxy func(*http.Request) (*url.URL, error)

	// OnProxyConnectResponse is called with a proxy's answer to CONNECT; an error
	// fails the request.
	OnProxyConnectResponse func(ctx context.Context, proxyURL *url.URL, connectReq *http.Request, connectRes *http.Response) error

	// Dialer opens the connections, on the loops.
	Dialer conn.Dialer

	// DialContext, if it is set, opens the connections instead of Dialer, each on a
	// goroutine, which ends when a *net.TCPConn or *net.UnixConn is returned. Any other
	// net.Conn is relayed by two goroutines over a socket pair. ctx is done when the
	// connection takes too long. It does not have the values of any request.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// DialTLSContext, if it is set, opens the connections to origins and proxies of https,
	// as DialContext does the others; but not those through a proxy. What it returns has
	// made its TLS handshake, or is a *tls.Conn. TLSClientConfig and TLSHandshakeTimeout do
	// not count for it.
	DialTLSContext func(ctx context.Context, network, addr string) (net.Conn, error)

	TLSClientConfig     *tls.Config
	TLSHandshakeTimeout time.Duration // 0: only the limit for dialling, 30 s in all

	DisableKeepAlives  bool
	DisableCompression bool

	MaxIdleConns           int           // 1024 on each loop; negative: no limit. Those through a proxy count apart
	MaxIdleConnsPerHost    int           // 128; negative: none is kept
	MaxConnsPerHost        int           // 0: no limit
	IdleConnTimeout        time.Duration // 90 s; negative: for ever
	ResponseHeaderTimeout  time.Duration // 0: as long as the request's context
	ExpectContinueTimeout  time.Duration // 0: the body is sent at once
	MaxResponseHeaderBytes int64         // 1 MiB

	// ProxyConnectHeader are fields for CONNECT to a proxy.
	ProxyConnectHeader http.Header

	// GetProxyConnectHeader, if it is set, is called, and ProxyConnectHeader ignored.
	GetProxyConnectHeader func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)

	mu      sync.Mutex
	lanes   []*lane // by the hash of the origin; nil or ended: to be begun
	clients map[settingsKey]*client.Client
	closed  bool
	sealed  sync.Map // *conn.Conn: *tls.ConnectionState, of connections by DialTLSContext
}

var errTransportClosed = fmt.Errorf("nethttp: the Transport was closed: %w", net.ErrClosed)

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req); err != nil {
		closeBody(req)
		return nil, err
	}
	original := req
	for {
		resp, err, again := t.try(req, original)
		if err == nil || !again {
			return resp, err
		}
		if req, err = rewound(original); err != nil {
			return nil, err
		}
	}
}

// try sends the request once. again says that the request should be sent again, on
// another connection: package client cannot do that itself, because it has no GetBody.
func (t *Transport) try(req, original *http.Request) (resp *http.Response, err error, again bool) {
	ctx := req.Context()
	if ctx.Err() != nil {
		closeBody(req)
		return nil, context.Cause(ctx), false
	}
	tr, err := t.newTrip(req, original)
	if err != nil {
		tr.closeBody()
		return nil, err, false
	}
	if tr.trace != nil && tr.trace.GetConn != nil {
		tr.trace.GetConn(tr.addr)
	}
	if err := t.begin(tr); err != nil {
		tr.abandon()
		return nil, err, false
	}
	select {
	case <-tr.came:
	case <-ctx.Done():
		awaitCancel(req)
		tr.cancel(context.Cause(ctx))
	case <-cancelOf(req):
		tr.cancel(errCanceled)
	}
	return tr.outcome()
}

// awaitCancel waits a little for Request.Cancel after the context's deadline: http.Client
// sets both, and recognises its Timeout only by Request.Cancel.
func awaitCancel(req *http.Request) {
	if cancelOf(req) != nil && req.Context().Err() == context.DeadlineExceeded {
		select {
		case <-cancelOf(req):
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cancelOf returns Request.Cancel: deprecated, and what http.Client sets for Transports
// that it does not know.
func cancelOf(req *http.Request) <-chan struct{} {
	return req.Cancel //lint:ignore SA1019 see above
}

var errCanceled = errors.New("net/http: request canceled")

// check checks what http.Transport checks of a request, with its words.
func check(req *http.Request) error {
	switch {
	case req.URL == nil:
		return errors.New("http: nil Request.URL")
	case req.Header == nil:
		return errors.New("http: nil Request.Header")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("unsupported protocol scheme %q", req.URL.Scheme)
	case req.Method != "" && !field.IsName(req.Method):
		return fmt.Errorf("net/http: invalid method %q", req.Method)
	case req.URL.Host == "":
		return errors.New("http: no Host in request URL")
	}
	if err := checkFields(req.Header); err != "" {
		return fmt.Errorf("net/http: invalid header %s", err)
	}
	if err := checkFields(req.Trailer); err != "" {
		return fmt.Errorf("net/http: invalid trailer %s", err)
	}
	for name := range req.Trailer {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Transfer-Encoding", "Trailer", "Content-Length":
			return fmt.Errorf("http: invalid Trailer key %q", name)
		}
	}
	return nil
}

func checkFields(h http.Header) string {
	for name, values := range h {
		if !field.IsName(name) {
			return fmt.Sprintf("field name %q", name)
		}
		for _, v := range values {
			if !field.IsValue(v) {
				return fmt.Sprintf("field value for %q", name) // which may be a secret
			}
		}
	}
	return ""
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// rewound returns the request with its body from the start.
func rewound(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := *req
	again.Body = body
	return &again, nil
}

// CloseIdleConnections closes the connections that no request uses. Loops that have no
// other connections stop.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.clients {
		c.CloseIdle()
	}
}

// Close closes all connections and stops all loops, and waits for that. Requests under way
// fail with net.ErrClosed, and so does RoundTrip from now on.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	lanes := t.lanes
	t.lanes = nil
	t.mu.Unlock()
	for _, l := range lanes {
		if l != nil {
			l.cancel(errTransportClosed)
			<-l.ended
		}
	}
	return nil
}

var seed = maphash.MakeSeed()

// begin has the trip's loop start it.
func (t *Transport) begin(tr *trip) error {
	for {
		l, err := t.laneOf(tr.origin)
		if err != nil {
			return err
		}
		tr.lane = l
		if l.loop.Post(tr.start) == nil {
			return nil
		} // else it has just ended
	}
}

// laneOf returns a loop that runs, for an origin.
func (t *Transport) laneOf(origin string) (*lane, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errTransportClosed
	}
	if t.lanes == nil {
		t.lanes = make([]*lane, runtime.GOMAXPROCS(0))
	}
	at := &t.lanes[maphash.String(seed, origin)%uint64(len(t.lanes))]
	if l := *at; l != nil {
		select {
		case <-l.ended:
		default:
			return l, nil
		}
	}
	l, err := t.newLane()
	if err == nil {
		*at = l
	}
	return l, err
}

// A settingsKey distinguishes clients: programs, and above all tests, do set fields
// between requests.
type settingsKey struct {
	proxy                             string
	tls                               *tls.Config
	handshake, dial, head, cont, idle time.Duration
	maxIdle, maxIdleLoop, conns       int
	maxHead                           int64
}

// clientOf returns the client for a proxy, or for none.
func (t *Transport) clientOf(proxy *url.URL) *client.Client {
	key := settingsKey{
		tls: t.TLSClientConfig, handshake: t.TLSHandshakeTimeout, dial: t.Dialer.Timeout, head: t.ResponseHeaderTimeout,
		cont: t.ExpectContinueTimeout, idle: t.IdleConnTimeout, maxIdle: t.MaxIdleConnsPerHost, maxIdleLoop: t.MaxIdleConns, conns: t.MaxConnsPerHost, maxHead: t.MaxResponseHeaderBytes,
	}
	if proxy != nil {
		key.proxy = proxy.String()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.clients[key]
	if c == nil {
		c = t.newClient(proxy)
		if t.clients == nil {
			t.clients = make(map[settingsKey]*client.Client)
		}
		t.clients[key] = c
	}
	return c
}

func (t *Transport) newClient(proxy *url.URL) *client.Client {
	none := func(d, def time.Duration) time.Duration {
		if d == 0 {
			return def
		}
		return d
	}
	c := &client.Client{
		TLS:             t.TLSClientConfig,
		TLSTimeout:      t.TLSHandshakeTimeout,
		DialTimeout:     t.dialTimeout(),
		WaitTimeout:     -1, // the request's context is the limit
		WriteTimeout:    -1,
		ContinueTimeout: none(t.ExpectContinueTimeout, time.Nanosecond),
		HeadTimeout:     none(t.ResponseHeaderTimeout, -1),
		BodyTimeout:     -1,
		IdleTimeout:     none(t.IdleConnTimeout, 90*time.Second),
		MaxConns:        t.MaxConnsPerHost,
		MaxIdle:         t.MaxIdleConnsPerHost, // see lane.pool
		MaxIdleTotal:    t.MaxIdleConns,
		MaxWaiting:      -1,
		MaxHead:         t.maxHead(),
		MaxFields:       1024,
		MaxInterim:      -1, // see trip.limit
	}
	if c.MaxConns <= 0 {
		c.MaxConns = -1
	}
	if t.MaxIdleConns != 0 {
		c.MaxIdleLoop = -1
	}
	c.Connect = t.connect(proxy)
	return c
}

func (t *Transport) maxHead() int {
	if n := t.MaxResponseHeaderBytes; n > 0 {
		return int(min(n, 1<<30))
	}
	return 1 << 20
}

func (t *Transport) errHead(err error) error {
	return fmt.Errorf("net/http: server response headers exceeded %d bytes; aborted: %w", t.maxHead(), err)
}

func (t *Transport) dialTimeout() time.Duration {
	if t.Dialer.Timeout != 0 {
		return t.Dialer.Timeout
	}
	return conn.DefaultDialTimeout
}

var (
	_ http.RoundTripper = (*Transport)(nil)
	_ io.Closer         = (*Transport)(nil)
)
