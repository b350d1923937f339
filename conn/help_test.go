// What the tests share: a loop that runs on each poller, and peers that talk to
// it over real sockets.

package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// patience is how long a test waits for what has to come. It is no measure of
// speed: the machine may be busy.
const patience = time.Minute

func TestMain(m *testing.M) { loopback.Main(m) }

// A rig is a loop that runs while its test does.
type rig struct {
	*testing.T
	name    string // of the poller
	network string
	secure  bool // connections are encrypted
	loop    *conn.Loop
	log     *logbook
	cancel  context.CancelCauseFunc
	done    chan error
	addr    string // of the last listen
}

// each runs fn with a loop on each poller, over TCP, over Unix sockets and over
// TLS.
func each(t *testing.T, fn func(r *rig)) {
	eachPlain(t, fn)
	for _, name := range poller.Names() {
		t.Run(name+"/tls", func(t *testing.T) {
			t.Parallel()
			r := newRig(t, name, "tcp")
			r.secure = true
			fn(r)
		})
	}
}

// eachPlain is each without TLS, for what has to do with sockets alone.
func eachPlain(t *testing.T, fn func(r *rig)) {
	t.Parallel()
	for _, name := range poller.Names() {
		for _, network := range networks {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				fn(newRig(t, name, network))
			})
		}
	}
}

// eachPoller is each for what does not depend on the network.
func eachPoller(t *testing.T, fn func(r *rig)) {
	t.Parallel()
	for _, name := range poller.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(newRig(t, name, "tcp"))
		})
	}
}

// networks are those of this system: wine has no Unix sockets.
var networks = func() []string {
	dir, err := os.MkdirTemp("", "conn")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		return []string{"tcp"}
	}
	ln.Close()
	return []string{"tcp", "unix"}
}()

// needNetwork skips where there is no such network.
func needNetwork(t testing.TB, network string) {
	if !slices.Contains(networks, network) {
		t.Skipf("this system has no %s sockets", network)
	}
}

// needDetach skips where package net cannot take a socket over, as under wine.
func needDetach(t testing.TB) {
	t.Helper()
	a, b := loopback.Pair(t)
	defer a.Close()
	defer b.Close()
	f, err := a.File()
	if err != nil {
		t.Skip("package net cannot take a socket over here: ", err)
	}
	f.Close()
}

func newLoop(t testing.TB, name string) *conn.Loop {
	t.Helper()
	if !slices.Contains(poller.Names(), name) {
		name = poller.Names()[0] // who names epoll wants a good one
	}
	p, err := poller.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newRig(t *testing.T, name, network string, set ...func(l *conn.Loop)) *rig {
	needNetwork(t, network)
	r := &rig{T: t, name: name, network: network, loop: newLoop(t, name), log: &logbook{}, done: make(chan error, 1)}
	r.loop.Log = slog.New(slog.NewTextHandler(r.log, nil))
	r.loop.Ref() // until the test is over
	for _, fn := range set {
		fn(r.loop)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	go func() { r.done <- r.loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel(nil)
		if r.done != nil {
			r.stopped()
		}
	})
	return r
}

// stopped waits for Run to return.
func (r *rig) stopped() error {
	r.Helper()
	err := get(r, r.done)
	r.done = nil
	return err
}

// do runs fn on the loop and waits for it.
func (r *rig) do(fn func()) {
	r.Helper()
	done := make(chan struct{})
	if err := r.loop.Post(func() { defer close(done); fn() }); err != nil {
		r.Fatal(err)
	}
	get(r, done)
}

// turns waits until the loop has been round n times.
func (r *rig) turns(n int) {
	for range n {
		r.do(func() {})
	}
}

// bytesIn returns what the loop has read until now: Stats are published a turn late.
func (r *rig) bytesIn() uint64 {
	r.turns(2)
	return r.loop.Stats().BytesIn
}

// rests reports whether the loop reads nothing in n turns.
func (r *rig) rests(n int) bool {
	in := r.bytesIn()
	r.turns(n)
	return r.bytesIn() == in
}

// get waits for ch.
func get[T any](r *rig, ch <-chan T) T {
	r.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		r.Fatalf("nothing came in %v", patience)
		panic("unreachable")
	}
}

// until waits until cond, which is asked on the loop once a turn.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		ok := false
		r.do(func() { ok = cond() })
		if ok {
			return
		}
		time.Sleep(time.Millisecond) // let the kernel and the peers come along
	}
	r.Fatalf("waited %v for %s", patience, what)
}

