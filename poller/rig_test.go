// The rig that the tests stand on: a poller, real descriptors to watch with it, and ways to ask.

//go:build unix || windows

package poller

import (
	"errors"
	"net"
	"testing"
	"time"
)

// patience is how long a test waits for what must come; no passing test waits that long.
const patience = time.Minute

// subject is a backend as the tests see it: how to open one, and what the contract leaves open.
type subject struct {
	name   string
	open   func() (Poller, error)
	halfs  bool // half-closes show as Hangup
	ends   bool // full hangups show as Hangup, and errors as Err
	resets bool // a reset is reported with want 0, and after a half-close too
	limit  int  // descriptors from here on are refused
}

// subjects returns every backend of this system, and those of other systems over a fake kernel.
func subjects() []subject { return append(native(), fakes...) }

func native() (all []subject) {
	for _, name := range Names() {
		s := subject{name: name, open: func() (Poller, error) { return Open(name) }, halfs: true, ends: true, resets: true, limit: 1 << 30}
		s.describe()
		all = append(all, s)
	}
	return all
}

// fakes are filled in by the init functions of the fakes' files.
var fakes []subject

// rig is one test's poller and descriptors. What the test leaves open is closed at its end.
type rig struct {
	testing.TB
	subject
	p   Poller
	fds map[int]bool
}

func newRig(t testing.TB, s subject) *rig {
	t.Helper()
	p, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t, s, p, map[int]bool{}}
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error("Close:", err)
		}
		for fd := range g.fds {
			sysClose(fd)
		}
	})
	return g
}

func (g *rig) must(err error) {
	if err != nil {
		g.Helper()
		g.Fatal(err)
	}
}

// own makes fd non-blocking and has it closed when the test ends.
func (g *rig) own(fd int, err error) int {
	g.Helper()
	g.must(err)
	g.must(sysNonblock(fd))
	g.fds[fd] = true
	return fd
}

func (g *rig) close(fd int) {
	g.Helper()
	delete(g.fds, fd)
	g.must(sysClose(fd))
}

// stream is a kind of connection: a pair of descriptors, each reading what the other writes.
type stream struct {
	name string
	pair func(g *rig) (a, b int)
}

func (g *rig) tcp() (a, b int) {
	g.Helper()
	l, addr := g.listen()
	a = g.socket()
	g.connect(a, addr)
	b = g.accept(l)
	g.close(l)
	return a, b
}

func (g *rig) socket() int {
	g.Helper()
	return g.own(sysSocket())
}

func (g *rig) listen() (fd int, addr sockaddr) {
	g.Helper()
	fd = g.socket()
	addr, err := sysListen(fd)
	g.must(err)
	return fd, addr
}

// connect begins to connect.
func (g *rig) connect(fd int, addr sockaddr) {
	g.Helper()
	if err := sysConnect(fd, addr); !isInProgress(err) {
		g.must(err)
	}
}

func (g *rig) accept(l int) int {
	g.Helper()
	for {
		fd, err := sysAccept(l)
		if err == nil {
			return g.own(fd, nil)
		}
		if !isAgain(err) {
			g.Fatal("accept:", err)
		}
		sysPoll(l, Read, 100)
	}
}

func (g *rig) write(fd int, s string) {
	g.Helper()
	n, err := sysWrite(fd, []byte(s))
	g.must(err)
	if n != len(s) {
		g.Fatalf("wrote %d of %d bytes", n, len(s))
	}
}

// fill writes until the kernel takes no more, and will take no more until the peer reads. TCP goes on
// moving bytes to the peer for a while, and frees their room with acknowledgements that may be
// delayed by 200 ms.
func (g *rig) fill(fd int) {
	g.Helper()
	buf := make([]byte, 64<<10)
	settle := 0
	if isTCP(fd) {
		settle = 250
	}
	for size := len(buf); ; {
		_, err := sysWrite(fd, buf[:size])
		switch {
		case err == nil:
		case !isAgain(err):
			g.Fatal("write:", err)
		case size > 1:
			size /= 2
		case !sysPoll(fd, Write, settle):
			return
		}
	}
}

// empty reads until there is no more, and reports whether it came to the end of file (or an error).
func (g *rig) empty(fd int) (end bool) {
	g.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := sysRead(fd, buf)
		switch {
		case isAgain(err):
			return false
		case err != nil || n == 0:
			return true
		}
	}
}

// reset closes fd so that its TCP peer gets an RST.
func (g *rig) reset(fd int) {
	g.Helper()
	g.must(sysResetOnClose(fd))
	g.close(fd)
}

// one waits for the event of one descriptor and checks its token and its conditions: all of want,
// none of but, nothing outside want|may.
func (g *rig) one(token Token, want, may Ready) {
	g.Helper()
	var buf [8]Event
	for start := time.Now(); ; {
		n, err := g.p.Wait(buf[:], patience)
		g.must(err)
		if n == 0 && time.Since(start) < patience {
			continue // a signal or a wake-up
		}
		if n != 1 {
			g.Fatalf("got events %v, want one of token %#x", buf[:n], token)
		}
		ev := buf[0]
		if ev.Token != token {
			g.Fatalf("got token %#x, want %#x", ev.Token, token)
		}
		if ev.Ready&want == want && ev.Ready&^(want|may) == 0 {
			return
		}
		// TCP shows a close in steps; what counts is where it ends.
		if ev.Ready&^(want|may) != 0 || time.Since(start) > patience {
			g.Fatalf("got %v, want %v and at most %v more", ev.Ready, want, may)
		}
	}
}

// allReady gathers what is ready now, by token, in as many Waits of the given size as a fair poller needs
// to get round twice. (None fills less than 128 when it could.)
func (g *rig) allReady(registered, size int) map[Token]Ready {
	g.Helper()
	got := map[Token]Ready{}
	dst := make([]Event, size)
	for range 2*(registered/min(size, 128)) + 3 {
		n, err := g.p.Wait(dst, 0)
		g.must(err)
		for _, ev := range dst[:n] {
			got[ev.Token] |= ev.Ready
		}
	}
	return got
}

// quiet checks that nothing is reported and that Wait really waits: at most the events in allow
// once, and a few returns for signals, in a time in which a spinning poller would return
// thousands of times.
func (g *rig) quiet(allow int) {
	g.Helper()
	var buf [8]Event
	returns := 0
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; returns++ {
		n, err := g.p.Wait(buf[:], 10*time.Millisecond)
		g.must(err)
		if allow -= n; allow < 0 {
			g.Fatalf("unexpected events %v", buf[:n])
		}
	}
	if returns > 100 {
		g.Fatalf("Wait returned %d times in 20 ms with nothing to say", returns)
	}
}
