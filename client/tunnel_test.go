// Connections that become something else, are opened by others, or encrypted.

package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestHijack has a server switch, with bytes after its head.
func TestHijack(t *testing.T) {
	t.Parallel()
	url := peers(t, func(p *peer) {
		switch head := p.Head(); {
		case head == "":
			return
		case strings.HasPrefix(head, "CONNECT"):
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		default:
			p.Say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello")
		}
		io.Copy(p, p.In)
	})
	r := start(t, &Client{})
	for _, c := range []struct {
		method string
		status int
		later  bool
	}{{"GET", 101, false}, {"GET", 101, true}, {"CONNECT", 200, false}, {"CONNECT", 200, true}} {
		ch, all := make(chan error, 1), ""
		r.do(func() {
			q := r.pool.Request(c.method, url)
			if c.method == "CONNECT" {
				q.Target("example.com:80")
			} else {
				q.Set("Connection", "Upgrade")
				q.Set("Upgrade", "echo")
			}
			q.Do(func(a Response, err error) {
				if err != nil || a.Status() != c.status {
					ch <- errors.New(fmt.Sprint("answered ", a.Status(), err))
					return
				}
				take := func() {
					h := &conn.Handler{
						Data: func(c *conn.Conn, p []byte) int {
							if all += string(p); all == "hello, world" {
								c.CloseWrite()
							}
							return len(p)
						},
						Close: func(_ *conn.Conn, err error) { ch <- err },
					}
					c, err := a.Hijack(h)
					if err != nil {
						ch <- err
						return
					}
					c.WriteString(", world")
				}
				if c.later {
					r.loop.Post(take)
				} else {
					take()
				}
			})
			q.End("")
		})
		if err := wait(t, ch); err != io.EOF && err != nil || all != "hello, world" {
			t.Errorf("%+v: %v, %q", c, err, all)
		}
	}
	r.do(func() {
		for _, o := range r.pool.origins {
			if o.open != 0 {
				t.Errorf("%d connections count still", o.open)
			}
		}
	})
}

// TestNoBodyOfATunnel has the program read an answer that Hijack is for.
func TestNoBodyOfATunnel(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
	r := start(t, &Client{})
	g := r.ask("GET", url, func(q Request) { // Stream returns the error
		q.Set("Connection", "upgrade")
		q.Set("Upgrade", "echo")
		q.End("")
	})
	if g.err != ErrHijack {
		t.Error(g)
	}
}

// TestRefusedUpgrade is an answer like others, and its connection is used again.
func TestRefusedUpgrade(t *testing.T) {
	t.Parallel()
	url := always(t, okAnswer)
	r := start(t, &Client{})
	for range 2 {
		r.ask("GET", url, func(q Request) {
			q.Set("Connection", "Upgrade")
			q.Set("Upgrade", "echo")
			q.End("")
		}).want(t, "200 ok")
	}
	if n := r.Stats().Dials; n != 1 {
		t.Errorf("%d connections", n)
	}
}

func secure(t *testing.T) (url string, config *tls.Config) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.TLS.NegotiatedProtocol, body)
	}))
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, &tls.Config{RootCAs: roots}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	url, config := secure(t)
	r := start(t, &Client{TLS: config})
	big := strings.Repeat("x", 100_000)
	for range 3 {
		r.get(url).want(t, "200 http/1.1")
		r.ask("POST", url, func(q Request) { q.End(big) }).want(t, "200 http/1.1 "+big)
	}
	if st := r.Stats(); st.Dials != 1 {
		t.Errorf("%d connections", st.Dials)
	}
	ch := make(chan bool, 1)
	r.do(func() {
		r.pool.Get(url, func(a Response, err error) { ch <- a.TLS() != nil && a.Reused(); a.Body(100, func([]byte, error) {}) })
	})
	if !wait(t, ch) {
		t.Error("no TLS state, or not reused")
	}
	g := start(t, &Client{}).get(url)
	var unknown x509.UnknownAuthorityError
	if e, ok := g.err.(*Error); !ok || e.Phase != TLS || !errors.As(g.err, &unknown) {
		t.Error(g)
	}
}

// TestConnect opens connections by code that blocks, and adopts them.
func TestConnect(t *testing.T) {
	t.Parallel()
	secureURL, config := secure(t)
	plainURL := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	n := 0
	r := start(t, &Client{TLS: config, Connect: func(l *conn.Loop, addr string, h *conn.Handler, fail func(error)) {
		n++
		go func() {
			nc, err := net.Dial("tcp", addr)
			l.Post(func() {
				if err == nil {
					_, err = l.Adopt(nc, h)
				}
				if err != nil {
					fail(err)
				}
			})
		}()
	}})
	for range 3 {
		r.get(plainURL).want(t, "200 "+strings.TrimPrefix(plainURL, "http://"))
		r.get(secureURL).want(t, "200 http/1.1")
	}
	if n != 2 {
		t.Errorf("Connect was called %d times", n)
	}
	if g := r.get("http://127.0.0.1:1/"); g.err == nil || g.err.(*Error).Phase != Dial {
		t.Error(g)
	}
}
