// Handlers under load: clients that are slow, many, or gone.

package nethttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// TestCloseFreesHandlers: handlers that read, or write, are not left hanging
// when the server is closed, nor when their clients go.
func TestCloseFreesHandlers(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*rig, *caller){
		"Close":  func(s *rig, c *caller) { s.Close() },
		"client": func(s *rig, c *caller) { c.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "client" && !loopback.SeesResets(t) {
				t.Skip(loopback.UnseenReset)
			}
			began, ended := make(chan bool, 2), make(chan error, 2)
			s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				began <- true
				var err error
				if r.Method == "POST" {
					_, err = io.ReadAll(r.Body)
				} else {
					for err == nil {
						_, err = io.WriteString(w, long)
					}
				}
				ended <- err
			}), 0))
			reader, writer := s.dial(), s.dial()
			reader.Send(request("POST", "/", "Content-Length: 10"))
			writer.Send(get("/"))
			wait(t, began)
			wait(t, began)
			until(t, "the output is full", func() (full bool) {
				s.do(func() {
					for c := range s.loop.Load().Conns() {
						full = full || c.Full()
					}
				})
				return
			})
			leave(s, reader)
			leave(s, writer)
			for range 2 {
				if err := wait(t, ended); err == nil {
					t.Error("no error")
				}
			}
		})
	}
}

// TestSlowClientsMemory: what the clients do not read the handlers wait for, and
// what the handlers do not read the clients.
func TestSlowClientsMemory(t *testing.T) {
	const clients, size = 20, 16 << 20
	release := make(chan bool)
	var written sync.Map
	s := start(t, &server.Server{MaxBody: -1, WriteTimeout: -1}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			<-release
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
			return
		}
		piece := make([]byte, 64<<10)
		for n := 0; n < size; n += len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
			written.Store(r.RemoteAddr, n)
		}
	}), 0))
	measure := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := measure()
	var readers, writers []*caller
	for range clients {
		c := s.dial()
		c.SetDeadline(time.Now().Add(6 * patience))
		c.Send(get("/"))
		readers = append(readers, c)
		c = s.dial()
		c.SetDeadline(time.Now().Add(6 * patience))
		c.Send(request("POST", "/", fmt.Sprint("Content-Length: ", size)))
		writers = append(writers, c)
		go func() {
			piece := make([]byte, 64<<10)
			for n := 0; n < size; n += len(piece) {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		}()
	}
	settled := func() string {
		var text string
		written.Range(func(k, v any) bool { text += fmt.Sprint(k, v); return true })
		return text + fmt.Sprint(s.bytesIn())
	}
	for last, same := "", 0; same < 5; time.Sleep(10 * time.Millisecond) {
		if now := settled(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
	// 64 KB of the test's own for each, and some 250 KB of ours.
	if each := (measure() - before) / clients; each > 600<<10 {
		t.Errorf("two slow clients hold %d bytes", each)
	} else {
		t.Logf("two slow clients hold %d bytes", each)
	}
	close(release)
	for _, c := range readers {
		resp, err := http.ReadResponse(c.In, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
	}
	for _, c := range writers {
		c.Want(fmt.Sprint("200 ", size, " <nil>"))
	}
}

// TestDescriptorsOfFiles: the descriptors that answers hold are closed with
// them, sent or not.
func TestDescriptorsOfFiles(t *testing.T) {
	before := loopback.Descriptors(t)
	t.Run("serve", func(t *testing.T) {
		path := loopback.TempDir(t) + "/f"
		if err := os.WriteFile(path, make([]byte, 8<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }), 2))
		for i := range 20 {
			c := s.dial()
			c.Send(get("/"))
			c.In.Peek(1)
			if i%2 == 0 {
				c.Reset()
			} else {
				c.Want("200 " + string(make([]byte, 8<<20)))
				c.Close()
			}
		}
		s.idle()
	})
	until(t, "all are closed", func() bool { return loopback.Descriptors(t) <= before })
}

// TestMix has many clients do many things at a time, some of whom leave in the
// middle: every answer is the one to its request, and nothing is left over.
func TestMix(t *testing.T) {
	t.Parallel()
	data := loopback.Pattern(300 << 10)
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		switch r.URL.Path {
		case "/echo":
			io.Copy(w, r.Body)
		case "/late":
			all, _ := io.ReadAll(r.Body)
			w.Write(all)
		case "/half":
			io.CopyN(w, r.Body, 1000)
		case "/panic":
			w.Write(data[:3000])
			panic(http.ErrAbortHandler)
		}
	}), 6)
	s := start(t, &server.Server{Loops: 2}, a.serve)
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(g)))
			k := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer k.CloseIdleConnections()
			for range 60 {
				s.mixOnce(k, rnd, data)
			}
		})
	}
	wg.Wait()
	s.idle()
	until(t, "all goroutines are idle", func() bool {
		running, idle, waiting := a.pool.counts()
		return running == idle && running <= 6 && waiting == 0
	})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// mixOnce makes one request of TestMix, and looks at what comes of it.
