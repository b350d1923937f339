// Handlers that the loop calls itself: what is quick stays there, and what is not holds
// up nobody.

package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

// startHere starts a server whose loop calls all handlers itself.
func startHere(t *testing.T, s *server.Server, h http.HandlerFunc, workers int) *rig {
	a := newAdapter(h, workers)
	a.quick, a.wary = time.Hour, 0
	return start(t, s, a.serve)
}

// TestPipelineIsOneWrite: answers to what one read has brought leave together, also when
// many clients have sent as much at the same time. A loop sends what it has when its
// portion of a turn is used up, which under the race detector, on a busy machine, comes
// after a few answers already: so two in a write on average will do, and it is asked until
// they are.
func TestPipelineIsOneWrite(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 16} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := startHere(t, &server.Server{}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }, 4)
			var clients []*caller
			for range n {
				c := s.dial()
				c.Send(get("/first"))
				c.Want("200 /first")
				clients = append(clients, c)
			}
			until(t, fmt.Sprintf("%d times 16 answers take at most %d writes", n, 8*n), func() bool {
				return s.writesOf(clients, 16) <= uint64(8*n)
			})
		})
	}
}

// writesOf returns how many writes the loop needs for the answers to so many requests of
// each client, all of which have come when it looks.
func (s *rig) writesOf(clients []*caller, requests int) uint64 {
	s.bytesIn()
	before := s.loop.Load().Stats()
	sent := make(chan bool)
	s.loop.Load().Post(func() { <-sent })
	for _, c := range clients {
		var in strings.Builder
		for i := range requests {
			in.WriteString(get(fmt.Sprint("/", i)))
		}
		c.Send(in.String())
	}
	close(sent)
	for _, c := range clients {
		for i := range requests {
			c.Want(fmt.Sprint("200 /", i))
		}
	}
	s.bytesIn()
	return s.loop.Load().Stats().Writes - before.Writes
}

// TestSlowHandlerHoldsNoAnswer: what is answered already leaves while the next
// handler of the same pipeline waits, and other connections are served meanwhile.
func TestSlowHandlerHoldsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(open chan bool){
		"a channel": func(open chan bool) { <-open },
		"a spin": func(open chan bool) {
			for len(open) == 0 {
				runtime.Gosched()
			}
			<-open
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := make(chan bool, 1)
			s := startHere(t, &server.Server{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					wait(open)
				}
				io.WriteString(w, r.URL.Path)
			}, 0)
			c, other := s.dial(), s.dial()
			c.Send(get("/1") + get("/2") + get("/slow") + get("/3"))
			c.Want("200 /1")
			c.Want("200 /2")
			other.Send(get("/other"))
			other.Want("200 /other")
			open <- true
			c.Want("200 /slow")
			c.Want("200 /3")
		})
	}
}

// TestQuickHandlersAreLearned: the loop calls what was quick, and no more what was not. The
// machine may be busy at any time, so it is asked until that is seen.
func TestQuickHandlersAreLearned(t *testing.T) {
	t.Parallel()
	var s *rig
	s = start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here := s.loop.Load().Here()
		if r.URL.Path == "/slow" {
			time.Sleep(2 * slow)
		}
		fmt.Fprint(w, here)
	}), 4))
	c := s.dial()
	for _, want := range []struct{ path, answer string }{{"/slow", "200 false"}, {"/quick", "200 true"}, {"/slow", "200 false"}} {
		until(t, want.path+" is called where it should be", func() bool {
			c.Send(get(want.path))
			a, err := c.Answer("GET")
			return err == nil && a.String() == want.answer
		})
	}
}

// TestWaitingForTheLoop: the time that a goroutine of the pool waits for the loop to take what
// it writes does not count as the handler's.
func TestWaitingForTheLoop(t *testing.T) {
	t.Parallel()
	counted := make(chan time.Duration, 1)
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := w.(*response).call
		waits := func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.out.direct != nil
		}
		c.w.Post(func() { // the loop is busy
			for !waits() {
				runtime.Gosched()
			}
			time.Sleep(slow)
		})
		w.Write(make([]byte, mostWritten+1))
		counted <- c.aside
	}), 4)
	a.quick = 0 // all are called by the pool
	s := start(t, &server.Server{}, a.serve)
	s.dial().Send(get("/"))
	if d := wait(t, counted); d < slow {
		t.Errorf("%v do not count, and the handler waited for %v", d, slow)
	}
}

// TestLossIsRemembered: after a handler that has lost the loop, so many of its kind are
// called elsewhere.
func TestLossIsRemembered(t *testing.T) {
	t.Parallel()
	// A handler that the machine holds up loses the loop too. So it is asked until none is held up.
	until(t, "losses are remembered by kind", func() bool { return lossIsRemembered(t) })
}

