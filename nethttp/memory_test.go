// What requests hold that wait for a goroutine.

package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/server"
)

// TestMaxMemory: bodies and heads of requests that wait for a goroutine count for
// Server.MaxMemory, and no more when they are answered.
func TestMaxMemory(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	for name, in := range map[string]string{
		"bodies": fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", 100_000, strings.Repeat("b", 40_000)),
		"heads":  fmt.Sprintf("GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", strings.Repeat("x", 15_000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := make(chan bool)
			a := newAdapter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-open
				io.WriteString(w, "ok")
			}), 1)
			s := start(t, &server.Server{MaxMemory: most}, a.serve)
			first := s.dial()
			first.Send(get("/first"))
			until(t, "the worker is taken", func() bool { return s.Stats().Answering == 1 })
			for range 100 {
				s.dial().Write([]byte(in)) // may be reset already
			}
			until(t, "some are reset", func() bool { return s.Stats().Limits.MaxMemory > 0 })
			until(t, "what is held is less", func() bool { n := s.Stats().Held; return 0 < n && n <= most })
			close(open)
			first.Want("200 ok")
			until(t, "no more counts for those that were served", func() bool { return s.Stats().Held <= most/4 })
			s.Close()
			s.logs.Take()
		})
	}
}
