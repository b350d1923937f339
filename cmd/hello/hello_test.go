// The endpoints, one by one, and how the program starts and stops.

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/internal/program"
	"github.com/lurcher-net/lurcher/poller"
)

func TestMain(m *testing.M) { program.Main(m) }

// site is a hello that runs.
type site struct {
	*program.Process
	t    testing.TB
	url  string // http://127.0.0.1:port, without a slash
	addr string
}

var firstLine = regexp.MustCompile(`^http://(127\.0\.0\.1:\d+)/ \(poller (\w+), loops (\d+)\)\n$`)

func start(t testing.TB, args ...string) *site {
	t.Helper()
	p := program.Start(t, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	m := firstLine.FindStringSubmatch(p.Line)
	if m == nil {
		t.Fatalf("it printed %q", p.Line)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return &site{p, t, "http://" + m[1], m[1]}
}

// do makes a request and returns the status and the body.
func (s *site) do(method, path, body string) (int, string) {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v after %d bytes", method, path, err, len(b))
	}
	return r.StatusCode, string(b)
}

// dial opens a connection whose reads and writes end some time.
func (s *site) dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	s.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// counters is what /stats shows.
type counters struct {
	Conns, Accepted, Requests, Aborted, Waiting, Events, Chat, Goroutines, Turns int
	Status                                                                       []int
}

func (s *site) stats() (c counters) {
	s.t.Helper()
	_, body := s.do("GET", "/stats", "")
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		s.t.Fatalf("/stats: %v\n%s", err, body)
	}
	return c
}

// until asks for /stats until they are as wanted.
func (s *site) until(what string, ok func(counters) bool) counters {
	s.t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		c := s.stats()
		if ok(c) {
			return c
		}
		if time.Now().After(end) {
			s.t.Fatalf("not within a minute: %s\n%+v", what, c)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 200, "Hello World\n"},
		{"HEAD", "/", "", 200, ""},
		{"POST", "/", "not wanted", 200, "Hello World\n"},
		{"POST", "/echo", "twice", 200, "twice"},
		{"PUT", "/echo", "", 200, ""},
		{"GET", "/echo", "", 200, ""},
		{"PATCH", "/echo", strings.Repeat("0123456789", 50000), 200, strings.Repeat("0123456789", 50000)},
		{"GET", "/delay?ms=1", "", 200, "Hello World\n"},
		{"GET", "/delay?ms=0", "", 200, "Hello World\n"},
		{"GET", "/delay?ms=soon", "", 400, "ms has to be a number from 0 to 1073741823\n"},
		{"GET", "/delay?ms=-1", "", 400, "ms has to be a number from 0 to 1073741823\n"},
		{"GET", "/stream?n=3&ms=1", "", 200, "chunk 1\nchunk 2\nchunk 3\n"},
		{"GET", "/stream?n=2&ms=0", "", 200, "chunk 1\nchunk 2\n"},
		{"GET", "/stream?n=0", "", 200, ""},
		{"GET", "/stream?n=many", "", 400, "/stream?n=chunks&ms=milliseconds\n"},
		{"POST", "/upload", "12345", 200, "5 bytes\n"},
		{"GET", "/upload", "", 200, "0 bytes\n"},
		{"GET", "/say", "", 405, "to say something, POST it\n"},
		{"POST", "/say", "to nobody", 200, "ok\n"},
		{"GET", "/nowhere", "", 404, "there is no such page\n"},
	} {
		status, body := s.do(c.method, c.path, c.body)
		if status != c.status || body != c.want {
			t.Errorf("%s %s: %d %.60q, want %d %.60q", c.method, c.path, status, body, c.status, c.want)
		}
	}
	if c := s.stats(); c.Requests < 20 || len(c.Status) != 6 || c.Status[2] < 15 || c.Status[4] != 5 || c.Goroutines == 0 {
		t.Errorf("/stats: %+v", c)
	}
}

func TestStreamIsWhole(t *testing.T) {
	t.Parallel()
	const n = 200_000 // past what socket buffers take
	r, err := http.Get(start(t).url + fmt.Sprintf("/stream?n=%d&ms=0", n))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for i := range n {
		if want := fmt.Sprintf("chunk %d", i+1); !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q (%v), want %q", lines.Text(), lines.Err(), want)
		}
	}
	if lines.Scan() || lines.Err() != nil {
		t.Fatalf("behind the end: %q, %v", lines.Text(), lines.Err())
	}
}

