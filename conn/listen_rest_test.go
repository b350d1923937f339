//go:build unix

// A listener that cannot accept rests.

package conn_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// architecture.md: "Hangups do not spin", those of a listener neither whose socket
// another holder has shut down.
func TestListenerThatIsShutDownRests(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln := r.listen(nil)
		r.do(func() {
			f, err := ln.File()
			if err != nil {
				r.Error(err)
				return
			}
			defer f.Close()
			rc, err := f.SyscallConn()
			if err != nil {
				r.Error(err)
				return
			}
			rc.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
		})
		before, began := r.loop.Stats().Turns, time.Now()
		time.Sleep(300 * time.Millisecond)
		if n, d := r.loop.Stats().Turns-before, time.Since(began); float64(n) > 10+d.Seconds()*300 {
			r.Errorf("%d turns in %v, with nothing to do", n, d)
		}
		if r.name != "select" { // which cannot tell it from a connection that another process took
			r.until("a word in the log", func() bool { return strings.Contains(r.log.String(), "accept failed") })
		}
		r.do(func() {
			if err := ln.Close(); err != nil {
				r.Error(err)
			}
		})
	})
}

// SetReadTimeout finds a peer that is silent, whatever it is sent.
func TestReadTimeoutOfASilentPeer(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose})
		var news func()
		news = func() {
			if _, err := c.WriteString("news"); err == nil {
				c.After(5*time.Millisecond, news)
			}
		}
		r.do(func() { c.SetReadTimeout(50 * time.Millisecond); news() })
		if err := get(r, ch); !strings.Contains(err.Error(), "timeout") {
			r.Error(err)
		}
		p.want("news")
	})
}
