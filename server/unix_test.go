// Unix sockets: their files, and that they know no reset.

package server

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// TestFilesThatFails leaves the files of Unix sockets to this process.
func TestFilesThatFails(t *testing.T) {
	needFiles(t)
	t.Parallel()
	dir := loopback.TempDir(t)
	s := &Server{Handler: mirror, Loops: 1}
	for _, name := range []string{"a", "b"} {
		if _, err := s.Listen("unix", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.listeners[1].Close() // so that its File fails
	if _, err := s.Files(); err == nil {
		t.Fatal("Files of a listener that is closed")
	}
	s.Close()
	for _, name := range []string{"a", "b"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("the file of socket %s is left", name)
		}
	}
}

// TestHalfAnAnswerOverAUnixSocket does not look whole to a client of HTTP/1.0,
// whatever cuts it off.
func TestHalfAnAnswerOverAUnixSocket(t *testing.T) {
	loopback.NeedUnix(t)
	t.Parallel()
	for name, cut := range map[string]func(w Response){
		"Abort":      func(w Response) { w.Abort() },
		"panic":      func(w Response) { panic("on purpose") },
		"hijacked":   func(w Response) { panic("on purpose") },
		"a bad body": func(w Response) { w.s.refuse(400, "on purpose", nil) },
		"given up":   func(w Response) { w.s.happens(givenUp, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOn(t, &Server{}, func(w Response, r Request) {
				if name == "hijacked" {
					w.Status(200)
					c, err := w.Hijack(nil)
					if err != nil {
						t.Error(err)
						return
					}
					c.WriteString("half")
					c.After(time.Millisecond, func() { cut(w) })
					return
				}
				w.WriteString("half")
				w.After(time.Millisecond, func() { cut(w) })
			}, "unix", filepath.Join(loopback.TempDir(t), "s"))
			c := s.dial()
			c.Send("GET / HTTP/1.0\r\n\r\n")
			var b []byte
			for !strings.HasSuffix(string(b), "half") {
				next, err := c.In.ReadByte()
				if err != nil {
					t.Fatalf("read %q, and %v", b, err)
				}
				b = append(b, next)
			}
			c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if b, err := io.ReadAll(c.In); len(b) > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("then read %q, and %v", b, err)
			}
			s.idle()
			s.logs.Take()
		})
	}
}
