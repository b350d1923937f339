// Clients that are slow to send, deadlines that pass, and complaints: what holds
// then.

package nethttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// drip sends p byte by byte until the connection or the test ends.
func drip(c *caller, p string) {
	for i := range len(p) {
		if _, err := io.WriteString(c, p[i:i+1]); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestSlowBodiesHoldNoWorkers: where workers are limited, a body has to come, or
// 32 KiB of it, before one is taken; half of them at most wait for slow clients.
func TestSlowBodiesHoldNoWorkers(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2, 4, 7} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			s, p := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, n, err)
			}), workers)
			for range 3 * workers {
				c := s.dial()
				c.Send(request("POST", "/", "Content-Length: 60000"))
				go drip(c, strings.Repeat("x", 60000))
				c = s.dial()
				c.Send(request("POST", "/", "Expect: 100-continue", "Content-Length: 60000"))
			}
			began := time.Now()
			for time.Since(began) < 3*gatherTime {
				if workers == 1 { // Expect may hold the only one
					break
				}
				k := s.dial()
				k.Send(get("/"))
				k.Want("200 0 <nil>")
				k.Close()
				p.mu.Lock()
				early := p.early
				p.mu.Unlock()
				if early > workers/2 {
					t.Fatalf("%d of %d workers wait for bodies", early, workers)
				}
			}
		})
	}
}

// TestBodyBeginsAfterAll: what is gathered is handed on, whole, at any size about
// the limit, however it comes.
func TestBodyBeginsAfterAll(t *testing.T) {
	t.Parallel()
	s, _ := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(all), sum(all), err)
	}), 1)
	var wg sync.WaitGroup
	for _, n := range []int{1, 1000, mostBody - 1, mostBody, mostBody + 1, 3 * mostBody, 1 << 20} {
		for _, chunked := range []bool{false, true} {
			wg.Go(func() {
				body := string(loopback.Pattern(n))
				k := s.dial()
				if chunked {
					k.Send(request("POST", "/", "Transfer-Encoding: chunked") + "1\r\n" + body[:1] + "\r\n")
					runtime.Gosched()
					if n > 1 {
						k.Send(fmt.Sprintf("%x\r\n%s\r\n", n-1, body[1:]))
					}
					k.Send("0\r\n\r\n")
				} else {
					k.Send(request("POST", "/", fmt.Sprint("Content-Length: ", n)))
					runtime.Gosched()
					k.Send(body[:n/2])
					runtime.Gosched()
					k.Send(body[n/2:])
				}
				k.Want(fmt.Sprint("200 ", n, sum([]byte(body)), error(nil)))
			})
		}
	}
	wg.Wait()
}

// TestInteractiveBody: a client that waits for words of the answer before it sends
// the rest of its body gets them, with limited workers too.
func TestInteractiveBody(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		s, _ := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b := make([]byte, 3)
			for {
				if _, err := io.ReadFull(r.Body, b); err != nil {
					return
				}
				w.Write(b)
				w.(http.Flusher).Flush()
			}
		}), workers)
		k := s.dial()
		k.Send(request("POST", "/", "Transfer-Encoding: chunked"))
		for i, word := range []string{"one", "two", "six"} {
			k.Send("3\r\n" + word + "\r\n")
			if i == 0 {
				for line := ""; line != "\r\n"; {
					line, _ = k.In.ReadString('\n')
				}
			}
			b := make([]byte, len("3\r\none\r\n"))
			if _, err := io.ReadFull(k.In, b); err != nil || string(b) != "3\r\n"+word+"\r\n" {
				t.Fatalf("%q, %v", b, err)
			}
		}
	}
}

