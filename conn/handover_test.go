// Listeners that pass from one loop, or process, to the next, and ports that
// several share.

package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

func banner(s string) *conn.Handler {
	return &conn.Handler{Open: func(c *conn.Conn) { c.WriteString(s); c.CloseWrite() }}
}

// read dials and reads to the end.
func (r *rig) read() string {
	r.Helper()
	b, err := io.ReadAll(r.dial())
	if err != nil {
		r.Error(err)
	}
	return string(b)
}

func TestListenerFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a socket is handed over in other ways here: File returns errors.ErrUnsupported")
	}
	eachPlain(t, func(r *rig) {
		ln := r.listen(banner("old"))
		if got := r.read(); got != "old" {
			r.Fatalf("read %q", got)
		}
		var f *os.File
		r.do(func() {
			var err error
			if f, err = ln.File(); err != nil {
				r.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			f.Fd() // as exec.Cmd calls it; it must not make the loop's descriptor block
		})
		if got := r.read(); got != "old" {
			r.Fatalf("read %q", got)
		}
		r.do(func() { ln.Close() })
		r.turns(1)
		waiting := r.dial() // nobody accepts, and nothing is lost
		nl, err := net.FileListener(f)
		if err != nil {
			r.Fatal(err)
		}
		f.Close()
		r.do(func() {
			if ln, err = r.loop.AdoptListener(nl, banner("new")); err != nil {
				r.Fatal(err)
			}
		})
		waiting.want("new")
		if got := r.read(); got != "new" {
			r.Fatalf("read %q", got)
		}
		r.do(func() {
			ln.SetUnlinkOnClose(true)
			ln.Close()
			if _, err := ln.File(); !errors.Is(err, net.ErrClosed) {
				r.Errorf("File of a closed listener: %v", err)
			}
		})
		if _, err := os.Stat(r.addr); r.network == "unix" && !errors.Is(err, os.ErrNotExist) {
			r.Error("the socket's file is left:", err)
		}
	})
}

// TestReusePort has two sockets on one port. Which gets a connection is the
// kernel's choice; that both get some holds on Linux and FreeBSD.
func TestReusePort(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "freebsd" {
		t.Skip("here one of the sockets may get all connections")
	}
	eachPoller(t, func(r *rig) {
		lc := net.ListenConfig{Control: conn.ReusePort}
		r.addr = "127.0.0.1:0"
		for _, name := range []string{"a", "b"} {
			nl, err := lc.Listen(context.Background(), "tcp", r.addr)
			if err != nil {
				r.Fatal(err)
			}
			r.addr = nl.Addr().String()
			r.do(func() {
				if _, err := r.loop.AdoptListener(nl, banner(name)); err != nil {
					r.Error(err)
				}
			})
		}
		seen := map[string]int{}
		for range 1000 { // each of both is as likely
			seen[r.read()]++
			if seen["a"] > 0 && seen["b"] > 0 {
				return
			}
		}
		r.Errorf("connections went to %v", seen)
	})
	t.Run("a Unix socket", func(t *testing.T) {
		lc := net.ListenConfig{Control: conn.ReusePort}
		nl, err := lc.Listen(context.Background(), "unix", (&rig{T: t}).socketPath())
		if err != nil {
			t.Fatal(err) // the option is not for it, and is not set
		}
		nl.Close()
	})
}
