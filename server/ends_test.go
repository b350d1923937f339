// Ends that say what they are: connections that go on, that close, and that are
// cut off; and how long each may take.

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/parser"
)

// TestEmptyLineIsNoHead: RFC 9112 2.2. Behind a request, or instead of the first,
// in one piece or several, empty lines leave the connection idle: no 408 comes
// when HeadTimeout is over, and Shutdown waits for DrainTimeout.
func TestEmptyLineIsNoHead(t *testing.T) {
	t.Parallel()
	for _, pieces := range [][]string{{"\r\n"}, {"\r"}, {"\r", "\n"}, {"\r\n\r", "\n\r\n"}, {"\r\n", "\r\n", "\r\n"}} {
		s := start(t, &Server{HeadTimeout: time.Hour, IdleTimeout: 10 * time.Hour, DrainTimeout: 10 * time.Millisecond}, mirror)
		c := s.dial()
		c.Send(post("/", "abc") + pieces[0])
		c.Want("200 POST / abc")
		for _, p := range pieces[1:] {
			s.bytesIn()
			c.Send(p)
		}
		s.bytesIn()
		if st := s.Stats(); st.Idle != 1 || st.Reading != 0 {
			t.Errorf("%q: idle %d, reading %d", pieces, st.Idle, st.Reading)
		}
		s.advance(2 * time.Hour)
		s.bytesIn() // what is due has come
		last := pieces[len(pieces)-1]
		if strings.HasSuffix(last, "\r") {
			c.Send("\n")
		}
		c.Send(get("/next") + "\r\n")
		c.Want("200 GET /next")
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		c.WantEnd()
	}
}

// TestShutdownHalfAHead: DrainTimeout without a further byte ends one, and
// HeadTimeout one that drips.
func TestShutdownHalfAHead(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{HeadTimeout: time.Hour, DrainTimeout: 20 * time.Millisecond}, mirror)
	c := s.dial()
	c.Send(get("/")[:10])
	until(t, "it is read", func() bool { return s.Stats().Reading == 1 })
	done := s.shut(context.Background())
	c.Want("408")
	c.Close()
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
	s = start(t, &Server{HeadTimeout: 200 * time.Millisecond, DrainTimeout: 100 * time.Millisecond}, mirror)
	until(t, "it is read", func() bool { // before its time is over, as it may be on a busy machine
		c = s.dial()
		c.Say("G")
		s.bytesIn()
		return s.Stats().Reading > 0
	})
	done = s.shut(context.Background())
	for len(done) == 0 {
		if _, err := io.WriteString(c, "G"); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}

// TestDownloadIsNotIdle: IdleTimeout counts from the delivery of an answer, not
// from its End, also of one that the kernel holds all of, and of one in chunks.
func TestDownloadIsNotIdle(t *testing.T) {
	t.Parallel()
	whole := func(w Response, body []byte) { w.EndBytes(body) }
	streamed := func(w Response, body []byte) {
		w.Write(body)
		w.End("")
	}
	t.Run("whole", func(t *testing.T) { t.Parallel(); downloadIsNotIdle(t, whole) })
	t.Run("streamed", func(t *testing.T) { t.Parallel(); downloadIsNotIdle(t, streamed) })
}

