// What the tests share: a server on a port of its own, clients that speak raw
// bytes, and waiting without sleeping.

package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
)

// patience is how long a test waits for what has to happen: no test takes it
// as long as the code is right.
const patience = 10 * time.Second

// A rig is a server that runs until the test ends.
type rig struct {
	*server.Server
	loop  atomic.Pointer[conn.Loop] // the first one that a request came to
	t     testing.TB
	addr  net.Addr
	logs  *logs
	serve chan error
}

// start runs s with h on a port of its own, on one loop if s does not say.
func start(t testing.TB, s *server.Server, h server.Handler) *rig {
	t.Helper()
	return startOn(t, s, h, "tcp", "127.0.0.1:0")
}

func startOn(t testing.TB, s *server.Server, h server.Handler, network, addr string) *rig {
	t.Helper()
	if s.Loops == 0 {
		s.Loops = 1
	}
	r := &rig{Server: s, t: t, logs: new(logs), serve: make(chan error, 1)}
	if s.SlowCallback == 0 {
		s.SlowCallback = -1 // tests block loops, or the machine does
	}
	s.Handler = func(w server.Response, req server.Request) {
		if r.loop.Load() == nil {
			r.loop.Store(w.Loop())
		}
		h(w, req)
	}
	s.Log = slog.New(r.logs)
	var err error
	if r.addr, err = s.Listen(network, addr); err != nil {
		t.Fatal(err)
	}
	go func() { r.serve <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-r.serve; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if st := s.Stats(); st.Conns != 0 {
			t.Errorf("%d connections are left when the server has stopped", st.Conns)
		}
		if text := r.logs.take(); text != "" {
			t.Errorf("logged: %s", text)
		}
	})
	return r
}

// do runs fn on the loop of the first request, and waits for both.
func (r *rig) do(fn func()) {
	r.t.Helper()
	until(r.t, "a request has come", func() bool { return r.loop.Load() != nil })
	done := make(chan struct{})
	if err := r.loop.Load().Post(func() { defer close(done); fn() }); err != nil {
		r.t.Fatal(err)
	}
	wait(r.t, done)
}

// bytesIn is how much the server has read. Stats are as of the loop's last turn,
// so it has to finish this one.
func (r *rig) bytesIn() uint64 {
	r.t.Helper()
	r.do(func() {})
	r.do(func() {})
	return r.Stats().BytesIn
}

// idle waits until no connection is left.
func (r *rig) idle() {
	r.t.Helper()
	until(r.t, "every connection is gone", func() bool { return r.Stats().Conns == 0 })
}

// logs keeps what was logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&l.text, " %v", a); return true })
	l.text.WriteByte('\n')
	return nil
}

// take answers what was logged, and forgets it.
func (l *logs) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

// until waits for ok, and fails the test if it does not come to be.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// wait waits for a channel.
func wait[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return v
}

// A caller is one connection to a rig.
type caller struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func (r *rig) dial() *caller {
	r.t.Helper()
	return dial(r.t, r.addr)
}

func dial(t testing.TB, addr net.Addr) *caller {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return &caller{c, t, bufio.NewReader(c)}
}

func (c *caller) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) fin() { c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// reset closes the connection with an RST.
func (c *caller) reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// An answer is what a client was answered.
type answer struct {
	*http.Response
	body string
}

// String is an answer in short: the status, and the body of a 200.
func (a answer) String() string {
	if a.StatusCode != 200 {
		return fmt.Sprint(a.StatusCode)
	}
	return strings.TrimSpace("200 " + a.body)
}

// read reads one answer to a request with that method.
func (c *caller) read(method string) (answer, error) {
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body)}, err
}

// want reads one answer to a GET or POST, and compares it in short.
func (c *caller) want(short string) answer {
	c.t.Helper()
	a, err := c.read("GET")
	if err != nil {
		c.t.Fatalf("no answer: %v; want %q", err, short)
	}
	if a.String() != short {
		c.t.Fatalf("answered %q, want %q; the body is %q", a, short, a.body)
	}
	return a
}

// wantEnd wants the end of the connection: a FIN, and nothing before.
func (c *caller) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("read %q and %v, want the end", rest, err)
	}
}

// wantGone wants the end of the connection, in whatever way.
func (c *caller) wantGone() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.in); os.IsTimeout(err) {
		c.t.Fatal("the connection is still there")
	}
}

// get is a request without a body, lines are further fields.
func get(target string, lines ...string) string { return request("GET", target, lines...) }

func request(method, target string, lines ...string) string {
	lines = append([]string{method + " " + target + " HTTP/1.1", "Host: x"}, lines...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// post is a request with a body.
func post(target, body string, lines ...string) string {
	return request("POST", target, append(lines, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

// post in chunks.
func chunks(target string, pieces ...string) string {
	s := request("POST", target, "Transfer-Encoding: chunked")
	for _, p := range pieces {
		s += fmt.Sprintf("%x\r\n%s\r\n", len(p), p)
	}
	return s + "0\r\n\r\n"
}

// descriptors is the number of open ones.
func descriptors(t testing.TB) int {
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors cannot be counted here: ", err)
	}
	return len(dir)
}

// pattern is n bytes that do not repeat soon.
func pattern(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.Bytes()[:n]
}

// unseenReset is why some cases cannot be tested under every poller.
const unseenReset = "this poller reports nothing of a connection whose reading is paused, so its reset is seen only by the next write: see package poller"

// seesResets reports whether the poller reports a reset while reading is paused.
func seesResets(t *testing.T) bool {
	name := defaultPoller(t)
	return name == "epoll" || name == "poll"
}

// defaultPoller is the poller that servers have here: LURCHER_POLLER chooses it.
func defaultPoller(t *testing.T) string {
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.Name()
}