// tls returns h, with TLS if the rig is secure.
func (r *rig) tls(h *conn.Handler) *conn.Handler {
	if !r.secure {
		return h
	}
	var s conn.Handler
	if h != nil {
		s = *h
	}
	if s.TLS == nil {
		s.TLS = &conn.TLS{Config: certified(), Timeout: patience}
	}
	return &s
}

// listen has the loop accept connections with h.
func (r *rig) listen(h *conn.Handler) *conn.Listener {
	r.Helper()
	h = r.tls(h)
	r.addr = "127.0.0.1:0"
	if r.network == "unix" {
		r.addr = r.socketPath()
	}
	var ln *conn.Listener
	var err error
	r.do(func() { ln, err = r.loop.Listen(r.network, r.addr, h) })
	if err != nil {
		r.Fatal(err)
	}
	r.addr = ln.Addr().String()
	return ln
}

// socketPath returns a new name for a socket: t.TempDir's may be too long for one.
func (r *rig) socketPath() string {
	r.Helper()
	dir, err := os.MkdirTemp("", "conn")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// dial connects a peer to the last listener.
func (r *rig) dial() *peer {
	r.Helper()
	nc, err := net.Dial(r.network, r.addr)
	if err != nil {
		r.Fatal(err)
	}
	if r.secure {
		nc = tls.Client(nc, certified())
	}
	return r.peer(nc)
}

func (r *rig) peer(nc net.Conn) *peer {
	r.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(3 * patience)) // for all that the test does with it
	if tc, ok := nc.(*tls.Conn); ok {
		if err := tc.Handshake(); err != nil {
			r.Fatal(err)
		}
	}
	return &peer{Conn: nc, r: r}
}

// serve listens, connects a peer, and returns both ends. ours is opened.
func (r *rig) serve(h conn.Handler) (ours *conn.Conn, p *peer) {
	r.Helper()
	ch := make(chan *conn.Conn, 1)
	open := h.Open
	h.Open = func(c *conn.Conn) {
		if open != nil {
			open(c)
		}
		select {
		case ch <- c:
		default:
		}
	}
	r.listen(&h)
	p = r.dial()
	return get(r, ch), p
}

// A peer is the other end of a connection, on package net.
type peer struct {
	net.Conn
	r *rig
}

func (p *peer) send(s string) {
	p.r.Helper()
	if _, err := p.Write([]byte(s)); err != nil {
		p.r.Fatal(err)
	}
}

// want reads exactly s.
func (p *peer) want(s string) {
	p.r.Helper()
	got := make([]byte, len(s))
	n, err := io.ReadFull(p, got)
	if err != nil || string(got) != s {
		p.r.Fatalf("read %.100q, %v; want %.100q", got[:n], err, s)
	}
}

// wantEOF reads an end of file.
func (p *peer) wantEOF() {
	p.r.Helper()
	if n, err := p.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		p.r.Fatalf("read %d bytes, %v; want EOF", n, err)
	}
}

func (p *peer) closeWrite() {
	p.r.Helper()
	// The other end may have reset it already.
	if err := p.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
		p.r.Fatal(err)
	}
}

// reset closes with a RST, where the network has one.
func (p *peer) reset() {
	nc := p.Conn
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn() // its Close would say goodbye
	}
	if tc, ok := nc.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
	nc.Close()
}

// A logbook keeps what is logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// closes is a Handler.Close that reports to a channel.
func closes() (chan error, func(*conn.Conn, error)) {
	ch := make(chan error, 16)
	return ch, func(_ *conn.Conn, err error) { ch <- err }
}

// wantErr waits for an error that is target.
func (r *rig) wantErr(ch <-chan error, target error) error {
	r.Helper()
	err := get(r, ch)
	if !errors.Is(err, target) {
		r.Fatalf("got error %v, want %v", err, target)
	}
	return err
}

// pattern has a length that no buffer is a multiple of.
var pattern = func() []byte {
	p := make([]byte, 65521)
	for i := range p {
		p[i] = byte(i*7 + i>>8*13)
	}
	return p
}()

// flood returns n bytes that show where they are from.
func flood(n int) []byte {
	p := make([]byte, n)
	for done := 0; done < n; {
		done += copy(p[done:], pattern)
	}
	return p
}