func downloadIsNotIdle(t *testing.T, answer func(w Response, body []byte)) {
	const idle = 400 * time.Millisecond
	for _, size := range []int{256 << 10, 4 << 20} {
		s := start(t, &Server{IdleTimeout: idle}, func(w Response, r Request) {
			if string(r.Path()) == "/big" {
				answer(w, make([]byte, size))
				return
			}
			w.End("")
		})
		c := s.dial()
		c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		c.Send(get("/big"))
		until(t, "it is answered", func() bool { return s.Stats().Status[2] == 1 })
		held := func() (n int) {
			s.do(func() {
				for c := range s.workers[0].loop.Conns() {
					n = c.Pending() + c.Undelivered()
				}
			})
			return n
		}
		if held() == 0 {
			t.Skip("this system does not say what it holds")
		}
		time.Sleep(2 * idle) // a client that takes its time
		if st := s.Stats(); st.Conns != 1 || st.Limits.IdleTimeout != 0 {
			t.Errorf("%d bytes: %d connections, %d of them ended by IdleTimeout, before the answer is read", size, st.Conns, st.Limits.IdleTimeout)
		}
		begins := time.Now()
		if a, err := c.Answer("GET"); err != nil || len(a.Text) != size {
			t.Fatalf("%d bytes, %v", len(a.Text), err)
		}
		c.WantEnd()                              // in the end it is idle
		if d := time.Since(begins); d < idle/2 { // it counts from the beginning of a turn, which a busy machine makes long
			t.Errorf("%d bytes: ended %v after the client began to read, within IdleTimeout", size, d)
		}
	}
}

// TestAnswerLeftUnread: a client that takes nothing of an answer which the kernel holds
// whole is cut off as one whose answer it does not take, and does not hold up a stop.
func TestAnswerLeftUnread(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say what it holds, or it takes no such answer whole")
	}
	for _, stops := range []bool{false, true} {
		cfg := &Server{IdleTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond}
		if stops {
			cfg = &Server{DrainTimeout: 50 * time.Millisecond}
		}
		s := start(t, cfg, func(w Response, r Request) { w.EndBytes(make([]byte, 128<<10)) })
		c := s.dial()
		c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		c.Send(get("/"))
		until(t, "it is answered", func() bool { return s.Stats().Status[2] == 1 })
		if stops {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
		s.idle()
		if n := s.Stats().Limits.WriteTimeout; n != 1 {
			t.Errorf("%d connections ended by WriteTimeout, want 1", n)
		}
	}
}

// TestMalformedBehindAnAnswerThatHasNotLeft: the client gets the 400, and nothing
// of the answer.
func TestMalformedBehindAnAnswerThatHasNotLeft(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Method()) == "GET" {
			w.End("ok")
			return
		}
		w.Set("X", "y")
		w.WriteString("half")
		r.Stream(func(p []byte, last bool) { w.Write(p) })
	})
	for _, before := range []string{"", get("/")} { // whose answer stands
		want, stands := "400", 0
		if before != "" {
			want, stands = "200 ok, 400", 1
		}
		// If the machine takes the loop's time away in the middle, the rest is read in
		// another turn, and half an answer has left: so some tries may go wrong.
		got := ""
		for range 20 {
			was := s.Stats()
			c := s.dial()
			c.Send(before + chunked1("1\r\na\r\nx"))
			c.FIN()
			var list []string
			for a, err := c.Answer("GET"); err == nil; a, err = c.Answer("GET") {
				list = append(list, a.String())
			}
			s.idle()
			if got = strings.Join(list, ", "); got != want {
				continue
			}
			st := s.Stats()
			if st.Limits.Malformed != was.Limits.Malformed+1 || st.Status[2] != was.Status[2]+uint64(stands) || st.Status[4] != was.Status[4]+1 {
				t.Errorf("%+v", st)
			}
			break
		}
		if got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
}

// TestUnreadBody: RFC 9112 9.3, 9.6. The answer says close exactly where the
// connection closes: where a body is left unread that is long, or has not all come
// and is of unknown length.
func TestUnreadBody(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { w.Status(403); w.End("no") })
	for _, c := range []struct {
		name, in string
		closes   bool
	}{
		{"short", post("/", "abc"), false},
		{"chunked, and all here", chunks("/", "abc", "def"), false},
		{"chunked, with a trailer", chunked1("3\r\nabc\r\n0\r\nA: b\r\n\r\n"), false},
		{"chunked, and not all here", chunked1("3\r\nabc\r\n"), true},
		{"chunked, and malformed", chunked1("3\r\nabcde"), true},
		{"long", request("POST", "/", "Content-Length: 1000000"), true},
		{"it waits for 100 Continue", request("POST", "/", "Content-Length: 1", "Expect: 100-continue"), true},
	} {
		k := s.dial()
		in := c.in
		if !c.closes {
			in += get("/")
		}
		k.Send(in)
		if a := k.Want("403"); a.Close != c.closes {
			t.Errorf("%s: it says close: %v", c.name, a.Close)
		}
		if c.closes {
			k.FIN()
			k.WantGone()
		} else {
			k.Want("403")
		}
	}
}