// TestBodyHasALeastRate: a handler waits BodyTimeout for its body, and a second
// more for each KiB of it; then the client is told.
func TestBodyHasALeastRate(t *testing.T) {
	t.Parallel()
	said := make(chan error, 1)
	s := start(t, &server.Server{BodyTimeout: 300 * time.Millisecond}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		said <- err
	}), 0))
	k := s.dial()
	k.Send(request("POST", "/", "Content-Length: 100000"))
	stop := make(chan bool)
	go func() { // 4 KiB each 300 ms would be enough for the server
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				io.WriteString(k, strings.Repeat("x", 50))
			}
		}
	}()
	k.Want("408")
	close(stop)
	if err := wait(t, said); err != os.ErrDeadlineExceeded {
		t.Error(err)
	}
}

// TestReadDeadlineCloses: after a read deadline that has passed the connection is
// closed with the answer, and not when BodyTimeout has passed too.
func TestReadDeadlineCloses(t *testing.T) {
	t.Parallel()
	s := start(t, &server.Server{BodyTimeout: time.Hour}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v", b, errors.Is(err, os.ErrDeadlineExceeded))
	}), 0))
	for _, framing := range []string{"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "Content-Length: 10\r\n\r\na"} {
		// The handler may be held up from the one line to the next. So it is asked until it is not.
		until(t, "what has come is read before the deadline", func() bool {
			k := s.dial()
			k.Send("POST / HTTP/1.1\r\nHost: a\r\n" + framing)
			a, err := k.Answer("GET")
			if err != nil || !a.Close {
				t.Fatalf("the answer does not say close: %v, %v", a, err)
			}
			k.WantEnd()
			return a.String() == "200 a true"
		})
	}
}

// TestWriteTimeoutIsADeadline: after WriteTimeout Write says that it was the time, and
// after a reset it does not.
func TestWriteTimeoutIsADeadline(t *testing.T) {
	t.Parallel()
	if !loopback.SeesResets(t) {
		t.Skip(loopback.UnseenReset)
	}
	said := make(chan error, 1)
	s := start(t, &server.Server{WriteTimeout: 1500 * time.Millisecond}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, long); err != nil {
				said <- err
				return
			}
		}
	}), 0))
	k := s.dial()
	k.Send(get("/"))
	if err := wait(t, said); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody reads: %v", err)
	}
	// The machine may be busy for as long as WriteTimeout. So it is asked until the reset comes before.
	until(t, "a reset is no deadline", func() bool {
		k := s.dial()
		k.Send(get("/"))
		k.In.Peek(1)
		k.Reset()
		err := wait(t, said)
		return !errors.Is(err, os.ErrDeadlineExceeded) && errors.Is(err, net.ErrClosed)
	})
}

// TestFlushedIsSent: what Flush has taken reaches the client, though a write deadline
// passes right after it, or the handler panics.
func TestFlushedIsSent(t *testing.T) {
	t.Parallel()
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		for _, part := range []string{"one", "two"} {
			io.WriteString(w, part)
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
		}
		if r.URL.Path == "/panic" {
			panic(http.ErrAbortHandler)
		}
		rc.SetWriteDeadline(time.Now().Add(-time.Second))
		io.WriteString(w, "three")
		if err := rc.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}), 0))
	for range 20 {
		for _, path := range []string{"/", "/panic"} {
			k := s.dial()
			k.Send(get(path))
			a, err := k.Answer("GET")
			if a.Response == nil || a.Text != "onetwo" || err == nil {
				t.Fatalf("%v %q %v: want what was flushed, and no end", a.Response, a.Text, err)
			}
		}
	}
}

// TestHeadWriterIsTold: a handler that goes on writing the answer to a HEAD is told
// that the client has left.
func TestHeadWriterIsTold(t *testing.T) {
	t.Parallel()
	if !loopback.SeesResets(t) {
		t.Skip(loopback.UnseenReset)
	}
	said := make(chan error, 1)
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for end := time.Now().Add(patience); time.Now().Before(end); {
			if _, err := io.WriteString(w, long); err != nil {
				said <- err
				return
			}
		}
		said <- nil
	}), 1))
	k := s.dial()
	k.Send(request("HEAD", "/"))
	until(t, "it is served", func() bool { return s.loop.Load() != nil })
	k.Reset()
	if wait(t, said) == nil {
		t.Error("no error")
	}
}

