// The lives of connections and of exchanges: reuse, retries, limits, time, and the
// ends that a program brings about.

package client

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestRandomCloses asks a server that closes idle connections at random, with a FIN
// or a reset: no GET is lost, no POST is done twice, and a POST that fails says
// that it was written.
func TestRandomCloses(t *testing.T) {
	t.Parallel()
	rounds := 100_000
	if testing.Short() {
		rounds = 5_000
	}
	posts := &posts{done: map[string]int{}}
	url := peers(t, posts.serve)
	r := start(t, &Client{MaxConns: 4, WaitTimeout: -1})
	var lost, unwritten int
	finished := make(chan bool)
	r.do(func() {
		n, under := 0, 0
		var next func()
		next = func() {
			for ; under < 8 && n < rounds; n++ {
				under++
				method := "GET"
				if n%3 == 0 {
					method = "POST"
				}
				path := fmt.Sprint("/", n)
				q := r.pool.Request(method, url+path)
				q.Do(func(a Response, err error) {
					end := func(err error) {
						if err != nil && err != io.EOF {
							var e *Error
							switch {
							case method == "GET":
								t.Errorf("GET %s: %v", path, err)
							case !errors.As(err, &e) || !e.Written:
								unwritten++
								t.Errorf("POST %s: %v", path, err)
							default:
								lost++
							}
						}
						if under--; under == 0 && n == rounds {
							close(finished)
						}
						next()
					}
					if err != nil {
						end(err)
						return
					}
					a.Stream(func(_ []byte, err error) {
						if err != nil {
							end(err)
						}
					})
				})
				q.End("")
			}
		}
		next()
	})
	select {
	case <-finished:
	case <-time.After(10 * patience):
		t.Fatal("waited in vain")
	}
	if n, want := posts.check(t), (rounds+2)/3; n+lost < want {
		t.Errorf("%d POSTs arrived and %d failed, of %d", n, lost, want)
	}
	st := r.Stats()
	t.Logf("%d requests, %d connections, %d sent again, %d POSTs that crossed a FIN", rounds, st.Dials, st.Retries, lost)
	if st.Retries == 0 && !testing.Short() { // of a few thousand there may be none
		t.Error("no request was sent again: the test does not test")
	}
}

// posts is a server that closes now and then after an answer, and counts what it is sent by
// POST.
type posts struct {
	mu   sync.Mutex
	done map[string]int // by request line
}

func (d *posts) serve(p *peer) {
	rnd := rand.New(rand.NewPCG(uint64(p.RemoteAddr().(*net.TCPAddr).Port), 1))
	for {
		head := p.Head()
		if head == "" {
			return
		}
		line, _, _ := strings.Cut(head, "\r\n")
		if strings.HasPrefix(line, "POST") {
			d.mu.Lock()
			d.done[line]++
			d.mu.Unlock()
		}
		p.Say(okAnswer)
		switch rnd.IntN(20) {
		case 0:
			return
		case 1:
			p.Reset()
			return
		case 2:
			runtime.Gosched()
			return
		}
	}
}

// check wants that nothing was done twice, and returns how much was done.
func (d *posts) check(t *testing.T) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for line, n := range d.done {
		if n != 1 {
			t.Errorf("%s was done %d times", line, n)
		}
	}
	return len(d.done)
}

// TestDeadReused has the server end each connection that is idle, in a way that the
// look before the next request finds: nothing was written, so any method goes on.
func TestDeadReused(t *testing.T) {
	t.Parallel()
	closed := make(chan bool)
	url := peers(t, func(p *peer) {
		for p.Head() != "" {
			p.Say(okAnswer)
			p.Reset()
			closed <- true
			return
		}
	})
	r := start(t, &Client{})
	for range 50 {
		ch := make(chan got, 4)
		r.do(func() { // the loop is not asked what it knows meanwhile
			q := r.pool.Request("POST", url)
			q.Do(collect(ch))
			q.End("")
		})
		wait(t, ch).want(t, "200 ok")
		wait(t, closed)
	}
}

