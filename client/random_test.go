// Random lives: requests made in every way there is, of servers that answer in every
// way, or do not. Each is told of exactly one end, nothing is mixed up, nothing is left.

package client

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// moods are how a server treats a request: its path is the body of the answer that it
// should have. ok says that the client has to get it.
var moods = []struct {
	name string
	ok   bool
	act  func(p *peer, path string) (goOn bool)
}{
	{"length", true, func(p *peer, path string) bool { p.Say(answerOf(path)); return true }},
	{"length, in pieces", true, func(p *peer, path string) bool {
		a := answerOf(path)
		p.Say(a[:10])
		p.Say(a[10:])
		return true
	}},
	{"chunked", true, func(p *peer, path string) bool {
		p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _, c := range path {
			p.Say("1\r\n" + string(c) + "\r\n")
		}
		p.Say("0\r\n\r\n")
		return true
	}},
	{"until close", true, func(p *peer, path string) bool { p.Say("HTTP/1.0 200 OK\r\n\r\n" + path); return false }},
	{"close", true, func(p *peer, path string) bool { p.Say(answerOf(path)); return false }},
	{"interim", true, func(p *peer, path string) bool {
		p.Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + answerOf(path))
		return true
	}},
	{"poison", true, func(p *peer, path string) bool { p.Say(answerOf(path) + answerOf("/evil")); return true }},
	{"cut off", false, func(p *peer, path string) bool {
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + path)
		return false
	}},
	{"reset", false, func(p *peer, path string) bool { p.Reset(); return false }},
	{"no HTTP", false, func(p *peer, path string) bool { p.Say("220 mail.example\r\n"); return false }},
	{"nothing", false, func(p *peer, path string) bool { return false }},
	{"silence", false, func(p *peer, path string) bool { io.Copy(io.Discard, p.In); return false }},
}

func answerOf(path string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
}

// serveMood reads requests, bodies too, and treats them as their paths say.
func serveMood(p *peer) {
	for {
		head := p.Head()
		if head == "" {
			return
		}
		path := strings.Fields(head)[1]
		mood, err := strconv.Atoi(strings.Split(path, "/")[1])
		if err != nil {
			p.T.Error(err)
			return
		}
		if !skipBody(p, head) || !moods[mood].act(p, path) {
			p.Conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, p.In) // what was pipelined: else the end would be a reset
			return
		}
	}
}

// skipBody reads a request's body, and reports whether all of it came.
func skipBody(p *peer, head string) bool {
	if strings.Contains(head, "Transfer-Encoding: chunked") {
		for {
			line, err := p.In.ReadString('\n')
			n, bad := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
			if err != nil || bad != nil {
				return false
			}
			if _, err := io.CopyN(io.Discard, p.In, n+2); err != nil {
				return false
			}
			if n == 0 {
				return true
			}
		}
	}
	_, rest, ok := strings.Cut(head, "Content-Length: ")
	if !ok {
		return true
	}
	n, _ := strconv.ParseInt(rest[:strings.IndexByte(rest, '\r')], 10, 32)
	_, err := io.CopyN(io.Discard, p.In, n)
	return err == nil
}

// A life is one exchange of the test.
type life struct {
	t      *testing.T
	r      *rig
	rnd    *rand.Rand
	q      Request
	path   string
	ok     bool // the server answers
	aborts bool
	unkept bool // the request cannot be sent again
	plain  bool // a GET, as a rule, that can be pipelined
	told   int  // of Do's function
	ends   int  // of Stream's
	body   strings.Builder
	ended  func()
}

func (l *life) run(url string) {
	method := []string{"GET", "PUT", "DELETE"}[l.rnd.IntN(3)]
	if l.plain = l.plain && l.rnd.IntN(20) > 0; l.plain {
		method = "GET"
	}
	l.q = l.r.pool.Request(method, url+l.path)
	if l.rnd.IntN(4) == 0 {
		l.q.Duplex()
	}
	if l.rnd.IntN(4) == 0 {
		l.q.OnInform(func(a Response) {})
	}
	ask := func() { l.q.Do(l.answered) }
	if l.rnd.IntN(2) == 0 {
		ask()
		l.send()
	} else {
		l.send()
		ask()
	}
	if l.aborts {
		l.r.loop.After(time.Duration(l.rnd.IntN(3))*time.Millisecond, func() { l.q.Abort() })
	}
}

func (l *life) send() {
	q := l.q
	if l.plain {
		q.End("")
		return
	}
	switch l.rnd.IntN(6) {
	case 0:
		n := l.rnd.IntN(100_000)
		l.unkept = n > mostReplay/2
		q.End(strings.Repeat("x", n))
	case 1:
		q.WriteString("some")
		q.End("more")
	case 2:
		q.WriteString("some")
		l.r.loop.After(time.Millisecond, func() { q.OnDrain(func() { q.End("more") }) })
	case 3:
		q.Set("Expect", "100-continue")
		q.Set("Content-Length", "4")
		q.Write(nil)
		q.OnDrain(func() { q.End("more") })
	case 4:
		if f, err := os.Open("client.go"); err == nil {
			l.unkept = true
			q.SendFile(f, 3, 1000)
		}
		q.End("")
	default:
		q.End("")
	}
}

