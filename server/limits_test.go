// Limits and timeouts, each with its answer; and backpressure, which is the
// limit on output.

package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestTimeouts(t *testing.T) {
	t.Parallel()
	stream := func(w Response, r Request) { r.Stream(func([]byte, bool) {}) }
	end := func(w Response, r Request) { w.End("") }
	const limit = time.Hour
	for _, c := range []struct {
		name string
		srv  *Server
		in   string
		h    Handler
		want string
	}{
		{"no request", &Server{HeadTimeout: limit}, "", end, ""},
		{"half a head", &Server{HeadTimeout: limit}, "GET / HTTP/1.1\r\n", end, "408"},
		{"row 6, an empty line is no head", &Server{HeadTimeout: limit}, "\r\n\r\n\r", end, ""},
		{"half a second head", &Server{HeadTimeout: limit}, get("/") + "GET", end, "200, 408"},
		{"half a second head, and no limit on being idle", &Server{HeadTimeout: limit, IdleTimeout: -1}, get("/") + "GET", end, "200, 408"},
		{"no second request", &Server{IdleTimeout: limit}, get("/"), end, "200"},
		{"no second request, no limit on heads", &Server{IdleTimeout: limit, HeadTimeout: -1}, get("/"), end, "200"},
		{"no body", &Server{BodyTimeout: limit}, request("POST", "/", "Content-Length: 2"), stream, "408"},
		{"half a body", &Server{BodyTimeout: limit}, request("POST", "/", "Content-Length: 2") + "h", stream, "408"},
		{"half a chunk", &Server{BodyTimeout: limit}, chunked1("2\r\nh"), stream, "408"},
		{"row 59, no end of the trailers", &Server{BodyTimeout: limit}, chunked1("0\r\n"), stream, "408"},
		{"half a body that nobody wants", &Server{BodyTimeout: limit}, request("POST", "/", "Content-Length: 2") + "h", end, "200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.srv, c.h)
			k := s.dial()
			k.Send(c.in)
			until(t, "it is read", func() bool { st := s.Stats(); return st.Conns == 1 && st.BytesIn == uint64(len(c.in)) })
			s.advance(limit + time.Minute)
			if got := k.All(); got != c.want {
				t.Errorf("answered %q, want %q", got, c.want)
			}
			k.Close()
			s.idle()
		})
	}
}

// TestDrip is clients that send a byte now and then: neither a head nor a body
// may take for ever.
func TestDrip(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{"head": "GET /", "body": request("POST", "/", "Content-Length: 1000000")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, &Server{HeadTimeout: time.Hour, BodyTimeout: time.Hour}, func(w Response, r Request) { r.Stream(func([]byte, bool) {}) })
			c := s.dial()
			c.Send(in)
			over := func() bool { st := s.Stats(); return st.Limits.HeadTimeout+st.Limits.BodyTimeout > 0 }
			for n := 1; n < 20 && !over(); n++ {
				c.Say("a")
				until(t, "it is read", func() bool { return s.Stats().BytesIn >= uint64(len(in)+n) || over() })
				s.advance(10 * time.Minute)
				s.advance(0) // what is due has come
				s.advance(0)
			}
			c.Want("408")
		})
	}
}

// TestNoTimeouts: negative means none.
func TestNoTimeouts(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{HeadTimeout: -1, BodyTimeout: -1, IdleTimeout: -1, WriteTimeout: -1, MaxHead: -1, MaxFields: -1, MaxBody: -1, MaxConns: -1},
		func(w Response, r Request) {
			r.Stream(func(p []byte, last bool) {
				if last {
					w.End("")
				}
			})
		})
	c := s.dial()
	c.Send("GET / HTTP/1.1\r\n")
	s.bytesIn()
	c.Send("Host: x\r\n" + strings.Repeat("A: b\r\n", 1000) + "B: " + strings.Repeat("c", 100<<10) + "\r\n\r\n" + chunked1(""))
	c.Want("200")
	s.bytesIn() // the turn is over
	if s.Stats().Conns != 1 {
		t.Error("the connection is gone")
	}
	c.Send("5\r\nhello\r\n0\r\n\r\n")
	c.Want("200")
}

func TestMaxHead(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{MaxHead: 1000, MaxFields: 3}, mirror)
	base := len(get("/", "A: "))
	for _, c := range []struct{ name, in, want string }{
		{"a head that just fits", get("/", "A: "+strings.Repeat("a", 1000-base)), "200 GET /"},
		{"a head one too large", get("/", "A: "+strings.Repeat("a", 1001-base)), "431"},
		{"a target too long", get("/" + strings.Repeat("a", 1000)), "414"},
		{"just so many fields", get("/", "A: b", "C: d"), "200 GET /"},
		{"one field too many", get("/", "A: b", "C: d", "E: f"), "431"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := dial(t, s.addr)
			k.Send(c.in)
			k.Want(c.want)
		})
	}
}

