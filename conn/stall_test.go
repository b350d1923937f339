// Stall, on a clock that is moved by hand: what counts is what the peer takes,
// and not whether the kernel has room, which may be long in coming.

//go:build unix

package conn

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/poller"
)

func TestStallOfASlowReader(t *testing.T) {
	testStall(t, 30*time.Second, func(*Loop) {})
}

// A loop that stops waits no longer for a peer that takes nothing than LimitStall allows, but
// as before for one that takes something.
func TestLimitStall(t *testing.T) {
	testStall(t, time.Second, func(l *Loop) { l.LimitStall(time.Second) })
}

// testStall has a peer of a connection whose Handler.Stall is 30 s read a little in each half of
// stall, and then nothing. limit is called when the output has stalled already.
func testStall(t *testing.T, stall time.Duration, limit func(l *Loop)) {
	if !tellsUnsent {
		t.Skip("this system does not tell how much of the output the peer has taken")
	}
	t.Parallel()
	c, peer, wait := blockedConn(t)
	limit(c.loop)
	// The poller is not asked: as far as the loop knows there never is room.
	buf := make([]byte, 40<<10)
	for i := range 4 {
		for got := 0; got < len(buf); {
			n, err := unix.Read(peer, buf[got:])
			if err != nil || n == 0 {
				t.Fatal("the kernel holds too little for this test:", n, err)
			}
			got += n
		}
		if wait(stall/2 + 10*time.Millisecond); c.is(closed) {
			t.Fatalf("closed after %d reads of %d bytes, one in every half of Stall", i+1, len(buf))
		}
	}
	for range 10 { // nothing is read any more
		if wait(stall/2 + 10*time.Millisecond); c.is(closed) {
			break
		}
	}
	if !c.is(closed) || !errors.Is(c.more.err, os.ErrDeadlineExceeded) {
		t.Fatalf("not closed after a Stall without reads: %v", c.more.err)
	}
}

// TestNoStallAnyMore gives a connection whose output has stalled a handler that waits for ever.
func TestNoStallAnyMore(t *testing.T) {
	t.Parallel()
	c, _, wait := blockedConn(t)
	wait(16 * time.Second)
	c.SetHandler(&Handler{Stall: -1})
	for range 10 {
		if wait(16 * time.Second); c.is(closed) {
			t.Fatal("closed:", c.more.err)
		}
	}
	if c.stall != 0 {
		t.Error("the wheel goes on looking")
	}
}

// blockedConn returns a connection that has written more than its peer, a descriptor, has room for, and a
// function that lets time pass.
func blockedConn(t *testing.T) (c *Conn, peer int, wait func(time.Duration)) {
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(fds[0], true)
	unix.SetNonblock(fds[1], true)
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
		p.Close()
	})
	c = l.newConn(fds[0], &Handler{Stall: 30 * time.Second}, 0)
	if err := c.watch(poller.Write); err != nil {
		t.Fatal(err)
	}
	c.Write(make([]byte, 4<<20))
	if !c.is(blocked) {
		t.Fatal("the kernel took 4 MiB")
	}
	var clock time.Duration
	return c, fds[1], func(d time.Duration) {
		clock += d
		l.moveTo(clock)
	}
}