func (l *life) answered(a Response, err error) {
	if l.told++; err != nil {
		l.end(err)
		return
	}
	stream := func() {
		if err := a.Stream(func(p []byte, err error) { l.piece(a, p, err) }); err != nil {
			l.end(err) // it is over: the program is told so here
		}
	}
	switch l.rnd.IntN(4) {
	case 0:
		l.r.loop.After(time.Millisecond, stream)
	case 1:
		a.Pause()
		l.r.loop.After(0, func() { stream(); a.Resume() })
	case 2:
		a.Trailer(func(_, _ []byte) {})
		stream()
	default:
		stream()
	}
}

func (l *life) piece(a Response, p []byte, err error) {
	l.body.Write(p)
	switch {
	case err == io.EOF:
		if got := l.body.String(); got != l.path {
			l.t.Errorf("%s got %q", l.path, got)
		}
		l.end(nil)
	case err != nil:
		l.end(err)
	case l.rnd.IntN(4) == 0:
		a.Pause()
		l.r.loop.After(0, a.Resume)
	}
}

func (l *life) end(err error) {
	l.ends++
	var e *Error
	switch {
	case err == nil && !l.ok:
		l.t.Errorf("%s succeeded, as %s", l.path, l.body.String())
	case err != nil && l.ok && !l.aborts && (!l.unkept || !errors.As(err, &e) || e.Phase > Head):
		l.t.Errorf("%s failed: %v", l.path, err)
	case err != nil && !errors.As(err, &e) && !errors.Is(err, net.ErrClosed):
		l.t.Errorf("%s: a %T: %v", l.path, err, err)
	}
	l.ended()
}

func TestLives(t *testing.T) {
	t.Parallel()
	lives(t, false, &Client{MaxConns: 16, WaitTimeout: -1, HeadTimeout: 10 * time.Second, ContinueTimeout: 5 * time.Millisecond, MaxWaiting: -1})
}

// TestPipelinedLives is TestLives with requests behind others. A server that sends what nobody asked for cannot be
// told from one that answers, if there is a request to answer: TestPipelinedPoison has the others.
func TestPipelinedLives(t *testing.T) {
	t.Parallel()
	r := lives(t, true, &Client{Pipeline: 8, MaxConns: 4, WaitTimeout: -1, HeadTimeout: 10 * time.Second, ContinueTimeout: 5 * time.Millisecond, MaxWaiting: -1})
	if st := r.Stats(); st.Pipelined == 0 || st.Retries == 0 {
		t.Errorf("nothing was pipelined, or nothing sent again: %+v", st)
	}
}

func lives(t *testing.T, pipelined bool, c *Client) *rig {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	url := peers(t, serveMood)
	r := start(t, c)
	rnd := rand.New(rand.NewPCG(15, 26))
	var lives []*life
	done := make(chan bool)
	r.do(func() {
		under, began, silent := 0, 0, 0
		var next func()
		next = func() {
			for ; under < 32 && began < n; began++ {
				under++
				mood := rnd.IntN(len(moods))
				if moods[mood].name == "silence" {
					if silent++; silent > 4 { // each takes HeadTimeout
						mood = 0
					}
				}
				switch name := moods[mood].name; {
				case pipelined && name == "poison":
					mood = 1
				case pipelined && name == "reset":
					mood = len(moods) - 2 // a reset takes away what was sent before it
				}
				l := &life{plain: pipelined, t: t, r: r, rnd: rnd, path: fmt.Sprintf("/%d/%d", mood, began), ok: moods[mood].ok, aborts: rnd.IntN(8) == 0}
				l.ended = func() {
					if under--; under == 0 && began == n {
						close(done)
					}
					r.loop.Post(next)
				}
				lives = append(lives, l)
				l.run(url)
			}
		}
		next()
	})
	select {
	case <-done:
	case <-time.After(5 * patience):
		r.do(func() {
			for _, l := range lives {
				if l.ends != 1 {
					t.Errorf("%s, %s: told %d times of the head, %d of the end; %v %v", l.path, moods[l.path[1]-'0'].name, l.told, l.ends, l.q.x.send, l.q.x.read)
				}
			}
		})
		t.Fatal("waited in vain")
	}
	r.do(func() {})
	r.do(func() {
		for _, l := range lives {
			if l.told != 1 || l.ends != 1 {
				t.Errorf("%s was told %d times of the head, %d of the end", l.path, l.told, l.ends)
			}
		}
	})
	t.Logf("%+v", r.Stats())
	return r
}