// TestEndless is rows 14, 15 and 35: what does not end is cut off, and the
// client can read why.
func TestEndless(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, mirror)
	for _, c := range []struct{ name, begin, more, want string }{
		{"row 14, a method", "", "A", "501"},
		{"row 15, a target", "GET /", "a", "414"},
		{"row 35, a field", "GET / HTTP/1.1\r\nHost: x\r\nA: ", "a", "431"},
		{"row 35, a name", "GET / HTTP/1.1\r\nHost: x\r\n", "a", "431"},
		{"row 35, fields", "GET / HTTP/1.1\r\nHost: x\r\n", "a: b\r\n", "431"},
		{"row 57, chunk extensions", chunked1(""), "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n", "413"},
		{"row 57, one chunk extension", chunked1("1;"), "a", "413"},
		{"row 58, trailers", chunked1("0\r\n"), "a: b\r\n", "431"},
		{"row 2, empty lines", "", "\r\n", "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			more := []byte(strings.Repeat(c.more, 8<<10))
			inTime(t, func() string {
				k := dial(t, s.addr)
				defer k.Close()
				k.Send(c.begin)
				sent := make(chan error, 1)
				go func() {
					for sum := 0; sum < 4<<20; sum += len(more) { // less than lingerMost
						if _, err := k.Write(more); err != nil {
							sent <- err
							return
						}
					}
					k.FIN()
					sent <- nil
				}()
				a, err := k.Answer("GET")
				if err != nil || a.String() != c.want {
					return fmt.Sprintf("answered %v, %v; want %s", a, err, c.want)
				}
				if err := wait(t, sent); err != nil {
					return fmt.Sprintf("the client is cut off before it has read why: %v", err)
				}
				if rest, err := io.ReadAll(k.In); len(rest) > 0 || err != nil {
					return fmt.Sprintf("read %q and %v, want the end", rest, err)
				}
				return ""
			})
		})
	}
}

// inTime calls try until it takes less time than the server gives a client for its last answer,
// and then reports the fault that it returns: one that a busy machine has made late is nobody's.
func inTime(t *testing.T, try func() (fault string)) {
	t.Helper()
	until(t, "it is done in time", func() bool {
		begun := time.Now()
		fault := try()
		if time.Since(begun) >= lingerTime {
			return false
		}
		if fault != "" {
			t.Error(fault)
		}
		return true
	})
}

// TestEndlessUnread: a body that nobody wants, and that does not end.
func TestEndlessUnread(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { w.End("") })
	c := s.dial()
	c.Send(chunked1(""))
	piece := []byte("10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n")
	for range 1000 { // 64 MB
		if _, err := c.Write(piece); err != nil {
			s.idle()
			return
		}
	}
	t.Error("the server reads on")
}

// TestStagedClose is row 68: the client reads its 400 when it has sent all of
// its input, which the server did not want.
func TestStagedClose(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, mirror)
	for range 20 {
		inTime(t, func() string {
			c := s.dial()
			c.Say("A B\r\n\r\n" + strings.Repeat("x", 256<<10))
			c.FIN()
			a, err := c.Answer("GET")
			rest, endErr := io.ReadAll(c.In)
			if err != nil || a.String() != "400" || len(rest) > 0 || endErr != nil {
				return fmt.Sprintf("answered %v, %v, and then %q, %v", a, err, rest, endErr)
			}
			return ""
		})
	}
	c := s.dial()
	c.Send("A B\r\n\r\n") // and does not close: the server does not wait for ever
	s.idle()
	c.Want("400")
}

