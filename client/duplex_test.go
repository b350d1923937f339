// Requests that go on while they are answered, and what is known of their
// connections.

package client

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestDuplex: with Duplex a request goes on after the head of its answer, and its
// connection serves another; without, it stops there.
func TestDuplex(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
	})
	r := start(t, &Client{})
	for range 2 {
		r.ask("POST", url, func(q Request) {
			q.Duplex()
			asked := q.x.asked
			q.x.asked = func(a Response, err error) { // goes on when the head of the answer is there
				asked(a, err)
				q.WriteString("two ")
				q.End("three")
			}
			q.WriteString("one ")
		}).want(t, "200 one two three")
	}
	if st := r.Stats(); st.Dials != 1 {
		t.Errorf("%d dials", st.Dials)
	}
}

// TestDuplexEndsWithTheAnswer: what is written after the answer's end is refused,
// and the connection is not used again, for half a request is on it.
func TestDuplexEndsWithTheAnswer(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
	r := start(t, &Client{})
	for range 2 {
		var q Request
		r.ask("POST", url, func(p Request) { q = p; q.Duplex(); q.WriteString("half") }).want(t, "403 no")
		r.do(func() {
			if _, err := q.WriteString("more"); err == nil {
				t.Error("no error")
			}
		})
	}
	if st := r.Stats(); st.Dials != 2 {
		t.Errorf("%d dials", st.Dials)
	}
}

// TestOnConn: it comes once for each connection that a request is given, and says
// whether that is new; Abort there sends nothing.
func TestOnConn(t *testing.T) {
	t.Parallel()
	var served atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { served.Add(1) })
	r := start(t, &Client{})
	var saw []string
	for i := range 3 {
		g := r.ask("GET", url, func(q Request) {
			q.OnConn(func(c *conn.Conn, reused bool) {
				if reused {
					saw = append(saw, "reused")
				} else {
					saw = append(saw, "new")
				}
				if c.RemoteAddr() == nil {
					t.Error("no address")
				}
				if i == 2 {
					q.Abort()
				}
			})
			q.End("")
		})
		if (g.err != nil) != (i == 2) {
			t.Error(i, g)
		}
	}
	if s := strings.Join(saw, " "); s != "new reused reused" || served.Load() != 2 {
		t.Error(s, served.Load())
	}
}
