// A poller that takes no more descriptors.

//go:build unix

package server

import (
	"os"
	"syscall"
	"testing"
)

// TestPollerRefuses has the poller not take a connection: select, whose
// descriptors end at 1023. It is closed without ever having been opened. Not
// parallel: it uses descriptors up.
func TestPollerRefuses(t *testing.T) {
	s := start(t, &Server{Poller: "select"}, func(w Response, r Request) { w.End("") })
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for fd := 0; fd < 1023; {
		if fd, err = syscall.Dup(int(null.Fd())); err != nil {
			t.Skip("not allowed to have a descriptor past 1023:", err)
		}
		defer syscall.Close(fd)
	}
	c := s.dial()
	c.WantGone()
	until(t, "it is counted", func() bool { return s.Stats().AcceptErrors == 1 })
}
