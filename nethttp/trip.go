// A trip: one try of a RoundTrip, from the caller to the loop and back.

package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/lurcher-net/lurcher/parser"
)

// A trip is one try to send a request and get its answer.
type trip struct {
	t        *Transport
	req      *http.Request // its Body may be another than the original's
	original *http.Request
	trace    *httptrace.ClientTrace
	client   *client.Client
	proxy    *url.URL // to which the request is sent, in absolute form
	where    *url.URL // the request's, with a host that is ASCII
	url      string
	origin   string // whose connections it uses
	addr     string // the same, as httptrace has it
	lane     *lane
	gzip     bool   // the Transport itself asks for gzip, and has to decode it
	whole    []byte // the request's body, if it was read before
	up       *upload
	tunnel   io.Reader // the body, of CONNECT
	closing  sync.Once // of the body, where there is no upload

	// The loop's.
	q        client.Request
	starting bool // start is running
	pending  bool // the head is still to be reported to httptrace
	reused   bool // the connection was
	fields   []line
	unsent   bool                 // a body in memory waits for 100 Continue
	interim  int                  // bytes of interim answers
	began    bool                 // a byte of the answer has come
	state    *tls.ConnectionState // of a connection by DialTLSContext

	came chan struct{} // closed when resp or err is there

	mu   sync.Mutex
	done bool
	resp *http.Response
	err  error
}

// newTrip prepares what the loop is going to need.
func (t *Transport) newTrip(req, original *http.Request) (*trip, error) {
	tr := &trip{t: t, req: req, original: original, trace: httptrace.ContextClientTrace(req.Context()), came: make(chan struct{}), where: req.URL}
	var proxy *url.URL
	if t.Proxy != nil {
		var err error
		if proxy, err = t.Proxy(req); err == nil && proxy != nil {
			proxy, err = withScheme(proxy)
		}
		if err != nil {
			return tr, err
		}
	}
	if host, err := inASCII(req.URL.Host); err != nil {
		return tr, err
	} else if host != req.URL.Host {
		tr.where = new(*req.URL)
		tr.where.Host = host
	}
	tr.addr = hostPort(tr.where)
	switch {
	case proxy == nil:
		tr.client = t.clientOf(nil)
	case req.URL.Scheme == "http" && !isSocks(proxy):
		tr.client, tr.proxy = t.clientOf(nil), proxy
		tr.addr = hostPort(proxy)
	default:
		tr.client = t.clientOf(proxy)
	}
	if err := tr.locate(); err != nil {
		return tr, err
	}
	tr.gzip = !t.DisableCompression && req.Header.Get("Accept-Encoding") == "" && req.Header.Get("Range") == "" && req.Method != "HEAD"
	return tr, tr.takeBody()
}

// hostPort returns the authority of u, with a port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// locate sets the URL for the client, and the origin.
func (tr *trip) locate() error {
	u := tr.where
	if tr.proxy != nil {
		u = tr.proxy
		tr.url = u.Scheme + "://" + hostPort(u) + "/"
	} else {
		tr.url = u.Scheme + "://" + strings.TrimSuffix(u.Host, ":") + "/"
	}
	tr.origin = u.Scheme + tr.addr
	for i := range len(tr.url) {
		if c := tr.url[i]; c <= ' ' || c >= 0x7f {
			return errHost
		}
	}
	return nil
}

// start asks, on the loop.
func (tr *trip) start() {
	l := tr.lane
	l.loop.Ref() // until finished
	if tr.over() {
		tr.finished(nil)
		return
	}
	tr.starting = true
	l.asking = tr.req.Context()
	defer func() { l.asking = nil }()
	method := tr.req.Method
	if method == "" {
		method = "GET"
	}
	tr.q = l.pool(tr.client).Request(method, tr.url)
	if err := tr.compose(); err != nil {
		tr.finished(err)
		tr.q.Abort()
		return
	}
	tr.q.Duplex()
	tr.q.OnConn(tr.connected)
	tr.q.OnInform(tr.informed)
	if t := tr.trace; t != nil && t.PutIdleConn != nil {
		adapt.OnFree(tr.q, tr.freed)
	}
	tr.q.Do(tr.answered)
	switch {
	case tr.up != nil:
		tr.q.Write(nil)
	default:
		tr.q.EndBytes(tr.whole)
	}
	tr.starting = false
	tr.wroteHead()
}

// answered is called with the answer's head, or with the error that ended the trip.
func (tr *trip) answered(r client.Response, err error) {
	if err != nil {
		tr.finished(tr.explain(err))
		return
	}
	tr.first()
	tr.sent()
	if tr.up != nil && tr.expects() && !tr.up.wanted {
		tr.up.stop() // the server does not want the body
	}
	if r.Status() == http.StatusSwitchingProtocols || tr.req.Method == http.MethodConnect && r.Status()/100 == 2 {
		tr.switched(r)
		return
	}
	resp := tr.response(r)
	if r.Length() == 0 {
		tr.finished(nil)
		tr.settle(resp, nil)
		return
	}
	b := newAnswerBody(tr, resp, r)
	tr.undo(resp, b)
	if !tr.settle(resp, nil) {
		tr.q.Abort() // the caller has left
	}
	r.Trailer(b.onTrailer)
	if r.Stream(b.receive) != nil {
		b.receive(nil, errAborted)
	}
}