// A client that takes a stream as fast as it comes does not have the loop to
// itself: the others are served, and nothing is lost.
func TestStreamSharesTheLoop(t *testing.T) {
	t.Parallel()
	s := start(t, "-loops", "1")
	done := make(chan struct{})
	for range 2 {
		c := s.dial()
		io.WriteString(c, "GET /stream?n=1000000000&ms=0 HTTP/1.1\r\nHost: a\r\n\r\n")
		go func() {
			io.Copy(io.Discard, c)
			done <- struct{}{}
		}()
		defer func() { c.Close(); <-done }()
	}
	turns := s.stats().Turns
	s.until("the loop has turned", func(c counters) bool { return c.Turns > turns+50 })
}

func TestDelayIsNotShort(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, ms := range []int{1, 7, 50, 120} {
		begun := time.Now()
		s.do("GET", fmt.Sprintf("/delay?ms=%d", ms), "")
		if took := time.Since(begun); took < time.Duration(ms)*time.Millisecond {
			t.Errorf("%d ms: an answer after %v", ms, took)
		}
	}
}

func TestWaitHearsWhatIsSaid(t *testing.T) {
	t.Parallel()
	s := start(t, "-loops", "4")
	const n = 20
	heard := make(chan string, n)
	for range n {
		go func() {
			r, err := http.Get(s.url + "/wait")
			if err != nil {
				heard <- err.Error()
				return
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			heard <- fmt.Sprint(string(b), err)
		}()
	}
	s.until("all wait", func(c counters) bool { return c.Waiting == n })
	s.do("POST", "/say", "ahoy")
	for range n {
		if got := <-heard; got != "ahoy<nil>" {
			t.Errorf("heard %q", got)
		}
	}
	if c := s.stats(); c.Waiting != 0 {
		t.Errorf("%d still wait", c.Waiting)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	r, err := http.Get(s.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got := r.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	s.until("it follows", func(c counters) bool { return c.Events == 1 })
	s.do("POST", "/say", "one")
	s.do("POST", "/say", "two\nlines, and \rno field: \nid: 7\n")
	want := ": every message follows\n\ndata: one\n\ndata: two\ndata: lines, and no field: \ndata: id: 7\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r.Body, got); err != nil || string(got) != want {
		t.Errorf("%v\n%q, want\n%q", err, got, want)
	}
	r.Body.Close()
	s.until("it has left", func(c counters) bool { return c.Events == 0 })
}

func TestEveryPoller(t *testing.T) {
	t.Parallel()
	for _, name := range poller.Names() {
		s := start(t, "-poller", name, "-loops", "1")
		if want := fmt.Sprintf("%s/ (poller %s, loops 1)\n", s.url, name); s.Line != want {
			t.Errorf("it printed %q, want %q", s.Line, want)
		}
		if status, body := s.do("POST", "/echo", name); status != 200 || body != name {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
}

// Each flag reaches its setting: what goes past the limit is refused.
func TestLimits(t *testing.T) {
	t.Parallel()
	head := "GET / HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct{ flag, value, send, want string }{
		{"-max-head", "200", head + "X: " + strings.Repeat("x", 200), "HTTP/1.1 431 "},
		{"-max-fields", "3", head + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "HTTP/1.1 431 "},
		{"-max-body", "10", "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 "},
		{"-max-conns", "-1", head + "\r\n", "HTTP/1.1 200 "},
		{"-head-timeout", "20ms", head, "HTTP/1.1 408 "},
		{"-body-timeout", "20ms", "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345", "HTTP/1.1 408 "},
		{"-idle-timeout", "20ms", head + "\r\n", "HTTP/1.1 200 "}, // and then the end of the connection
	} {
		t.Run(c.flag, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.flag, c.value)
			// On a busy machine the time of a client may be over before it has said a word: so it
			// comes again until it is not.
			loopback.Until(t, c.want, func() bool {
				conn := s.dial()
				defer conn.Close()
				io.WriteString(conn, c.send)
				if strings.Contains(c.flag, "max-conns") {
					got := make([]byte, len(c.want))
					io.ReadFull(conn, got)
					return string(got) == c.want
				}
				got, err := io.ReadAll(conn)
				t.Logf("%.80q, and then %v", got, err)
				return bytes.HasPrefix(got, []byte(c.want)) && err == nil
			})
		})
	}
}

func TestMaxConns(t *testing.T) {
	t.Parallel()
	s := start(t, "-max-conns", "1", "-loops", "1") // one loop takes them in their order
	first, second := s.dial(), s.dial()
	b := make([]byte, 13)
	if _, err := io.ReadFull(second, b); err != nil || string(b) != "HTTP/1.1 503 " {
		t.Errorf("%q, %v", b, err)
	}
	io.WriteString(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := io.ReadFull(first, b); err != nil || string(b) != "HTTP/1.1 200 " {
		t.Errorf("%q, %v", b, err)
	}
}

// A client that takes nothing of its answer is given up.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, "-write-timeout", "100ms")
	c := s.dial()
	io.WriteString(c, "GET /stream?n=100000000&ms=0 HTTP/1.1\r\nHost: a\r\n\r\n")
	s.until("it streams", func(c counters) bool { return c.Conns == 2 || c.Aborted == 1 })
	s.until("it has given up", func(c counters) bool { return c.Conns == 1 && c.Aborted == 1 })
}

// A signal lets answers end that are under way.
func TestStopsCleanly(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		s := start(t)
		idle := s.dial()
		io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		io.ReadFull(idle, make([]byte, 1))
		answers := make(chan string)
		paths := []string{"/delay?ms=300", "/wait", "/events", "/stream?n=3&ms=100"}
		for _, path := range paths { // each over a connection of its own, however soon others are answered
			c := s.dial()
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
			go func() {
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					answers <- err.Error()
					return
				}
				body, err := io.ReadAll(r.Body)
				answers <- fmt.Sprint(string(body), err)
			}()
		}
		s.until("all wait", func(c counters) bool { return c.Conns >= 6 && c.Waiting == 1 && c.Events == 1 })
		s.Signal(sig)
		got := make(map[string]bool)
		for range paths {
			got[<-answers] = true
		}
		for _, want := range []string{"Hello World\n", "the server stops\n", ": every message follows\n\n", "chunk 1\nchunk 2\nchunk 3\n"} {
			if !got[want+"<nil>"] {
				t.Errorf("%v: no answer %q among %v", sig, want, got)
			}
		}
		if err := s.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if _, err := io.ReadAll(idle); err != nil {
			t.Errorf("%v: the idle connection: %v", sig, err)
		}
	}
}

