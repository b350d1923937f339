// The goroutines that call handlers: who gets one, in which order, and that none is
// left over.

package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

// gate is a handler that says which request has come, and answers when it is
// let.
type gate struct {
	came chan string
	open chan bool
}

func newGate() *gate { return &gate{make(chan string, 100), make(chan bool, 100)} }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.came <- r.URL.Path
	<-g.open
	io.WriteString(w, r.URL.Path)
}

// startPool starts a server for h, and returns the pool of its goroutines.
func startPool(t testing.TB, s *server.Server, h http.Handler, workers int) (*rig, *pool) {
	a := newAdapter(h, workers)
	a.quick = 0 // all go to the pool
	return start(t, s, a.serve), &a.pool
}

func (p *pool) counts() (running, idle, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, len(p.idle), p.waiting
}

// TestWorkerQueue: with one worker requests are answered in the order they came,
// and those whose clients leave meanwhile are not.
func TestWorkerQueue(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, p := startPool(t, &server.Server{}, g, 1)
	waiting := func(n int) {
		t.Helper()
		until(t, fmt.Sprint(n, " requests wait"), func() bool { _, _, w := p.counts(); return w == n })
	}
	var clients []*caller
	for i := range 8 {
		c := s.dial()
		c.Send(get(fmt.Sprint("/", i)))
		if i == 0 {
			wait(t, g.came)
		}
		waiting(i)
		clients = append(clients, c)
	}
	clients[2].Reset()
	waiting(6)
	clients[5].Reset()
	waiting(5)
	clients[7].Reset()
	waiting(4)
	for _, i := range []int{0, 1, 3, 4, 6} {
		if i > 0 {
			if path := wait(t, g.came); path != fmt.Sprint("/", i) {
				t.Errorf("%s comes before /%d", path, i)
			}
		}
		g.open <- true
		clients[i].Want(fmt.Sprint("200 /", i))
	}
	if n, _, _ := p.counts(); n != 1 {
		t.Errorf("%d goroutines", n)
	}
}

// TestWorkerQueueFin: a client that has shut down its sending side may still
// read, so its request is served.
func TestWorkerQueueFin(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, p := startPool(t, &server.Server{}, g, 1)
	first, second := s.dial(), s.dial()
	first.Send(get("/1"))
	wait(t, g.came)
	second.Send(get("/2"))
	second.FIN()
	until(t, "it waits", func() bool { _, _, w := p.counts(); return w == 1 })
	g.open <- true
	g.open <- true
	first.Want("200 /1")
	second.Want("200 /2")
}

// TestWorkerQueueFull: past its bound requests are answered with 503.
func TestWorkerQueueFull(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, p := startPool(t, &server.Server{}, g, 1)
	first, second := s.dial(), s.dial()
	first.Send(get("/1"))
	wait(t, g.came)
	p.mu.Lock()
	p.waiting += mostWaiting
	p.mu.Unlock()
	second.Send(get("/2"))
	second.Want("503")
	p.mu.Lock()
	p.waiting -= mostWaiting
	p.mu.Unlock()
	g.open <- true
	first.Want("200 /1")
}

// TestWorkersEnd: goroutines end when they have had nothing to do for a while,
// and all of them in time.
func TestWorkersEnd(t *testing.T) {
	t.Parallel()
	// The pool sweeps by itself after some seconds, for which the machine may be busy. So it is asked until it does not.
	until(t, "those end that have had nothing to do", func() bool { return workersEnd(t) })
}

func workersEnd(t *testing.T) bool {
	g := newGate()
	s, p := startPool(t, &server.Server{}, g, 0)
	defer s.Close()
	are := func(n int) bool { running, idle, _ := p.counts(); return running == n && idle == n }
	var clients []*caller
	for range 20 {
		c := s.dial()
		defer c.Close()
		c.Send(get("/"))
		clients = append(clients, c)
	}
	for range clients {
		wait(t, g.came)
	}
	ask := func(clients ...*caller) {
		for range clients {
			g.open <- true
		}
		for _, c := range clients {
			c.Want("200 /")
		}
		until(t, "they are idle", func() bool { running, idle, _ := p.counts(); return running == idle })
	}
	ask(clients...)
	all := are(20)
	p.sweep() // begins to watch
	c := clients[0]
	c.Send(get("/"))
	wait(t, g.came)
	ask(c)
	p.sweep()
	one := are(1)
	p.sweep()
	none := are(0)
	c.Send(get("/"))
	wait(t, g.came)
	ask(c)
	return all && one && none
}

// TestGoexit: a handler that ends its goroutine, as t.FailNow does, costs its
// connection and no more.
func TestGoexit(t *testing.T) {
	t.Parallel()
	s, p := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exit" {
			runtime.Goexit()
		}
		io.WriteString(w, "ok")
	}), 1)
	for range 3 {
		bad, good := s.dial(), s.dial()
		bad.Send(get("/exit"))
		good.Send(get("/"))
		bad.WantEnd()
		good.Want("200 ok")
	}
	until(t, "one goroutine is idle", func() bool { running, idle, _ := p.counts(); return running == 1 && idle == 1 })
}

// TestPanicLogged is net/http's rule: all but ErrAbortHandler.
func TestPanicLogged(t *testing.T) {
	t.Parallel()
	s, _ := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic(errors.New("the reason"))
	}), 1)
	c := s.dial()
	c.Send(get("/abort"))
	c.WantEnd()
	s.idle()
	if text := s.logs.Take(); text != "" {
		t.Errorf("logged: %s", text)
	}
	c = s.dial()
	c.Send(get("/"))
	c.WantEnd()
	s.idle()
	s.logs.Want(t, "http: panic serving "+c.LocalAddr().String(), "the reason", "TestPanicLogged")
}

// TestHijackedDoNotCount: goroutines that have a connection of their own leave
// their places to others.
func TestHijackedDoNotCount(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	held := make(chan bool)
	s, p := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "mine")
		<-held
		line, _ := rw.ReadString('\n')
		io.WriteString(c, line)
	}), 1)
	var clients []*caller
	for range 5 {
		c := s.dial()
		c.Send(get("/") + "line\n")
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "mine" {
			t.Fatalf("%q, %v", b, err)
		}
		clients = append(clients, c)
	}
	close(held)
	for _, c := range clients {
		if all, err := io.ReadAll(c); err != nil || string(all) != "line\n" {
			t.Errorf("%q, %v", all, err)
		}
	}
	until(t, "no goroutine is left", func() bool { running, idle, waiting := p.counts(); return running+idle+waiting == 0 })
}

// TestShutdownWaits: Shutdown waits for handlers that run, for those that wait
// for a goroutine, and for those whose clients have left.
func TestShutdownWaits(t *testing.T) {
	t.Parallel()
	g := newGate()
	s, p := startPool(t, &server.Server{DrainTimeout: time.Millisecond}, g, 2)
	gone := s.dial()
	gone.Send(get("/gone"))
	wait(t, g.came)
	gone.Reset()
	s.idle()
	clients := []*caller{s.dial(), s.dial()}
	for i, c := range clients {
		c.Send(get("/"))
		if i == 0 {
			wait(t, g.came)
		}
	}
	until(t, "one waits", func() bool { _, _, w := p.counts(); return w == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	until(t, "the server is stopping", func() bool {
		c, err := net.Dial("tcp", s.addr.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	g.open <- true // for one of the two that run
	wait(t, g.came)
	g.open <- true
	select {
	case err := <-done: // the last runs, whosever it is
		t.Errorf("Shutdown has not waited: %v", err)
	default:
	}
	g.open <- true
	for _, c := range clients {
		c.Want("200 /")
	}
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}