var errAborted = errors.New("nethttp: the request was aborted")

// settle gives the result to the caller, and reports whether the caller still waits.
func (tr *trip) settle(resp *http.Response, err error) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.done {
		return false
	}
	tr.done, tr.resp, tr.err = true, resp, err
	close(tr.came)
	return true
}

// over reports whether the caller has left.
func (tr *trip) over() bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.done
}

// finished ends what the loop has to do with the trip. err is for the caller, if he
// has not got an answer.
func (tr *trip) finished(err error) {
	tr.lane.loop.Unref()
	if tr.up != nil {
		tr.up.stop()
	}
	if tr.tunnel != nil {
		go tr.closeBody()
	}
	if err != nil {
		tr.settle(nil, err)
	}
}

// cancel ends the trip for a caller that does not want to wait any more.
func (tr *trip) cancel(why error) {
	if tr.settle(nil, why) {
		tr.abort()
	}
}

// abandon ends a trip that was never begun.
func (tr *trip) abandon() {
	if tr.up != nil {
		tr.up.stop()
	}
	tr.closeBody()
}

// abort ends the exchange, soon.
func (tr *trip) abort() {
	if tr.up != nil {
		tr.up.stop()
	}
	tr.lane.loop.Post(func() { tr.q.Abort() })
}

// outcome returns what RoundTrip returns, or reports that it has to try again.
func (tr *trip) outcome() (*http.Response, error, bool) {
	<-tr.came
	tr.mu.Lock()
	resp, err := tr.resp, tr.err
	tr.mu.Unlock()
	if err == nil {
		return resp, nil, false
	}
	if tr.up != nil {
		tr.up.leave()
	}
	return nil, err, tr.retries(err)
}

// retries reports whether another connection may do better, as http.Transport
// decides it, where the client has not tried again by itself: the body was too
// long to be kept.
func (tr *trip) retries(err error) bool {
	var e *client.Error
	req := tr.original
	bodiless := req.Body == nil || req.Body == http.NoBody
	if !errors.As(err, &e) || !tr.reused || tr.began || bodiless || req.GetBody == nil || req.Context().Err() != nil {
		return false
	}
	if !e.Written {
		return true
	}
	if !isEnd(err) {
		return false
	}
	switch req.Method {
	case "", "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, other := req.Header["X-Idempotency-Key"]
	return key || other
}

// isEnd reports whether the server has closed the connection.
func isEnd(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, sys.ECONNRESET) || errors.Is(err, sys.EPIPE)
}

// explain returns the error as the callers of net/http know it.
func (tr *trip) explain(err error) error {
	switch {
	case tr.up != nil && tr.up.failed() != nil:
		return tr.up.failed()
	case context.Cause(tr.req.Context()) != nil:
		return context.Cause(tr.req.Context())
	case errors.Is(err, client.ErrNoAnswer):
		return &noAnswer{err}
	case isHeadTime(err):
		return &headTime{late{err, "net/http: timeout awaiting response headers"}}
	case errors.Is(err, parser.ErrHeadLarge):
		return tr.t.errHead(err)
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok && isAfterDial(err) {
		return &net.OpError{Op: call.Syscall, Net: "tcp", Err: err} // callers of net/http look for one
	}
	return tr.ofDial(err)
}

// isAfterDial reports whether there was a connection when err came.
func isAfterDial(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Phase >= client.Write
}

// ofDial returns what package net, crypto/tls or DialContext said, if that is why there
// is no connection: callers look for it as it is.
func (tr *trip) ofDial(err error) error {
	var e *client.Error
	if !errors.As(err, &e) || e.Phase != client.Dial && e.Phase != client.Resolve && e.Phase != client.TLS {
		return err
	}
	cause := e.Err
	if shake, ok := cause.(*conn.HandshakeError); ok {
		cause = shake.Err // without our words
	}
	switch {
	case tr.proxy != nil:
		return proxyError(cause)
	case e.Timeout() && e.Phase == client.TLS:
		return &late{err, "net/http: TLS handshake timeout"}
	}
	return cause
}

// noAnswer is io.EOF too, which is what net/http says of a connection that was
// closed without a byte of an answer.
type noAnswer struct{ error }

func (e *noAnswer) Unwrap() []error { return []error{e.error, io.EOF} }

// late is a time limit, in the words of net/http.
type late struct {
	error
	words string
}

func (e *late) Error() string   { return e.words }
func (e *late) Unwrap() error   { return e.error }
func (e *late) Timeout() bool   { return true }
func (e *late) Temporary() bool { return true }

// headTime is ResponseHeaderTimeout, which net/http makes a context.DeadlineExceeded too.
type headTime struct{ late }

func (e *headTime) Is(target error) bool { return target == context.DeadlineExceeded }

func isHeadTime(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Phase == client.Head && e.Timeout()
}

// fieldsOf returns the map of an answer's fields.
func fieldsOf(r client.Response) http.Header {
	h := make(http.Header)
	for name, value := range r.All() {
		key := http.CanonicalHeaderKey(string(name))
		h[key] = append(h[key], string(value))
	}
	return h
}