// A second signal cuts them off.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.dial()
	io.WriteString(c, "GET /delay?ms=1000000 HTTP/1.1\r\nHost: a\r\n\r\n")
	s.until("it waits", func(c counters) bool { return c.Conns == 2 && c.Requests >= 2 })
	s.Signal(os.Interrupt)
	for { // the first has arrived once nobody listens
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	s.Signal(os.Interrupt)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("it answered %q", b)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ flag, value, want string }{
		{"-addr", "nowhere", "missing port"},
		{"-poller", "carrier-pigeon", "carrier-pigeon"},
		{"-loops", "two", "invalid value"},
	} {
		out, err := program.Command(c.flag, c.value).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s %s: %v, %q", c.flag, c.value, err, out)
		}
	}
}

// TestFile: /file sends what -file names, if that is a file.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("of a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		path:          "200 of a file",
		"":            "404 there is no such file: see -file\n",
		t.TempDir():   "404 that is no file\n",
		path + "none": "404 there is no such file: see -file\n",
	} {
		s := start(t, "-file", file)
		if status, body := s.do("GET", "/file", ""); fmt.Sprintf("%d %s", status, body) != want {
			t.Errorf("-file %q: answered %d %q, want %q", file, status, body, want)
		}
	}
}

// TestAccessLog: with -access there is a line for each exchange.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := start(t, "-access")
	s.MayComplain()
	s.do("POST", "/upload?x", "hello")
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	want := regexp.MustCompile(`^hello: 127\.0\.0\.1:\d+ "POST /upload\?x" 200: 5 bytes in, 8 out, \S+\n$`)
	got := ""
	for line := range strings.Lines(s.Stderr()) {
		if !strings.Contains(line, "blocks its loop") { // as a machine does that is busy
			got += line
		}
	}
	if !want.MatchString(got) {
		t.Errorf("it logged %q", got)
	}
}
