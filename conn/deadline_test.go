//go:build unix

// Deadlines on a clock that is moved by hand, over real sockets: a late loop
// looks before it judges, and a slow reader is left alone.

package conn

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/poller"
)

// A bench is a loop that does not run, with one connection and its peer.
type bench struct {
	*testing.T
	l     *Loop
	c     *Conn
	peer  int // the other end's descriptor, non-blocking
	clock time.Duration
}

// newBench connects a socket of the network to another.
func newBench(t *testing.T, network string, h *Handler) *bench {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, l: l}
	var ours int
	if network == "unix" {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, b.peer = fds[0], fds[1]
	} else {
		ours, b.peer = tcpPair(t)
	}
	unix.SetNonblock(ours, true)
	unix.SetNonblock(b.peer, true)
	b.c = l.newConn(ours, h, 0)
	if err := b.c.watch(poller.Read); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.c.fail(nil)
		l.settle()
		l.closeFDs()
		unix.Close(b.peer)
		p.Close()
	})
	return b
}

func tcpPair(t *testing.T) (a, b int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fd := func(nc net.Conn) int {
		n, err := dupFD(nc.(*net.TCPConn))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return fd(s), fd(d)
}

// wait moves the clock: the poller is not asked, as if the process had been
// stopped, or a callback had blocked.
func (b *bench) wait(d time.Duration) {
	b.clock += d
	b.l.moveTo(b.clock)
	b.settle()
}

func (b *bench) say(s string) {
	b.Helper()
	if _, err := unix.Write(b.peer, []byte(s)); err != nil {
		b.Fatal(err)
	}
}

// No deadline fires while input that has arrived is unread.
func TestLateLoopReadsBeforeItJudges(t *testing.T) {
	for name, set := range map[string]func(c *Conn){
		"SetTimeout":     func(c *Conn) { c.SetTimeout(time.Second) },
		"SetReadTimeout": func(c *Conn) { c.SetReadTimeout(time.Second) },
		"SetDeadline":    func(c *Conn) { c.SetDeadline(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, timeouts := "", 0
			b := newBench(t, "tcp", &Handler{
				Data:    func(c *Conn, p []byte) int { got += string(p); set(c); return len(p) },
				Timeout: func(*Conn) { timeouts++ },
			})
			set(b.c)
			for range 3 {
				b.say("x")
				b.wait(12 * time.Second)
			}
			if got != "xxx" || timeouts != 0 {
				t.Errorf("read %q, %d timeouts", got, timeouts)
			}
			if b.wait(2 * time.Second); timeouts != 1 {
				t.Errorf("%d timeouts, after a silence", timeouts)
			}
		})
	}
}

// Input that does not move a deadline does not put it off either.
func TestDeadlineOfWhoGoesOnSending(t *testing.T) {
	t.Parallel()
	timeouts := 0
	b := newBench(t, "tcp", &Handler{Data: func(_ *Conn, p []byte) int { return len(p) }, Timeout: func(*Conn) { timeouts++ }})
	b.c.SetDeadline(time.Second)
	for range 4 {
		b.say("x")
		b.wait(500 * time.Millisecond)
	}
	if timeouts != 1 {
		t.Errorf("%d timeouts", timeouts)
	}
}

// Nor does a deadline fire while the peer has made room for output that waits, also if the
// poller has reported that already, and others have their turn before.
func TestLateLoopSendsBeforeItJudges(t *testing.T) {
	for name, reported := range map[string]bool{"before the event": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeouts := 0
			b := newBench(t, "unix", &Handler{Stall: -1, Timeout: func(*Conn) { timeouts++ }})
			b.c.Write(make([]byte, 1<<20))
			b.settle()
			b.c.SetTimeout(time.Second)
			b.take(100 << 10)
			if reported && !b.c.goesOn() {
				t.Fatal("it is not in line")
			}
			if b.wait(12 * time.Second); timeouts != 0 {
				t.Error("a timeout, although there was room for output")
			}
			if b.wait(12 * time.Second); timeouts != 1 {
				t.Errorf("%d timeouts, and nothing was taken", timeouts)
			}
			if reported {
				b.l.settleOne(b.l.writable.pop())
			}
		})
	}
}

// take reads n bytes at the other end, or what there is.
func (b *bench) take(n int) {
	b.Helper()
	buf := make([]byte, n)
	for n > 0 {
		k, err := unix.Read(b.peer, buf[:n])
		if err == unix.EAGAIN {
			return
		}
		if err != nil || k == 0 {
			b.Fatal("the peer read", k, err)
		}
		n -= k
	}
}

// SetReadTimeout is for the silence of the peer: our own writes do not push it, and
// time in which we do not read does not count. SetDeadline goes on beside it.
func TestReadTimeout(t *testing.T) {
	t.Parallel()
	timeouts := 0
	b := newBench(t, "tcp", &Handler{Data: func(_ *Conn, p []byte) int { return len(p) }, Timeout: func(*Conn) { timeouts++ }})
	const d = time.Second
	step := func(what string, want int) {
		t.Helper()
		if timeouts != want {
			t.Errorf("%s: %d timeouts, want %d", what, timeouts, want)
		}
		timeouts = 0
	}
	b.c.SetReadTimeout(d)
	for range 3 {
		b.c.Write([]byte("news"))
		b.settle()
		b.wait(d * 2 / 5)
	}
	step("a peer who says nothing", 1)
	b.say("x")
	b.c.fill()
	b.wait(d / 2)
	step("it has spoken", 0)
	b.wait(d)
	step("and falls silent again", 1)
	b.say("x")
	b.c.fill()
	b.c.Pause()
	b.wait(3 * d)
	step("while reading pauses", 0)
	b.c.Resume()
	b.c.SetDeadline(2 * d)
	b.wait(d + d/2)
	step("its time", 1)
	b.wait(d)
	step("the deadline beside it", 1)
	b.c.SetReadTimeout(0)
	b.wait(5 * d)
	step("none is set", 0)
}

