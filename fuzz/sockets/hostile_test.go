// Our server under the hostile client. Afterwards nothing may be left of it: no connection, goroutine
// or descriptor; the counters add up; and everybody else was served meanwhile.

package sockets

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/server"
)

func TestHostileClients(t *testing.T) {
	const timeout = 5 * time.Second // of every kind; so long that a busy machine is not taken for a stalled client
	var handled, over atomic.Int64
	s := &server.Server{
		HeadTimeout: timeout, BodyTimeout: timeout, IdleTimeout: timeout, WriteTimeout: timeout,
		Handler: func(w server.Response, r server.Request) {
			handled.Add(1)
			handleInSomeWay(w, r, func() { over.Add(1) })
		},
	}
	addr := startOurs(t, s)
	if err := new(goodwill).connection(addr, 1); err != nil { // whatever is made once is made
		t.Fatal(err)
	}
	settle(t, s)
	goroutines, descriptors, heap := runtime.NumGoroutine(), openDescriptors(), liveHeap()

	stop := make(chan struct{})
	served := goodClient(t, addr, timeout, stop)
	var connected, failed atomic.Int64
	var wg sync.WaitGroup
	const clients = 40
	for c := range clients {
		wg.Go(func() {
			for i := c; i < *soakN; i += clients {
				seed := *soakSeed + int64(i)
				what, err := fuzz.New(seed).Harass("tcp", addr, 3*timeout)
				connected.Add(1)
				if err != nil && failed.Add(1) <= 10 {
					t.Errorf("-soak.n 1 -soak.seed %d: %s: %v", seed, what, err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	good := <-served
	settle(t, s)

	st := s.Stats()
	answered := uint64(0)
	for _, n := range st.Status {
		answered += n
	}
	// An answer may be begun and then aborted, and a refusal needs no request: so these are bounds.
	if answered+st.Aborted < st.Requests || answered > st.Requests+st.Refused || st.Aborted > st.Requests {
		t.Errorf("%d answered and %d aborted, of %d requests and %d refusals", answered, st.Aborted, st.Requests, st.Refused)
	}
	if want := uint64(connected.Load()) + good.connections + 1; st.Accepted != want {
		t.Errorf("%d connections accepted, %d made", st.Accepted, want)
	}
	if handled.Load() != over.Load() {
		t.Errorf("%d requests were handled, of %d the end was told", handled.Load(), over.Load())
	}
	if now := liveHeap(); now > heap+8<<20 {
		t.Errorf("%d bytes are live, %d were before", now, heap)
	}
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are left", func() bool { return openDescriptors() <= descriptors })
	t.Logf("%d attacks, meanwhile %d requests of others served, the slowest in %v; %+v", *soakN, good.requests, good.slowest, st)
}

// handleInSomeWay answers in one of the ways that a program may: at once, with the body read or not,
// as it comes, later, with much. What it was depends on the target; the good client gets the echo.
// over is called once, when the exchange has ended in one way or another.
func handleInSomeWay(w server.Response, r server.Request, over func()) {
	once := sync.OnceFunc(over)
	w.OnAbort(once)
	end := func(body string) { w.End(body); once() }
	method, target := string(r.Method()), string(r.Target())
	kind := crc32.ChecksumIEEE([]byte(target)) % 6
	switch {
	case method == "CONNECT":
		w.Status(501)
		end("")
	case bytes.HasPrefix(r.Target(), []byte("/good")) || kind == 0:
		r.Body(maxBody, func(body []byte) { end(echo(method, target, body)) })
	case kind == 1: // the body is left to the server
		end(echo(method, target, nil)[:5])
	case kind == 2: // an echo as it comes
		r.Stream(func(p []byte, last bool) {
			if w.Write(p); last {
				end("")
			}
		})
	case kind == 3: // later
		w.After(20*time.Millisecond, func() { end("later") })
	case kind == 4: // from elsewhere
		go w.Post(func() { end("from elsewhere") })
	default: // much, as fast as it is taken
		piece, left := bytes.Repeat([]byte("much "), 4000), 100
		var more func()
		more = func() {
			for ; left > 0 && !w.Full(); left-- {
				if _, err := w.Write(piece); err != nil {
					once()
					return
				}
			}
			if left == 0 {
				end("")
			} else {
				w.OnDrain(more)
			}
		}
		more()
	}
}

// liveHeap returns what is in use once pools are empty.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// settle waits until the server has no connection.
func settle(t *testing.T, s *server.Server) {
	eventually(t, "connections are left", func() bool { return s.Stats().Conns == 0 })
}

// eventually gives what happens on other goroutines the time to happen.
func eventually(t *testing.T, fault string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s\n%s", fault, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// openDescriptors counts this process's, or is 0 where the system does not list them.
func openDescriptors() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}

type goodwill struct {
	requests, connections uint64
	slowest               time.Duration
	most                  time.Duration // it may take from one answer to the next; 0: any time
}

// goodClient makes requests on a few connections, one after the other, and wants each answered. Where
// a busy machine does not let it go on for longer than the server waits, it has come too late.
func goodClient(t *testing.T, addr string, most time.Duration, stop chan struct{}) chan goodwill {
	result := make(chan goodwill, 1)
	go func() {
		g := goodwill{most: most}
		defer func() { result <- g }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			g.connections++
			if err := g.connection(addr, 20); err != nil {
				t.Errorf("a client that does no harm: %v", err)
				return
			}
		}
	}()
	return result
}

func (g *goodwill) connection(addr string, requests int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	body := bytes.Repeat([]byte("x"), 3000)
	answered := time.Now()
	for i := range requests {
		target := fmt.Sprintf("/good/%d", i)
		want := echo("POST", target, body)
		start := time.Now()
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
		if err := expect(c, want); err != nil {
			if g.most > 0 && time.Since(answered) > g.most {
				return nil
			}
			return err
		}
		answered = time.Now()
		g.requests++
		time.Sleep(time.Millisecond) // it has something else to do too
		g.slowest = max(g.slowest, time.Since(start))
	}
	return nil
}

// expect reads one answer, and wants its body to be want.
func expect(c io.Reader, want string) error {
	var received []byte
	p := make([]byte, 4096)
	for {
		n, err := c.Read(p)
		received = append(received, p[:n]...)
		answer, used, e := fuzz.ReadResponse(received, "POST", false)
		switch {
		case e == nil && (answer.Body != want || used != len(received)):
			return fmt.Errorf("received %.1000q, wanted %q", received, want)
		case e == nil:
			return nil
		case err != nil:
			return fmt.Errorf("received %.1000q, and then %w", received, err)
		}
	}
}