func TestMaxConns(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{MaxConns: 2, Loops: 2}, mirror)
	var in []*client
	for range 2 {
		c := s.dial()
		c.Send(get("/"))
		c.Want("200 GET /")
		in = append(in, c)
	}
	for range 5 {
		c := s.dial()
		c.Want("503")
		c.WantEnd()
		c.Close()
	}
	until(t, "the five are counted", func() bool { return s.Stats().Limits.MaxConns == 5 })
	in[0].Send(get("/still"))
	in[0].Want("200 GET /still")
	in[0].Close()
	until(t, "there is room", func() bool { return s.Stats().Conns == 1 })
	// Those who were turned away and linger do not take up room.
	c := s.dial()
	c.Send(get("/"))
	c.Want("200 GET /")
	until(t, "the five have ended", func() bool { return s.refused.Load() == 0 })
	var crowd []net.Conn
	for range mostRefused + 10 {
		if c, err := net.Dial("tcp", s.addr.String()); err == nil { // or reset already
			c.SetDeadline(time.Now().Add(patience))
			defer c.Close()
			crowd = append(crowd, c)
		}
	}
	told := 0
	for _, c := range crowd {
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil && resp.StatusCode == 503 {
			told++
		}
	}
	if told < mostRefused {
		t.Errorf("%d of %d are told why they are turned away", told, mostRefused+10)
	}
	c.Close()
	until(t, "there is room", func() bool { return s.conns.Load() == 1 })
	c = s.dial()
	c.Send(get("/"))
	c.Want("200 GET /")
}

// smallBuffers makes a client's receive buffer small, so that little is enough
// to fill it.
func smallBuffers(c *client) { c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10) }

// TestSlowReader writes a long answer as fast as a slow client takes it.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	var most int
	s := start(t, &Server{}, func(w Response, r Request) {
		piece, left, ahead := strings.Repeat("x", 10000), size, 0
		var more func()
		more = func() {
			ahead = 0
			for !w.Full() {
				n := min(left, len(piece))
				if _, err := w.WriteString(piece[:n]); err != nil {
					t.Error(err)
					return
				}
				ahead += n
				most = max(most, ahead)
				if left -= n; left == 0 {
					w.End("")
					return
				}
			}
			w.OnDrain(more)
		}
		more()
	})
	c := s.dial()
	c.Send(get("/"))
	a, err := c.Answer("GET")
	if err != nil || len(a.Text) != size {
		t.Fatalf("%d bytes, %v", len(a.Text), err)
	}
	s.do(func() {
		if most > 8<<20 {
			t.Errorf("%d bytes were written at once, with nobody reading", most)
		}
	})
}

// TestNobodyReads: WriteTimeout ends it, and OnAbort says so.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	aborted := make(chan bool, 1)
	s := start(t, &Server{WriteTimeout: time.Second}, func(w Response, r Request) {
		w.OnAbort(func() { aborted <- true })
		var more func()
		more = func() {
			for !w.Full() {
				if _, err := w.WriteString(strings.Repeat("x", 10000)); err != nil {
					return
				}
			}
			w.OnDrain(more)
		}
		more()
	})
	c := s.dial()
	smallBuffers(c)
	c.Send(get("/"))
	wait(t, aborted)
	s.idle()
}

// TestFlood writes regardless of Full: there is a limit.
func TestFlood(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	s := start(t, &Server{}, func(w Response, r Request) {
		for range 10000 {
			if _, err := w.WriteString(strings.Repeat("x", 10000)); err != nil {
				failed <- err
				return
			}
		}
		t.Error("100 MB were taken from a program that nobody reads")
	})
	c := s.dial()
	smallBuffers(c)
	c.Send(get("/"))
	if err := wait(t, failed); err == nil {
		t.Error("no error")
	}
	s.idle()
}

// TestPipelineNotRead: as long as the answers are not read, handlers are not
// called. When they are read at last, all are there.
func TestPipelineNotRead(t *testing.T) {
	t.Parallel()
	const n = 3000
	var called atomic.Int64
	body := strings.Repeat("x", 10000)
	s := start(t, &Server{IdleTimeout: time.Hour}, func(w Response, r Request) { called.Add(1); w.End(body) })
	c := s.dial()
	go io.WriteString(c, strings.Repeat(get("/"), n)+last)
	until(t, "the server stops", func() bool {
		before := called.Load()
		for range 50 {
			s.do(runtime.Gosched)
		}
		return before > 0 && called.Load() == before
	})
	if got := called.Load(); got > n/2 {
		t.Errorf("%d handlers were called, with nobody reading", got)
	}
	for i := range n + 1 {
		if a, err := c.Answer("GET"); err != nil || a.Text != body {
			t.Fatalf("answer %d: %d bytes, %v", i, len(a.Text), err)
		}
	}
	c.WantEnd()
}

// TestManyPipelined is row 67 at length: in order, whatever comes in a read.
func TestManyPipelined(t *testing.T) {
	t.Parallel()
	const n = 1000
	s := start(t, &Server{}, mirror)
	c := s.dial()
	var in strings.Builder
	for i := range n {
		in.WriteString(get("/" + strconv.Itoa(i)))
	}
	go io.WriteString(c, in.String())
	for i := range n {
		c.Want("200 GET /" + strconv.Itoa(i))
	}
}