func (s *rig) mixOnce(k *http.Client, rnd *rand.Rand, data []byte) {
	t := s.t
	path := []string{"/echo", "/late", "/half", "/panic"}[rnd.IntN(4)]
	from := rnd.IntN(1000)
	body := data[from : from+rnd.IntN([]int{1, 100, 3000, 290 << 10}[rnd.IntN(4)])]
	want := string(body)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var src io.Reader = bytes.NewReader(body)
	if rnd.IntN(2) == 0 {
		src = struct{ io.Reader }{src} // chunked
	}
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.addr.String()+path, src)
	if err != nil {
		t.Error(err)
	}
	// What is left of a large body costs the connection, which an answer
	// that was begun before has not said: no request is to follow it.
	req.Close = path == "/half"
	if leaves := rnd.IntN(5) == 0; leaves {
		go func() { runtime.Gosched(); cancel() }()
	}
	var got []byte
	resp, err := k.Do(req)
	if err == nil {
		got, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	switch {
	case ctx.Err() != nil: // whatever
	case path == "/panic":
		if err == nil {
			t.Errorf("%s: %d bytes pass for whole", path, len(got))
		}
	case path == "/half":
		if err == nil && string(got) != want[:min(1000, len(want))] {
			t.Errorf("%s of %d: %d bytes", path, len(want), len(got))
		}
	case err != nil || string(got) != want:
		t.Errorf("%s of %d: %d bytes, %v", path, len(want), len(got), err)
	}
}

// TestBodyWhileWaiting: of a body whose request waits for a goroutine only the
// beginning is held, and later all of it comes.
func TestBodyWhileWaiting(t *testing.T) {
	t.Parallel()
	began, release := make(chan bool), make(chan bool)
	s, p := startPool(t, &server.Server{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			began <- true
			<-release
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}), 1)
	first, second := s.dial(), s.dial()
	first.Send(get("/"))
	wait(t, began)
	const size = 8 << 20
	second.Send(request("POST", "/", fmt.Sprint("Content-Length: ", size)))
	before := s.bytesIn()
	sent := make(chan bool)
	go func() {
		second.Write(make([]byte, size))
		close(sent)
	}()
	until(t, "it waits", func() bool { _, _, w := p.counts(); return w == 1 })
	for last := uint64(0); last != s.bytesIn(); time.Sleep(10 * time.Millisecond) {
		last = s.bytesIn()
	}
	if n := s.bytesIn() - before; n > 128<<10 {
		t.Errorf("%d bytes of a body that nobody reads have been read", n)
	}
	close(release)
	first.Want("200")
	wait(t, sent)
	second.Want(fmt.Sprint("200 ", size, " <nil>"))
}

// TestBehindAnother: a native handler hands some of its requests on, and
// may have done something before.
func TestBehindAnother(t *testing.T) {
	t.Parallel()
	std := Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%q %v", b, err)
	}), 2)
	s := start(t, &server.Server{}, func(w server.Response, r server.Request) {
		switch string(r.Path()) {
		case "/set":
			w.Set("X-Native", "1")
			std(w, r)
		case "/taken":
			r.Stream(func([]byte, bool) {})
			std(w, r)
		case "/late":
			w.After(time.Millisecond, func() { std(w, r) })
		case "/over":
			w.End("over")
			std(w, r)
		}
	})
	c := s.dial()
	c.Send(post("/set", "abc"))
	if a := c.Want(`200 "abc" <nil>`); a.Header.Get("X-Native") != "1" {
		t.Error(a.Header)
	}
	c.Send(post("/taken", "abc"))
	c.Want(`200 "" ` + errTaken.Error())
	c.Send(get("/over"))
	c.Want("200 over")
	c.Send(get("/late"))
	c.WantEnd()
	s.idle()
	s.logs.Want(t, "within the server's Handler")
}

// TestFlushes hands over the head alone, and then little very often: nothing is
// lost between the loop, which takes its time for a large head, and what comes
// meanwhile.
func TestFlushes(t *testing.T) {
	t.Parallel()
	large := string(bytes.Repeat([]byte("x"), 40<<10))
	a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Large", large)
		f := w.(http.Flusher)
		for i := range 20 {
			f.Flush()
			for c := w.(*response).call; ; runtime.Gosched() { // until the loop is at it
				c.mu.Lock()
				begun := !c.posted
				c.mu.Unlock()
				if begun {
					break
				}
			}
			fmt.Fprintf(w, "%d,", i)
		}
	}), 4)
	a.quick = 0 // on a goroutine beside the loop
	s := start(t, &server.Server{Loops: 2}, a.serve)
	want := ""
	for i := range 20 {
		want += fmt.Sprintf("%d,", i)
	}
	rounds := 300
	if debugBuild {
		rounds = 30 // each takes ten times as long
	}
	c := s.dial()
	for range rounds {
		c.SetDeadline(time.Now().Add(patience)) // for one
		c.Send(get("/"))
		c.Want("200 " + want)
	}
}