// TestFullDuplex: an answer that is streamed while the body comes keeps the
// connection, if that is read to its end, by the program or after the answer.
func TestFullDuplex(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	body := strings.Repeat("x", size)
	s := start(t, &Server{}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/echo":
			w.WriteString("(") // the head is out before the body is asked for
			r.Pipe(w)
		case "/early":
			w.WriteString("early")
			w.After(time.Millisecond, func() { w.End("") })
		default:
			w.End("next")
		}
	})
	for _, path := range []string{"/echo", "/early"} {
		for _, in := range []string{post(path, body), chunks(path, body[:size/2], body[size/2:])} {
			c := s.dial()
			go io.WriteString(c, in+get("/"))
			a, err := c.Answer("POST")
			if err != nil || a.Close || path == "/echo" && len(a.Text) != 1+size || path == "/early" && a.Text != "early" {
				t.Fatalf("%s: close %v, %d bytes, %v", path, a.Close, len(a.Text), err)
			}
			c.Want("200 next")
		}
	}
}

// TestLengthIsHeldTo: a body of another length than Content-Length says closes the
// connection, whichever call brought too much.
func TestLengthIsHeldTo(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(w Response) error{
		"Write": func(w Response) error { w.WriteString("abc"); _, err := w.WriteString("def"); w.End(""); return err },
		"End":   func(w Response) error { w.WriteString("abc"); return w.End("def") },
		"less":  func(w Response) error { w.WriteString("a"); return w.End("b") },
		"SendFile": func(w Response) error {
			w.WriteString("a")
			err := w.SendFile(file(t, "bcd"), 0, 3)
			w.End("bc")
			return err
		},
	} {
		said := make(chan error, 1)
		s := start(t, &Server{}, func(w Response, r Request) {
			w.Set("Content-Length", "3")
			said <- write(w)
		})
		c := s.dial()
		c.Send(get("/"))
		a, _ := c.Answer("GET")
		if want := map[bool]string{true: "ab", false: "abc"}[name == "less"]; a.Text != want {
			t.Errorf("%s: %q", name, a.Text)
		}
		c.WantGone()
		if err := wait(t, said); err != ErrLength {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoContent: RFC 9110 8.6, 15.3.6.
func TestNoContent(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/304":
			w.Status(304)
		case "/304length":
			w.Status(304)
			w.Set("Content-Length", "7")
		case "/205":
			w.Status(205)
		case "/205parts":
			w.Status(205)
			w.WriteString("x")
		}
		w.End("xyz")
	})
	for path, want := range map[string]string{"/304": "", "/304length": "7", "/205": "0", "/205parts": "0"} {
		c := s.dial()
		c.Send(get(path) + get("/"))
		a, err := c.Answer("GET")
		if err != nil || a.Text != "" || a.Header.Get("Content-Length") != want || len(a.TransferEncoding) > 0 {
			t.Errorf("%s: Content-Length %q, %q, body %q, %v", path, a.Header.Get("Content-Length"), a.TransferEncoding, a.Text, err)
		}
		c.Want("200 xyz")
	}
}

// TestConnectThatIsRefused: after one the client may be sending what is no HTTP.
func TestConnectThatIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { w.Status(404); w.End("") })
	c := s.dial()
	c.Send(request("CONNECT", "a:1") + get("/"))
	if a := c.Want("404"); !a.Close {
		t.Error("the answer does not say that the connection closes")
	}
	c.FIN()
	c.WantEnd()
}