// Handler.Stall: a peer that takes 2 KiB/s is never cut off at the default, over
// any network. The kernel shows its progress in large steps.
func TestSlowReaderIsLeftAlone(t *testing.T) {
	if !tellsUnsent {
		t.Skip("this system does not tell how much of the output the peer has taken")
	}
	for _, k := range []struct {
		name, network string
		mss           int
	}{{"tcp", "tcp", 0}, {"tcp in small segments", "tcp", 1400}, {"unix", "unix", 0}} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, k.network, &Handler{})
			if k.mss > 0 {
				unix.SetsockoptInt(int(b.c.fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, k.mss)
			}
			b.c.Write(make([]byte, 8<<20))
			b.settle()
			last, same := 0, 0 // what the kernel holds for the peer, and for how many reads it has not changed
			for i := range 300 {
				b.take(4 << 10)
				time.Sleep(time.Millisecond) // the kernel's own work for this takes no longer as a rule
				if same++; b.c.Undelivered() != last {
					same = 0
				}
				// It has been given more than it needs for a step: on a busy machine it is late.
				for end := time.Now().Add(5 * time.Second); same > 48 && b.c.Undelivered() == last && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
				last = b.c.Undelivered()
				if b.wait(2 * time.Second); b.c.is(closed) {
					t.Fatalf("closed after %d s at 2 KiB/s", 2*i)
				}
				if i%8 == 0 && b.c.is(blocked) { // the poller would say that there is room
					b.c.clear(blocked)
					b.c.send()
				}
			}
			for range 12 {
				b.wait(DefaultStall/2 + 10*time.Millisecond)
			}
			if !b.c.is(closed) {
				t.Error("not closed, and nothing is taken any more")
			}
		})
	}
}

// Negative limits are none: Handler's, and those of TLS.
func TestNegativeLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, "unix", &Handler{High: -1, Max: -1, Hold: -1, Data: func(*Conn, []byte) int { return 0 }})
	for range 40 {
		if _, err := b.c.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		b.settle()
		if b.c.Full() {
			t.Fatal("Full, without a limit")
		}
	}
	for range 10 {
		b.say(string(make([]byte, 64<<10)))
		b.c.fill()
		b.settle()
	}
	if b.c.is(closed) {
		t.Error("closed:", b.c.more.err)
	}
	if n := (&Handler{Low: -1}).low(); n != 0 {
		t.Error("Low -1 is", n)
	}
}

// A write that fails is reported as a write.
func TestErrorOfAWrite(t *testing.T) {
	t.Parallel()
	var got error
	b := newBench(t, "tcp", &Handler{End: func(*Conn) {}, Close: func(_ *Conn, err error) { got = err }})
	events := make([]poller.Event, 8)
	unix.SetsockoptLinger(b.peer, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
	unix.Shutdown(b.peer, unix.SHUT_RDWR)
	unix.Close(b.peer)
	for end := time.Now().Add(30 * time.Second); got == nil && time.Now().Before(end); {
		b.c.Write([]byte("x"))
		b.settle()
		n, err := b.l.poll.Wait(events, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events[:n] {
			b.c.event(e.Ready)
			b.settle()
		}
	}
	b.peer, _ = unix.Dup(int(os.Stderr.Fd())) // for Cleanup
	var se *os.SyscallError
	if !errors.As(got, &se) || errors.Is(got, unix.EPIPE) && se.Syscall != "write" {
		t.Errorf("Close got %v", got)
	}
}

// A timer that there is not can be stopped and asked.
func TestNilTimer(t *testing.T) {
	t.Parallel()
	for _, timer := range []*Timer{nil, new(Timer)} {
		if timer.Stop() || timer.Running() || timer.Reset(time.Second) {
			t.Errorf("%v was running", timer)
		}
	}
}

// SyscallConn has the socket while there is one.
func TestSyscallConn(t *testing.T) {
	t.Parallel()
	b := newBench(t, "tcp", nil)
	rc, err := b.c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	if err := rc.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) }); err != nil || size == 0 {
		t.Errorf("SO_RCVBUF is %d, %v", size, err)
	}
	b.c.Abort()
	b.settle()
	if err := rc.Control(func(uintptr) { t.Error("called") }); err != net.ErrClosed {
		t.Error("after the end:", err)
	}
	if _, err := b.c.SyscallConn(); err != net.ErrClosed {
		t.Error("after the end:", err)
	}
}

// settle is what a turn does after each callback, in no portions.
func (b *bench) settle() {
	b.l.pace.read = time.Since(b.l.epoch)
	b.l.pace.fresh()
	for b.l.settle(); b.l.overdue.len() > 0; b.l.settle() {
		b.l.settleOne(b.l.overdue.pop())
	}
}