// TestPhases has exchanges fail in each.
func TestPhases(t *testing.T) {
	t.Parallel()
	silent := serveNothing(t)
	refused := "http://" + loopback.Refused(t)
	stuck := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
		io.Copy(io.Discard, p.In)
	})
	over := make(chan bool)
	deaf := peers(t, func(p *peer) { p.Conn.(*net.TCPConn).SetReadBuffer(1000); <-over })
	t.Cleanup(func() { close(over) })
	noTLS := peers(t, func(p *peer) { p.Say(okAnswer); io.Copy(io.Discard, p.In) })
	ms := time.Millisecond
	for _, c := range []struct {
		name   string
		client *Client
		method string
		url    string
		fn     func(q Request)
		want   Error
	}{
		{"refused", &Client{}, "GET", refused, nil, Error{Dial, false, syscall.ECONNREFUSED}},
		{"no such name", &Client{Connect: noName}, "GET", "http://nowhere.invalid/", nil, Error{Resolve, false, errNoName}},
		{"dial takes too long", &Client{Connect: func(*conn.Loop, string, *conn.Handler, func(error)) {}, DialTimeout: ms}, "GET", silent, nil, Error{Dial, false, os.ErrDeadlineExceeded}},
		{"not TLS", &Client{}, "GET", strings.Replace(noTLS, "http", "https", 1), nil, Error{TLS, false, nil}},
		{"TLS takes too long", &Client{DialTimeout: 1000 * ms}, "GET", strings.Replace(silent, "http", "https", 1), nil, Error{TLS, false, os.ErrDeadlineExceeded}},
		{"head takes too long", &Client{HeadTimeout: ms}, "GET", silent, nil, Error{Head, true, os.ErrDeadlineExceeded}},
		{"all takes too long", &Client{Timeout: 1000 * ms}, "GET", silent, nil, Error{Head, true, os.ErrDeadlineExceeded}},
		{"all takes too long in an upload", &Client{Timeout: 1000 * ms}, "POST", silent, func(q Request) { q.WriteString("x") }, Error{Write, true, os.ErrDeadlineExceeded}},
		{"body takes too long", &Client{BodyTimeout: ms}, "GET", stuck, nil, Error{Body, true, os.ErrDeadlineExceeded}},
		{"nobody reads the upload", &Client{WriteTimeout: 10 * ms, MaxBacklog: 64 << 20}, "POST", deaf, func(q Request) { q.End(strings.Repeat("x", 30<<20)) }, Error{Write, true, os.ErrDeadlineExceeded}},
		{"backlog", &Client{MaxBacklog: 1000}, "POST", silent, func(q Request) {
			for {
				if _, err := q.Write(make([]byte, 100)); err != nil {
					return
				}
			}
		}, Error{Write, false, ErrBacklog}},
		{"aborted", &Client{}, "GET", silent, func(q Request) { q.End(""); q.Abort() }, Error{Wait, false, net.ErrClosed}},
		{"body too large", &Client{MaxBody: 3}, "GET", stuck, nil, Error{Body, true, ErrBodyLarge}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, c.client)
			timeout := c.want.Err == os.ErrDeadlineExceeded
			// On a busy machine the time may be over in an earlier phase. So it is asked until it is not.
			until(t, fmt.Sprintf("%v", &c.want), func() bool {
				g := r.ask(c.method, c.url, c.fn)
				var e *Error
				ok := errors.As(g.err, &e) && e.Phase == c.want.Phase && e.Written == c.want.Written && (c.want.Err == nil || errors.Is(e, c.want.Err))
				if !ok && (!timeout || e == nil || !e.Timeout()) {
					t.Fatalf("%v (%+v), want %v", g, e, &c.want)
				}
				if e.Timeout() != timeout {
					t.Error("Timeout is", e.Timeout())
				}
				return ok
			})
			if n := r.Stats().DialErrors; c.name == "refused" && n != 1 {
				t.Errorf("%d connections could not be established", n)
			}
		})
	}
}

var errNoName = &net.DNSError{Err: "no such host", Name: "nowhere.invalid"}

func noName(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
	l.Post(func() { fail(&net.OpError{Op: "dial", Err: errNoName}) })
}

// TestQueue has more requests than connections.
func TestQueue(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	release := make(chan bool)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-release
		now.Add(-1)
		fmt.Fprint(w, r.URL.Path)
	})
	r := start(t, &Client{MaxConns: 3, MaxWaiting: 5})
	ch := make(chan got, 20)
	r.do(func() {
		for i := range 10 {
			r.pool.Get(fmt.Sprint(url, "/", i), collect(ch))
		}
	})
	for range 2 {
		if g := wait(t, ch); !errors.Is(g.err, ErrWaiting) {
			t.Error(g)
		}
	}
	until(t, "all connections are in use", func() bool { return now.Load() == 3 })
	for range 8 {
		release <- true
		if g := wait(t, ch); g.err != nil {
			t.Error(g)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d at a time", most.Load())
	}
	if st := r.Stats(); st.Limits.MaxWaiting != 2 {
		t.Errorf("%+v", st)
	}
}

// TestWaitTimeout is the end of patience with others.
func TestWaitTimeout(t *testing.T) {
	t.Parallel()
	url := serveNothing(t)
	r := start(t, &Client{MaxConns: 1, WaitTimeout: time.Millisecond})
	ch := make(chan got, 4)
	var q Request
	r.do(func() { q = r.pool.Get(url, collect(ch)) })
	g := r.get(url)
	if e, ok := g.err.(*Error); !ok || e.Phase != Wait || !e.Timeout() || e.Written {
		t.Error(g)
	}
	r.do(func() { q.Abort() })
	wait(t, ch)
}

