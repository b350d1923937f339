// Pipelining: what is sent behind what, whose answer is whose, and what the end of a connection means.

package client

import (
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// warm makes a connection that has had an answer.
func (r *rig) warm(url string) {
	r.t.Helper()
	r.get(url+"/warm").want(r.t, "200 /warm")
}

// paths answers each request by its path.
func paths(p *peer, head string) bool {
	if head != "" {
		p.Say(answerOf(strings.Fields(head)[1]))
	}
	return head != ""
}

// TestPipelineOneWrite: requests of one callback leave together, behind each other, and each gets its answer.
func TestPipelineOneWrite(t *testing.T) {
	t.Parallel()
	reads := make(chan string, 100)
	url := peers(t, func(p *peer) {
		paths(p, p.Head())
		buf := make([]byte, 1<<16)
		for {
			n, err := p.Read(buf) // what one write sends, one read gets, on loopback
			if err != nil {
				return
			}
			reads <- string(buf[:n])
			for head := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\r\n\r\n"), "\r\n\r\n") {
				paths(p, head)
			}
		}
	})
	r := start(t, &Client{Pipeline: 16, MaxConns: 1})
	r.warm(url)
	ch := make(chan got, 16)
	r.do(func() {
		for i := range 16 {
			r.pool.Get(fmt.Sprint(url, "/", i), collect(ch))
		}
	})
	for i := range 16 {
		wait(t, ch).want(t, fmt.Sprint("200 /", i))
	}
	if n := strings.Count(wait(t, reads), "GET /"); n != 16 {
		t.Errorf("the first read has %d requests", n)
	}
	if st := r.Stats(); st.Dials != 1 || st.Pipelined != 15 || st.Requests != 17 {
		t.Errorf("%+v", st)
	}
}

// TestPipelineRules has a server keep what comes, and answer when the test says.
func TestPipelineRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		methods string // of requests made at once; those on one connection have come before any is answered
		set     func(q Request)
		want    string // methods that come, sorted by connection, before there is an answer
	}{
		{name: "safe methods", methods: "GET HEAD OPTIONS", want: "GET HEAD OPTIONS"},
		{name: "behind another", methods: "POST GET", want: "GET, POST"},
		{name: "before another", methods: "GET PUT", want: "GET, PUT"},
		{name: "at most four", methods: "GET GET GET GET GET", want: "GET, GET GET GET GET"},
		{name: "close", methods: "GET GET", set: func(q Request) { q.Set("Connection", "close") }, want: "GET, GET"},
		{name: "another protocol", methods: "GET GET", set: func(q Request) { q.Set("Connection", "upgrade"); q.Set("Upgrade", "x") }, want: "GET, GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			came, answer := make(chan string, 100), make(chan bool)
			url := peers(t, func(p *peer) {
				id := p.RemoteAddr().String()
				for head := p.Head(); head != ""; head = p.Head() {
					if strings.Contains(head, "/warm") {
						paths(p, head)
						continue
					}
					came <- id + " " + strings.Fields(head)[0]
					go func() {
						<-answer
						p.Say("HTTP/1.1 204 No Content\r\n\r\n")
					}()
				}
			})
			r := start(t, &Client{Pipeline: 4})
			r.warm(url)
			methods := strings.Fields(c.methods)
			ch := make(chan got, len(methods))
			r.do(func() {
				for _, m := range methods {
					q := r.pool.Request(m, url)
					if c.set != nil {
						c.set(q)
					}
					q.Do(collect(ch))
					q.End("")
				}
			})
			conns := map[string]string{}
			for range methods {
				id, m, _ := strings.Cut(wait(t, came), " ")
				conns[id] = strings.TrimPrefix(conns[id]+" "+m, " ")
			}
			if got := strings.Join(slices.Sorted(maps.Values(conns)), ", "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			close(answer)
			for range methods {
				wait(t, ch).want(t, "204")
			}
		})
	}
}

