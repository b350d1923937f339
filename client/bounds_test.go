// What a server decides about time and memory: no flood, no drip and no silence gets past the limits.

package client

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestFloodMovesNoDeadline has input come without end: each piece sets the deadline of the next anew, but not that
// of the exchange.
func TestFloodMovesNoDeadline(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string][2]string{
		"interim answers": {"", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		"a body":          {"HTTP/1.1 200 OK\r\n\r\n", "x"},
	} {
		url := peers(t, func(p *peer) {
			p.Head()
			p.Say(flood[0])
			piece := strings.Repeat(flood[1], 1+8192/len(flood[1]))
			for {
				if _, err := io.WriteString(p, piece); err != nil {
					return
				}
			}
		})
		r := start(t, &Client{Timeout: 50 * time.Millisecond, MaxInterim: -1})
		var over time.Time
		late, end := 0, make(chan error, 2)
		r.do(func() {
			over = time.Now().Add(r.Timeout)
			q := r.pool.Request("GET", url)
			piece := func() {
				if time.Since(over) < time.Second {
					time.Sleep(3 * time.Millisecond) // so that there is input in each turn
				} else if late++; late == 1 {
					end <- errors.New("there is no end")
					q.Abort()
				}
			}
			q.OnInform(func(Response) { piece() })
			q.Do(func(a Response, err error) {
				if err != nil {
					end <- err
					return
				}
				a.Stream(func(p []byte, err error) {
					if err != nil {
						end <- err
						return
					}
					piece()
				})
			})
			q.End("")
		})
		if err := wait(t, end); !errors.Is(err, errTotalTime) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyPieces has much come at once, of which the program makes long work: the loop's others have their
// turns in between.
func TestManyPieces(t *testing.T) {
	t.Parallel()
	const n = 2000
	url := always(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", n)+"0\r\n\r\n")
	turns, in := 0, map[int]int{}
	r := startWith(t, &Client{}, func(l *conn.Loop) {
		l.Turn = func(begins bool) {
			if begins {
				turns++
			}
		}
	})
	pieces, end := 0, make(chan error, 1)
	r.do(func() {
		r.pool.Get(url, func(a Response, err error) {
			a.Stream(func(p []byte, err error) {
				for began := time.Now(); time.Since(began) < 20*time.Microsecond; {
				}
				pieces += len(p)
				if in[turns]++; err != nil {
					end <- err
				}
			})
		})
	})
	if err := wait(t, end); err != io.EOF || pieces != n {
		t.Error(err, pieces)
	}
	r.do(func() {
		for _, n := range in {
			if n > 1000 { // 20 ms
				t.Errorf("%d pieces in a turn", n)
			}
		}
	})
}

// TestManyFields gives a head that has not all come no more room than it needs, whatever MaxFields allows.
func TestManyFields(t *testing.T) {
	t.Parallel()
	const n = 5000
	half := make(chan bool)
	url := peers(t, func(p *peer) {
		for p.Head() != "" {
			p.Say("HTTP/1.1 200 OK\r\nA: b\r\n")
			<-half
			for i := range n {
				p.Say(fmt.Sprint("F", i, ": ", i, "\r\n"))
			}
			p.Say("Content-Length: 2\r\n\r\nok")
		}
	})
	r := start(t, &Client{MaxFields: -1, MaxHead: -1})
	for range 2 {
		ch := make(chan got, 2)
		var q Request
		r.do(func() { q = r.pool.Get(url, collect(ch)) })
		until(t, "the beginning of the head", func() (begun bool) {
			r.do(func() {
				if h := q.x.head; h != nil {
					if begun = len(h.Fields) > 0; cap(h.Fields) > usualFields {
						t.Errorf("room for %d fields", cap(h.Fields))
					}
				}
			})
			return begun
		})
		half <- true
		g := wait(t, ch).want(t, "200 ok")
		if strings.Count(g.fields, "\n") != n+2 || !strings.Contains(g.fields, "\nF4999: 4999\n") {
			t.Errorf("%d fields", strings.Count(g.fields, "\n"))
		}
	}
}

// TestNobodyTakesTheUpload has a server that reads no more, and says nothing: the answer has its time all the same.
func TestNobodyTakesTheUpload(t *testing.T) {
	t.Parallel()
	loopback.NeedUnix(t)
	path := filepath.Join(loopback.TempDir(t), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	shut, done := make(chan bool, 3), make(chan bool)
	defer close(done)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				loopback.New(t, c).Head()
				c.(*net.UnixConn).CloseRead() // what is written is EPIPE from now on
				shut <- true
				<-done
			}()
		}
	}()
	r := start(t, &Client{HeadTimeout: 50 * time.Millisecond, Connect: func(l *conn.Loop, _ string, h *conn.Handler, fail func(error)) {
		if _, err := l.Dial("unix", path, h); err != nil {
			fail(err)
		}
	}})
	for _, duplex := range []bool{false, true} {
		ch := make(chan got, 2)
		var q Request
		r.do(func() {
			q = r.pool.Request("POST", "http://x/")
			if duplex {
				q.Duplex()
			}
			q.Do(collect(ch))
			q.WriteString("some")
		})
		wait(t, shut)
		r.do(func() { q.WriteString("more") })
		r.do(func() { q.WriteString("and more") })
		if g := wait(t, ch); !errors.Is(g.err, os.ErrDeadlineExceeded) {
			t.Error(g)
		}
	}
}

// TestAnswerOutlivesTheUpload has a server answer slowly, and read nothing of a request that it has answered.
func TestAnswerOutlivesTheUpload(t *testing.T) {
	t.Parallel()
	more := make(chan bool, 1)
	url := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\nmuch")
		<-more
		p.Say("more")
		<-more
	})
	defer close(more)
	r := start(t, &Client{WriteTimeout: 50 * time.Millisecond})
	ch := make(chan got, 2)
	r.do(func() {
		q := r.pool.Request("POST", url)
		begun := collect(ch)
		q.Do(func(a Response, err error) {
			begun(a, err)
			r.loop.After(10*r.WriteTimeout, func() { more <- true }) // a stall is seen after four times WriteTimeout
		})
		q.Write(make([]byte, 12<<20)) // more than the kernel takes
	})
	wait(t, ch).want(t, "413 muchmore")
}

// TestFileThatNobodyReads has a server answer early, and read no more: the connection ends with the answer, though
// a file waits to be sent on it.
func TestFileThatNobodyReads(t *testing.T) {
	t.Parallel()
	end := make(chan bool)
	defer close(end)
	url := peers(t, func(p *peer) {
		p.Head()
		p.Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		<-end
	})
	for _, whole := range []bool{false, true} {
		const size = 64 << 20 // more than the kernel takes
		name := filepath.Join(t.TempDir(), "file")
		if err := cmp.Or(os.WriteFile(name, nil, 0o600), os.Truncate(name, size)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, &Client{IdleTimeout: -1})
		ch := make(chan got, 2)
		r.do(func() {
			q := r.pool.Request("POST", url)
			q.Do(collect(ch))
			if q.SendFile(f, 0, size); whole {
				q.End("")
			}
		})
		wait(t, ch).want(t, "200 ok")
		until(t, fmt.Sprintf("the connection has ended; request whole %v", whole), func() bool { return r.loop.Stats().Open == 0 })
	}
}