// TestComplaints: what net/http's handlers, and we, complain of goes to the Log of
// the server that was asked, once for each place.
func TestComplaints(t *testing.T) {
	t.Parallel()
	h := Handler(http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		w.WriteHeader(404)
	}), patience, ""), 0)
	twice := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(404)
		w.WriteHeader(404)
	}), 0)
	for name, h := range map[string]server.Handler{"one's": h, "ours": twice} {
		for range 2 { // one Handler on two servers
			s := start(t, &server.Server{}, h)
			for range 2 {
				k := s.dial()
				k.Send(get("/"))
				k.Want("404")
			}
			text := s.logs.Take()
			if name == "ours" && text == "" {
				continue // it was said on the first server
			}
			if !strings.Contains(text, "superfluous") {
				text += s.logs.Want(t, "superfluous")
			}
			if name == "ours" && strings.Count(text, "superfluous") > 1 {
				t.Errorf("said twice: %s", text)
			}
		}
	}
}

// TestComplaintsByDefault: without a Log they go to slog.Default.
func TestComplaintsByDefault(t *testing.T) {
	var text bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	defer slog.SetDefault(before)
	s := &server.Server{Loops: 1, Handler: Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "nonsense")
		w.WriteHeader(404)
	}), 0)}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve()
	k := dial(t, addr)
	k.Send(get("/"))
	k.Want("404")
	s.Shutdown(context.Background())
	if !strings.Contains(text.String(), "invalid Content-Length") || !strings.Contains(text.String(), "patience_test.go") {
		t.Errorf("%q", text.String())
	}
}

// A panicHandler is a program's log that panics.
type panicHandler struct{ slog.Handler }

func (panicHandler) Enabled(context.Context, slog.Level) bool { return true }

func (panicHandler) Handle(context.Context, slog.Record) error { panic("the log") }

// TestLogThatPanics: not even that keeps an exchange from its end.
func TestLogThatPanics(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"panic":  func(w http.ResponseWriter, r *http.Request) { panic("test") },
		"length": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "x") },
		"Goexit": func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() },
	} {
		s := &server.Server{Loops: 1, Log: slog.New(panicHandler{slog.DiscardHandler}), Handler: Handler(h, 1)}
		addr, err := s.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve()
		for i := range 3 { // a complaint is logged once
			k := dial(t, addr)
			k.Send(get("/"))
			if _, err := k.Answer("GET"); (err == nil) != (name == "length" && i > 0) || os.IsTimeout(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.Close()
	}
}

// TestGoroutinesEnd: the pool's goroutines end with the last server that used them,
// those that are busy then with their handlers.
func TestGoroutinesEnd(t *testing.T) {
	t.Parallel()
	g := newGate()
	a := newAdapter(g, 0)
	a.quick = 0 // all go to the pool
	one, two := start(t, &server.Server{}, a.serve), start(t, &server.Server{Loops: 2}, a.serve)
	var clients []*caller
	for _, s := range []*rig{one, two} {
		for range 3 {
			k := s.dial()
			k.Send(get("/"))
			wait(t, g.came)
			clients = append(clients, k)
		}
	}
	for range clients {
		g.open <- true
	}
	for _, k := range clients {
		k.Want("200 /")
	}
	busy := two.dial()
	busy.Send(get("/"))
	wait(t, g.came)
	until(t, "all others are idle", func() bool { running, idle, _ := a.pool.counts(); return running == idle+1 })
	one.Close()
	if running, _, _ := a.pool.counts(); running == 0 {
		t.Error("goroutines of a server that runs have ended")
	}
	two.Close()
	if running, idle, _ := a.pool.counts(); running != 1 || idle != 0 {
		t.Errorf("%d goroutines are left, %d of them idle", running, idle)
	}
	g.open <- true
	until(t, "the last ends", func() bool { running, _, _ := a.pool.counts(); return running == 0 })
}