// TestPipelineEnds: three requests are on a connection. What becomes of those in line?
func TestPipelineEnds(t *testing.T) {
	t.Parallel()
	const closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
	const aborted = "the request was aborted: use of closed network connection (the request was written, at least in part)"
	for _, c := range []struct {
		name  string
		first func(p *peer, moved <-chan bool)
		want  string // of the first
		abort int    // which is aborted when all have come: the number, from 1 on
		alone bool   // there is no other connection
	}{
		{name: "close", first: func(p *peer, _ <-chan bool) { p.Say(closing) }, want: "200 x"},
		{name: "close, of a body that comes late", first: func(p *peer, moved <-chan bool) {
			p.Say(closing[:len(closing)-1])
			wait(p.T, moved)
			p.Say("x")
		}, want: "200 x"},
		{name: "until close", first: func(p *peer, _ <-chan bool) { p.Say("HTTP/1.1 200 OK\r\n\r\nx") }, want: "200 x"},
		{name: "HTTP/1.0", first: func(p *peer, _ <-chan bool) { p.Say("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx") }, want: "200 x"},
		{name: "FIN", first: func(p *peer, _ <-chan bool) {}, want: "200 /1"},
		{name: "reset", first: func(p *peer, _ <-chan bool) { p.Reset() }, want: "200 /1"},
		{name: "FIN after an answer", first: func(p *peer, _ <-chan bool) { p.Say(answerOf("/1")) }, want: "200 /1"},
		{name: "no HTTP", first: func(p *peer, _ <-chan bool) { p.Say("what?\r\n\r\n") },
			want: "client: head: parser: malformed or missing HTTP version (the request was written, at least in part)"},
		{name: "cut off", first: func(p *peer, _ <-chan bool) { p.Say(closing[:20]) },
			want: "client: head: the answer was cut off: unexpected EOF (the request was written, at least in part)"},
		{name: "the first is aborted", first: func(p *peer, _ <-chan bool) { io.Copy(io.Discard, p.In) }, want: "client: head: " + aborted, abort: 1},
		{name: "the second is aborted", first: func(p *peer, _ <-chan bool) { p.Say(answerOf("/1") + answerOf("/none") + answerOf("/3")); p.Head() },
			want: "200 /1", abort: 2, alone: true},
		{name: "the last is aborted", first: func(p *peer, _ <-chan bool) { p.Say(answerOf("/1") + answerOf("/2") + answerOf("/none")); p.Head() },
			want: "200 /1", abort: 3, alone: true},
		{name: "one is aborted that has a long answer", first: func(p *peer, _ <-chan bool) {
			p.Say(answerOf("/1") + answerOf(strings.Repeat("x", 2*mostDropped)))
			io.Copy(io.Discard, p.In)
		}, want: "200 /1", abort: 2},
		{name: "one is aborted that has a long answer in chunks", first: func(p *peer, _ <-chan bool) {
			p.Say(answerOf("/1") + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 10 {
				p.Say(fmt.Sprintf("%x\r\n%s\r\n", mostDropped/5, strings.Repeat("x", mostDropped/5)))
			}
			io.Copy(io.Discard, p.In)
		}, want: "200 /1", abort: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var conns atomic.Int32
			sent, goOn, moved := make(chan bool), make(chan bool), make(chan bool, 10)
			url := peers(t, func(p *peer) {
				if conns.Add(1) > 1 {
					for paths(p, p.Head()) {
						moved <- true
					}
					return
				}
				paths(p, p.Head())
				for range 3 {
					p.Head()
				}
				close(sent)
				wait(t, goOn)
				c.first(p, moved)
				if tc := p.Conn.(*net.TCPConn); tc.CloseWrite() == nil {
					io.Copy(io.Discard, p.In)
				}
			})
			r := start(t, &Client{Pipeline: 8})
			r.warm(url)
			var outcomes [4]chan got
			var qs [4]Request
			r.do(func() {
				for i := 1; i <= 3; i++ {
					outcomes[i] = make(chan got, 8)
					qs[i] = r.pool.Get(fmt.Sprint(url, "/", i), collect(outcomes[i]))
				}
			})
			wait(t, sent)
			if c.abort > 0 {
				r.do(func() { qs[c.abort].Abort() })
			}
			close(goOn)
			for i := 1; i <= 3; i++ {
				g, want := wait(t, outcomes[i]), fmt.Sprint("200 /", i)
				switch {
				case i == 1:
					want = c.want
				case i == c.abort:
					want = "client: head: " + aborted
				}
				g.want(t, want)
			}
			if n := conns.Load(); (n == 1) != c.alone {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestPipelinedPoison: an answer that nobody asked for has come with a good one, before the next request was sent.
// The next one is made when the good one's body begins, so the connection still is busy then.
func TestPipelinedPoison(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 500
	}
	evil := peers(t, func(p *peer) {
		for head := p.Head(); head != ""; head = p.Head() {
			path := strings.Fields(head)[1]
			if strings.HasSuffix(path, "/first") {
				p.Say(answerOf(path) + answerOf("/evil"))
			} else {
				p.Say(answerOf(path))
			}
		}
	})
	r := start(t, &Client{Pipeline: 4, MaxConns: 2})
	r.warm(evil)
	done := make(chan got, 1)
	for i := range n {
		r.do(func() {
			r.pool.Get(fmt.Sprint(evil, "/", i, "/first"), func(a Response, err error) {
				if err != nil {
					done <- got{err: err}
					return
				}
				r.pool.Get(fmt.Sprint(evil, "/", i), collect(done)) // before the body has been read
				a.Stream(func(p []byte, err error) {})
			})
		})
		wait(t, done).want(t, fmt.Sprint("200 /", i))
	}
	if st := r.Stats(); st.Unsolicited == 0 || st.Pipelined == 0 {
		t.Errorf("%+v", st)
	}
}

// TestPipelineTime: HeadTimeout counts from an exchange's turn, Timeout from Do on.
func TestPipelineTime(t *testing.T) {
	t.Parallel()
	url := peers(t, func(p *peer) {
		paths(p, p.Head())
		for range 5 {
			p.Head()
		}
		for i := range 5 {
			time.Sleep(time.Second) // the server's time, of which the last one sees more than HeadTimeout
			p.Say(answerOf(fmt.Sprint("/", i)))
		}
		io.Copy(io.Discard, p.In)
	})
	ch := make(chan got, 5)
	// A machine that stands still for as long takes more than HeadTimeout for one. So it is asked until it does not.
	until(t, "each is answered in time", func() bool {
		r := start(t, &Client{Pipeline: 8, MaxConns: 1, HeadTimeout: 4 * time.Second})
		r.warm(url)
		r.do(func() {
			for i := range 5 {
				r.pool.Get(fmt.Sprint(url, "/", i), collect(ch))
			}
		})
		all := true
		for i := range 5 {
			g := wait(t, ch)
			all = all && g.String() == fmt.Sprint("200 /", i)
		}
		return all
	})
	silent := peers(t, func(p *peer) {
		for head := p.Head(); head != ""; head = p.Head() {
			if strings.Contains(head, "/warm") {
				paths(p, head)
			}
		}
	})
	r := start(t, &Client{Pipeline: 8, MaxConns: 1, Timeout: 2 * time.Second, HeadTimeout: -1})
	until(t, "a warm connection", func() bool { return r.get(silent+"/warm").String() == "200 /warm" })
	r.do(func() {
		for i := range 5 {
			r.pool.Get(fmt.Sprint(silent, "/", i), collect(ch))
		}
	})
	for range 5 {
		if g := wait(t, ch); g.err == nil || !g.err.(*Error).Timeout() {
			t.Errorf("%v", g)
		}
	}
}

// TestPipelineRefused: those that would have shared a connection fail together when there is none.
func TestPipelineRefused(t *testing.T) {
	t.Parallel()
	url := "http://" + loopback.Refused(t)
	r := start(t, &Client{Pipeline: 8})
	ch := make(chan got, 20)
	r.do(func() {
		for range 20 {
			r.pool.Get(url, collect(ch))
		}
	})
	for range 20 {
		if g := wait(t, ch); g.err == nil || g.err.(*Error).Phase != Dial {
			t.Errorf("%v", g)
		}
	}
	if n := r.Stats().Dials; n != 3 {
		t.Errorf("%d dials", n)
	}
}