// TestLimits closes idle connections by number, age, time and word.
func TestLimits(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	t.Run("number", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{MaxIdle: 2})
		r.burst(url, 10)
		until(t, "two are idle", func() bool { return r.idle() == 2 }) // a dial may go on that no request needs any more
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{MaxIdle: -1})
		r.burst(url, 3)
		until(t, "three are idle", func() bool { return r.idle() == 3 })
	})
	t.Run("age", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{MaxAge: time.Millisecond})
		for range 3 {
			r.burst(url, 2)
			older := make(chan bool)
			r.do(func() { r.loop.After(5*time.Millisecond, func() { close(older) }) })
			wait(t, older)
		}
		if st := r.Stats(); st.Reused != 0 {
			t.Errorf("%d were used again", st.Reused)
		}
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{IdleTimeout: time.Millisecond})
		r.burst(url, 3)
		until(t, "idle connections are closed", func() bool { return r.idle() == 0 })
	})
}

// TestIdleSums: limits on the idle connections to all origins.
func TestIdleSums(t *testing.T) {
	t.Parallel()
	t.Run("of a loop", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{MaxIdleLoop: 3})
		var urls []string
		for range 5 {
			urls = append(urls, always(t, answerOf("/")))
			r.get(urls[len(urls)-1]).want(t, "200 /")
		}
		if n := r.idle(); n != 3 {
			t.Errorf("%d are idle", n)
		}
		for i := 4; i >= 0; i-- { // the three that were used last are left, and these again
			r.get(urls[i]).want(t, "200 /")
		}
		if st := r.Stats(); st.Reused != 3 || r.idle() != 3 {
			t.Errorf("%d were used again, %d are idle", st.Reused, r.idle())
		}
		r.do(r.pool.CloseIdle)
		if n := r.idle(); n != 0 || r.pool.idle.n != 0 {
			t.Errorf("%d and %d are idle", n, r.pool.idle.n)
		}
	})
	t.Run("of all loops", func(t *testing.T) {
		t.Parallel()
		c := &Client{MaxIdleTotal: 3}
		a, b := start(t, c), start(t, c)
		sum := func() int { return a.idle() + b.idle() }
		for range 3 {
			a.get(always(t, answerOf("/"))).want(t, "200 /")
		}
		if n := sum(); n != 3 {
			t.Errorf("%d are idle", n)
		}
		urls := []string{always(t, answerOf("/")), always(t, answerOf("/"))}
		for _, url := range urls { // the other loop's are older
			b.get(url).want(t, "200 /")
			until(t, "three are idle", func() bool { return sum() == 3 })
		}
		if b.idle() != 2 || c.idle.Load() != 3 {
			t.Errorf("%d of the second loop, %d counted", b.idle(), c.idle.Load())
		}
		a.get(always(t, answerOf("/"))).want(t, "200 /")
		b.get(urls[1]).want(t, "200 /") // used again, and now the youngest
		a.get(always(t, answerOf("/"))).want(t, "200 /")
		until(t, "the second loop's first is closed", func() bool { return sum() == 3 && b.idle() == 1 })
		if st := b.Stats(); st.Reused != 1 {
			t.Errorf("%d were used again", st.Reused)
		}
		c.CloseIdle()
		until(t, "none is", func() bool { return sum() == 0 && c.idle.Load() == 0 })
	})
}

// TestClosing: what is idle is closed, and what is not serves on.
func TestClosing(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	t.Run("CloseIdle", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{})
		r.burst(url, 3)
		r.CloseIdle()
		until(t, "idle connections are closed", func() bool { return r.idle() == 0 })
		r.burst(url, 3)
	})
	t.Run("Close", func(t *testing.T) {
		t.Parallel()
		r := start(t, &Client{})
		r.burst(url, 3)
		r.do(func() { r.pool.Close() })
		r.burst(url, 3)
		if n := r.idle(); n != 0 {
			t.Errorf("%d are idle", n)
		}
		if r.On(r.loop) != r.pool {
			t.Error("there is a pool that is not closed")
		}
	})
}

// burst makes n requests at once.
func (r *rig) burst(url string, n int) {
	r.t.Helper()
	ch := make(chan got, n)
	r.do(func() {
		for range n {
			r.pool.Get(url, collect(ch))
		}
	})
	for range n {
		wait(r.t, ch).want(r.t, "200 ok")
	}
}

// idle returns how many connections are.
func (r *rig) idle() (n int) {
	r.do(func() {
		for _, o := range r.pool.origins {
			n += o.idle.n
		}
	})
	return n
}