// lossIsRemembered asks a server for a handler that loses the loop, and for another, and reports
// whether those are called on the loop that should be.
func lossIsRemembered(t *testing.T) bool {
	const after = 5
	var s *rig
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here := s.loop.Load().Here()
		if r.URL.Path == "/wait" {
			w.(http.Flusher).Flush() // which gives the loop away
		}
		fmt.Fprint(w, here)
	}), 4)
	a.quick, a.wary = time.Hour, after
	s = start(t, &server.Server{}, a.serve)
	defer s.Close()
	other := "/other"
	for kindOf("GET", other) == kindOf("GET", "/wait") {
		other += "s"
	}
	c := s.dial()
	defer c.Close()
	isHere := func(path string) string {
		c.Send(get(path))
		a, err := c.Answer("GET")
		if err != nil {
			t.Fatal(err)
		}
		return a.Text
	}
	for range 2 {
		if isHere("/wait") != "true" || isHere(other) != "true" {
			return false
		}
		for range after {
			if isHere("/wait?here=no") != "false" {
				return false
			}
		}
	}
	return true
}

// TestLimitHere: handlers that loops call count as those of the pool do.
func TestLimitHere(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			var now, most, all atomic.Int32
			a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if all.Add(1)%8 == 0 {
					time.Sleep(2 * slow) // the loop goes on elsewhere
				}
				io.WriteString(w, "ok")
			}), workers)
			a.quick, a.wary = time.Hour, 0
			s := start(t, &server.Server{Loops: 4}, a.serve)
			var clients []*caller
			for range 16 {
				clients = append(clients, s.dial())
			}
			for range 8 {
				for _, c := range clients {
					c.Send(get("/"))
				}
				for _, c := range clients {
					c.Want("200 ok")
				}
			}
			if n := most.Load(); int(n) > workers {
				t.Errorf("%d handlers at a time, of %d workers", n, workers)
			}
			until(t, "none counts any more", func() bool {
				a.pool.mu.Lock()
				defer a.pool.mu.Unlock()
				return a.pool.here == 0 && a.pool.running == len(a.pool.idle) && a.pool.waiting == 0
			})
		})
	}
}

// TestOthersWriteHere: goroutines of the handler may write while the loop is lent to it.
func TestOthersWriteHere(t *testing.T) {
	t.Parallel()
	s := startHere(t, &server.Server{}, func(w http.ResponseWriter, r *http.Request) {
		done := make(chan bool)
		go func() {
			defer close(done)
			for range 100 {
				w.Write(make([]byte, 10<<10))
			}
		}()
		<-done
		w.(http.Flusher).Flush()
		io.WriteString(w, "end")
	}, 0)
	c := s.dial()
	for range 5 {
		c.Send(get("/"))
		a, err := c.Answer("GET")
		if err != nil || len(a.Text) != 1000<<10+3 {
			t.Fatalf("%d bytes, %v", len(a.Text), err)
		}
	}
}

// TestExitHere: a handler that ends its goroutine while the loop is lent to it, or
// after it was taken over, costs its connection and no more.
func TestExitHere(t *testing.T) {
	t.Parallel()
	s := startHere(t, &server.Server{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			time.Sleep(4 * slow)
			runtime.Goexit()
		case "/soon":
			runtime.Goexit()
		case "/panic":
			time.Sleep(4 * slow)
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "ok")
	}, 2)
	for range 3 {
		for _, path := range []string{"/soon", "/late", "/panic"} {
			bad, good := s.dial(), s.dial()
			bad.Send(get(path))
			good.Send(get("/"))
			bad.WantEnd()
			good.Want("200 ok")
		}
	}
}

func blocks(begun chan<- bool, end <-chan bool) { begun <- true; <-end }

// TestBlockedLoopIsNamed: a handler that has lost the loop does not block it. The report
// names the callback that does.
func TestBlockedLoopIsNamed(t *testing.T) {
	t.Parallel()
	waits, begun, end := make(chan bool), make(chan bool, 8), make(chan bool)
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begun <- true; <-waits }), 8)
	a.quick, a.wary = time.Hour, 0
	s := start(t, &server.Server{SlowCallback: 400 * time.Millisecond}, func(w server.Response, r server.Request) {
		if string(r.Path()) == "/blocks" {
			blocks(begun, end)
			w.End("")
			return
		}
		a.serve(w, r)
	})
	for range 8 {
		s.dial().Send(get("/waits"))
		wait(t, begun)
	}
	// Whatever takes as long because the machine is busy is reported too. So it is asked until what blocks is.
	until(t, "the report names what blocks", func() bool {
		c := s.dial()
		c.Send(get("/blocks"))
		wait(t, begun)
		var text string
		until(t, "it is reported", func() bool { text = s.logs.Take(); return text != "" })
		end <- true
		c.Want("200")
		return strings.Contains(text, "nethttp.blocks ")
	})
	close(waits)
	s.Close()
	s.serve <- wait(t, s.serve)
	s.logs.Take()
}