// TestStrayBytesBehindALongAnswer do not cost it: they are read and dropped while
// it is being sent.
func TestStrayBytesBehindALongAnswer(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	s := start(t, &Server{}, func(w Response, r Request) { w.EndBytes(make([]byte, size)) })
	c := s.dial()
	c.Send(get("/", "Connection: close"))
	c.In.Peek(1)
	c.Send("\r\n")
	if a, err := c.Answer("GET"); err != nil || len(a.Text) != size {
		t.Errorf("%d bytes, %v", len(a.Text), err)
	}
}

// TestStatsOfALastAnswer: one that is being sent to a client that has sent its FIN
// is Closing.
func TestStatsOfALastAnswer(t *testing.T) {
	t.Parallel()
	body := make([]byte, 12<<20)
	s := start(t, &Server{}, func(w Response, r Request) {
		w.OnAbort(func() { w.EndBytes(body) })
	})
	c := s.dial()
	c.Send(get("/"))
	c.FIN()
	until(t, "it is Closing", func() bool { st := s.Stats(); return st.Closing == 1 && st.Idle == 0 })
}

// TestAbortCauses: OnAbort says why.
func TestAbortCauses(t *testing.T) {
	t.Parallel()
	body := request("POST", "/", "Content-Length: 100") + "abc"
	for _, c := range []struct {
		name string
		srv  *Server
		in   string
		act  func(s *rig, c *client, w Response)
		want error
	}{
		{"FIN", &Server{}, get("/"), func(_ *rig, c *client, _ Response) { c.FIN() }, io.EOF},
		{"FIN in the body", &Server{}, body, func(_ *rig, c *client, _ Response) { c.FIN() }, io.ErrUnexpectedEOF},
		{"reset", &Server{}, get("/"), func(_ *rig, c *client, _ Response) { c.Reset() }, syscall.ECONNRESET},
		{"time", &Server{BodyTimeout: time.Millisecond}, body, func(*rig, *client, Response) {}, os.ErrDeadlineExceeded},
		{"malformed", &Server{}, chunked1("x"), func(*rig, *client, Response) {}, parser.ErrChunkSize},
		{"too large", &Server{MaxBody: 2}, chunked1("3\r\nabc\r\n0\r\n\r\n"), func(*rig, *client, Response) {}, ErrTooLarge},
		{"Abort", &Server{}, get("/"), func(s *rig, _ *client, w Response) { s.do(func() { w.Abort() }) }, net.ErrClosed},
		{"Close", &Server{}, get("/"), func(s *rig, _ *client, _ Response) { s.Close() }, net.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			why, handle := make(chan error, 2), make(chan Response, 1)
			s := start(t, c.srv, func(w Response, r Request) {
				w.OnAbort(func(cause error) { why <- cause })
				r.Stream(func([]byte, bool) {})
				handle <- w
			})
			k := s.dial()
			k.Send(c.in)
			c.act(s, k, wait(t, handle))
			if err := wait(t, why); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// TestBrokenOffUpload is Aborted, and neither Refused nor Malformed.
func TestBrokenOffUpload(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { r.Stream(func([]byte, bool) {}) })
	for i, in := range []string{request("POST", "/", "Content-Length: 100") + "half", chunked1("5\r\nhal")} {
		c := s.dial()
		c.Send(in)
		until(t, "it is Receiving", func() bool { return s.Stats().Receiving == 1 })
		c.FIN()
		c.Want("400") // who reads is told
		s.idle()
		if st := s.Stats(); st.Aborted != uint64(i+1) || st.Refused != 0 || st.Limits.Malformed != 0 {
			t.Errorf("Aborted %d, Refused %d, Malformed %d", st.Aborted, st.Refused, st.Limits.Malformed)
		}
	}
}
