// HTTP/2 beside HTTP/1.1 on one listener.

package nethttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// startBoth is a server with a handler for either version, and clients of both.
func startBoth(t *testing.T, s *server.Server, h http.Handler) (r *rig, url string, one, two *http.Client) {
	t.Helper()
	if err := HTTP2(s, h); err != nil {
		t.Fatal(err)
	}
	r, addr := startTLS(t, s, Handler(h, 4))
	client := func(h2 bool) *http.Client {
		tr := &http.Transport{TLSClientConfig: loopback.Example().Config(), ForceAttemptHTTP2: h2}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr, Timeout: patience}
	}
	return r, "https://" + addr.String(), client(false), client(true)
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	r, url, one, two := startBoth(t, &server.Server{Loops: 2, MaxBody: 1 << 20}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d %v %v", r.Proto, r.URL.Path, len(b), err, r.TLS != nil)
	}))
	var wg sync.WaitGroup
	for _, c := range []struct {
		*http.Client
		proto string
	}{{one, "HTTP/1.1"}, {two, "HTTP/2.0"}} {
		for i := range 20 {
			wg.Go(func() {
				body := bytes.Repeat([]byte("x"), i*10_000)
				resp, err := c.Post(url+"/a", "text/plain", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if want := fmt.Sprintf("%s /a %d <nil> true", c.proto, len(body)); string(b) != want || err != nil {
					t.Errorf("%q, %v; want %q", b, err, want)
				}
			})
		}
	}
	wg.Wait()
	resp, err := two.Post(url, "", bytes.NewReader(make([]byte, 2<<20)))
	if err == nil {
		b, _ := io.ReadAll(resp.Body)
		if resp.Body.Close(); !strings.Contains(string(b), "too large") {
			t.Errorf("beyond MaxBody: %q", b)
		}
	}
	if n := r.Stats().Others; n < 1 {
		t.Errorf("%d connections are counted", n)
	}
	until(t, "no connection is left", func() bool { // one that was dialled for another request may turn idle later
		two.CloseIdleConnections()
		one.CloseIdleConnections()
		st := r.Stats()
		return st.Conns+st.Others == 0
	})
}

// TestHTTP2NotOffered: without HTTP2 a client that could is told that it cannot.
func TestHTTP2NotOffered(t *testing.T) {
	t.Parallel()
	_, addr := startTLS(t, &server.Server{}, Handler(http.NotFoundHandler(), 1))
	cfg := loopback.Example().Config()
	cfg.NextProtos = []string{"h2", "http/1.1"}
	k := mustDialTLS(t, addr, cfg)
	if p := k.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Error(p)
	}
}

// TestHTTP2TooLate: it is offered before ListenTLS, and once.
func TestHTTP2TooLate(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	s := &server.Server{}
	if err := HTTP2(s, nil); err != nil {
		t.Error(err)
	}
	if err := HTTP2(s, nil); err == nil {
		t.Error("twice")
	}
	s = &server.Server{}
	_, addr := startTLS(t, s, Handler(nil, 1))
	mustDialTLS(t, addr, loopback.Example().Config())
	if err := HTTP2(s, nil); err == nil {
		t.Error("after ListenTLS")
	}
}

// TestHTTP2Shutdown waits for requests under way, tells clients to go away, and Close
// does not wait.
func TestHTTP2Shutdown(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	for _, graceful := range []bool{true, false} {
		t.Run(fmt.Sprint(graceful), func(t *testing.T) {
			t.Parallel()
			began, release := make(chan bool, 1), make(chan bool)
			r, url, _, two := startBoth(t, &server.Server{DrainTimeout: 10 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				began <- true
				select {
				case <-release:
				case <-r.Context().Done():
				}
				io.WriteString(w, "done")
			}))
			said := make(chan string, 1)
			go func() {
				resp, err := two.Get(url)
				if err != nil {
					said <- "an error"
					return
				}
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				said <- string(b)
			}()
			wait(t, began)
			if n := r.Stats().Others; n != 1 {
				t.Errorf("%d connections are counted", n)
			}
			done := make(chan error, 1)
			if !graceful {
				r.Close()
				if s := wait(t, said); s != "an error" {
					t.Error(s)
				}
				return
			}
			go func() { done <- r.Shutdown(context.Background()) }()
			select {
			case <-done:
				t.Error("Shutdown has not waited")
			case <-time.After(50 * time.Millisecond):
			}
			close(release)
			if s := wait(t, said); s != "done" {
				t.Error(s)
			}
			if err := wait(t, done); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHTTP2MaxConns: such connections count, and one too many is closed.
func TestHTTP2MaxConns(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	r, url, _, two := startBoth(t, &server.Server{MaxConns: 1}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	resp, err := two.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(resp.Body)
	resp.Body.Close()
	addr := addrOf(strings.TrimPrefix(url, "https://"))
	mustDialTLS(t, addr, loopback.Example().Config()).Want("503") // which comes unasked
	until(t, "no connection is left", func() bool {
		two.CloseIdleConnections()
		st := r.Stats()
		return st.Conns+st.Others == 0
	})
}
