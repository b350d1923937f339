// A server that stops, turned by hand.

//go:build unix

package server

import (
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/hand"
)

// TestShutdownSwiftDrip: a head whose bytes come faster than the clock ticks does not push
// its last deadline, that of HeadTimeout, on and on.
func TestShutdownSwiftDrip(t *testing.T) {
	t.Parallel()
	srv := &Server{HeadTimeout: time.Second, DrainTimeout: 100 * time.Millisecond, SlowCallback: -1, Handler: mirror}
	loop, handler, err := hand.Open(srv)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[1])
	for _, fd := range fds {
		syscall.SetNonblock(fd, true)
	}
	if _, err := hand.Attach(loop, fds[0], handler); err != nil {
		t.Fatal(err)
	}
	drip := func(piece string) {
		syscall.Write(fds[1], []byte(piece))
		for hand.Step(loop) {
		}
		hand.Advance(loop, time.Millisecond)
	}
	drip("GET /")
	w := srv.workers[0]
	w.quiesce()
	w.quiesceBegan = w.loop.Now().Add(-srv.HeadTimeout) // hand.Advance moves deadlines, but not Now
	for n := range 400 {
		drip("x")
		var answer [12]byte
		if got, _ := syscall.Read(fds[1], answer[:]); got > 0 {
			if string(answer[:]) != "HTTP/1.1 408" {
				t.Errorf("%q after %d bytes", answer, n)
			}
			return
		}
	}
	t.Error("it is not refused")
}
