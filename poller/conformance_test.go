// The conformance suite: the contract of Poller, case by case, against every backend.

//go:build unix || windows

package poller

import (
	"errors"
	"math"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestConformance(t *testing.T) {
	type testCase struct {
		name string
		run  func(g *rig)
	}
	// These depend on a number being free after close, so nobody else may open one meanwhile.
	serial := []testCase{
		{"arguments are checked", testArguments},
		{"a failed call changes nothing", testFailedCalls},
		{"a reused number starts afresh", testReuse},
		{"a closed descriptor is contained", testClosedUnderneath},
	}
	parallel := []testCase{
		{"tokens come back unchanged", testTokens},
		{"interest is what was asked for last", testInterest},
		{"readiness lasts as long as its cause", testLevel},
		{"a half-close shows as Read", testHalfClose},
		{"a half-close does not spin without Read", testHalfCloseUnread},
		{"a close shows", testFullClose},
		{"a reset shows as what was asked for", testReset},
		{"a reset is said once at most without interest", testResetUnasked},
		{"a reset is told without interest", testVanished},
		{"pipes end", testPipes},
		{"listeners and connects", testConnect},
		{"a listener of several pollers", testExclusive},
		{"a refused connect shows as Write", testRefused},
		{"a wait does not end early", testTimeouts},
		{"a huge wait is clamped", testHugeTimeout},
		{"ready descriptors take turns", testFairness},
		{"Del silences what is pending", testDel},
		{"Close leaves descriptors alone", testClose},
	}
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			for _, c := range serial {
				t.Run(c.name, func(t *testing.T) { c.run(newRig(t, s)) })
			}
			for _, c := range parallel {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newRig(t, s))
				})
			}
		})
	}
}

func testArguments(g *rig) {
	a, b := g.unix()
	closed, other := g.unix()
	g.close(closed)
	g.must(g.p.Add(a, 1, Read))
	for _, c := range []struct {
		what string
		err  error
		want error
	}{
		{"Add twice", g.p.Add(a, 1, Read), syscall.EEXIST},
		{"Mod of an unknown one", g.p.Mod(b, 1, Read), syscall.ENOENT},
		{"Del of an unknown one", g.p.Del(b), syscall.ENOENT},
		{"Add of a closed one", g.p.Add(closed, 1, Read), syscall.EBADF},
		{"Mod of a closed one", g.p.Mod(closed, 1, Read), syscall.EBADF},
		{"Del of a closed one", g.p.Del(closed), syscall.EBADF},
		{"Add of -1", g.p.Add(-1, 1, Read), syscall.EBADF},
		{"Mod of -1", g.p.Mod(-1, 1, Read), syscall.EBADF},
		{"Del of -1", g.p.Del(-1), syscall.EBADF},
		{"Add with Hangup", g.p.Add(other, 1, Read|Hangup), syscall.EINVAL},
		{"Add with Err", g.p.Add(other, 1, Err), syscall.EINVAL},
		{"Mod with unknown bits", g.p.Mod(a, 1, 1<<7), syscall.EINVAL},
		{"Add with the reserved token", g.p.Add(other, ^Token(0), Read), syscall.EINVAL},
		{"Mod with the reserved token", g.p.Mod(a, ^Token(0), Read), syscall.EINVAL},
	} {
		if !errors.Is(c.err, c.want) {
			g.Errorf("%s: got %v, want %v", c.what, c.err, c.want)
		}
	}
	if n, err := g.p.Wait(nil, 0); n != 0 || !errors.Is(err, syscall.EINVAL) {
		g.Errorf("Wait without room: got %d, %v", n, err)
	}
	if g.p.Name() == "" {
		g.Error("no name")
	}
}

func testFailedCalls(g *rig) {
	a, b := g.unix()
	c, _ := g.unix()
	g.must(g.p.Add(a, 1, Read))
	g.p.Add(a, 2, Write)
	g.p.Mod(a, ^Token(0), Write)
	g.p.Mod(a, 3, Hangup)
	g.p.Add(c, 4, Write|Err)
	g.p.Mod(c, 5, Write)
	g.quiet(0)
	g.write(b, "x")
	g.one(1, Read, 0)
	if err := g.p.Del(c); !errors.Is(err, syscall.ENOENT) {
		g.Error("a failed Add registered: Del answers", err)
	}
}

func testTokens(g *rig) {
	a, b := g.unix()
	g.write(b, "x")
	g.must(g.p.Add(a, 0, Read))
	g.one(0, Read, 0)
	for _, t := range []Token{1, 1 << 31, 1 << 32, 1 << 63, 0xfedcba9876543210, math.MaxUint32, math.MaxUint64 - 1} {
		g.must(g.p.Mod(a, t, Read))
		g.one(t, Read, 0)
	}
}

func testInterest(g *rig) {
	for _, s := range streams {
		a, b := s.pair(g)
		g.write(b, "x")
		g.must(g.p.Add(a, 1, 0))
		g.quiet(0)
		for _, want := range []Ready{Read, Write, 0, Read | Write, Read, 0, Write, Read | Write, Write, 0} {
			g.must(g.p.Mod(a, 1, want))
			if want == 0 {
				g.quiet(0)
			} else {
				g.one(1, want, 0)
			}
		}
		g.must(g.p.Del(a))
		g.quiet(0)
		for _, want := range []Ready{Read, Write, Read | Write} {
			g.must(g.p.Add(a, 2, want))
			g.one(2, want, 0)
			g.must(g.p.Del(a))
		}
	}
}

func testLevel(g *rig) {
	for _, s := range streams {
		a, b := s.pair(g)
		g.must(g.p.Add(a, 1, Read))
		g.quiet(0)
		g.write(b, "xyz")
		for range 3 { // nothing is read
			g.one(1, Read, 0)
		}
		var buf [1]byte
		for range 3 { // one byte is left after each of two reads
			g.one(1, Read, 0)
			_, err := sysRead(a, buf[:])
			g.must(err)
		}
		g.quiet(0)
		g.must(g.p.Mod(a, 2, Write))
		for range 3 {
			g.one(2, Write, 0)
		}
		g.fill(a)
		g.quiet(0)
		g.empty(b)
		g.one(2, Write, 0)
		g.must(g.p.Del(a))
	}
}

func testConnect(g *rig) {
	l, addr := g.listen()
	g.must(g.p.Add(l, 1, Read))
	g.quiet(0)
	c := g.socket()
	g.connect(c, addr)
	g.one(1, Read, 0)
	g.one(1, Read, 0)
	s := g.accept(l)
	g.quiet(0)
	g.must(g.p.Del(l))
	g.must(g.p.Add(c, 2, Write))
	g.one(2, Write, 0)
	g.must(g.p.Mod(c, 2, Read|Write))
	g.write(s, "x")
	g.one(2, Read|Write, 0)
}

// testExclusive: of two pollers that share a listener, each reports it while it is readable, and one that was
// paused by Del and Add goes on.
func testExclusive(g *rig) {
	other := newRig(g.TB, g.subject)
	l, addr := g.listen()
	g.must(AddExclusive(g.p, l, 1))
	g.must(AddExclusive(other.p, l, 2))
	if err := AddExclusive(g.p, l, 3); !errors.Is(err, syscall.EEXIST) {
		g.Error("twice:", err)
	}
	if err := AddExclusive(g.p, l+1, reserved); !errors.Is(err, syscall.EINVAL) {
		g.Error("the reserved token:", err)
	}
	g.quiet(0)
	for range 3 {
		c := g.socket()
		g.connect(c, addr)
		g.one(1, Read, 0)
		other.one(2, Read, 0)
		g.accept(l)
		g.must(other.p.Del(l))
		g.must(AddExclusive(other.p, l, 2))
	}
	g.must(g.p.Del(l))
	g.quiet(0)
}

func testTimeouts(g *rig) {
	var buf [1]Event
	for _, d := range []time.Duration{0, 1, time.Microsecond, 999 * time.Microsecond, time.Millisecond, 1001 * time.Microsecond, 12345 * time.Microsecond} {
		// A signal may end a wait early, so the longest of a few counts.
		var longest time.Duration
		for range 5 {
			start := time.Now()
			n, err := g.p.Wait(buf[:], d)
			longest = max(longest, time.Since(start))
			if n != 0 || err != nil {
				g.Fatal(n, err)
			}
		}
		if longest < d {
			g.Errorf("Wait(%v) ended after %v", d, longest)
		}
	}
}

func testHugeTimeout(g *rig) {
	a, b := g.unix()
	g.must(g.p.Add(a, 1, Read))
	var buf [1]Event
	for _, d := range []time.Duration{math.MaxInt64, 1000 * time.Hour, -1, math.MinInt64} {
		written := make(chan error)
		go func() {
			_, err := sysWrite(b, []byte("x"))
			written <- err
		}()
		n := 0
		for n == 0 {
			var err error
			n, err = g.p.Wait(buf[:], d)
			g.must(err)
		}
		g.must(<-written)
		g.empty(a)
	}
}

func testFairness(g *rig) {
	const n = 50
	for i := range n {
		a, _ := g.unix()
		g.must(g.p.Add(a, Token(i), Write))
	}
	for _, size := range []int{1, 3, 7, n, n + 1, 1000} {
		if got := g.allReady(n, size); len(got) != n {
			g.Errorf("%d of %d were reported to a dst of %d", len(got), n, size)
		}
	}
}

func testDel(g *rig) {
	for _, s := range streams {
		a, b := s.pair(g)
		c, d := s.pair(g)
		g.must(g.p.Add(a, 1, Read|Write))
		g.must(g.p.Add(c, 2, Read))
		g.write(b, "x")
		g.write(d, "x")
		g.must(g.p.Del(a))
		g.one(2, Read, 0)
		g.must(g.p.Add(a, 3, Read))
		if got := g.allReady(2, 1); len(got) != 2 || got[3] != Read || got[2] != Read {
			g.Error("got", got)
		}
		g.must(g.p.Del(a))
		g.must(g.p.Del(c))
		g.quiet(0)
	}
}

func testReuse(g *rig) {
	if !canDup {
		g.Skip("a socket cannot be given a number here")
	}
	a, b := g.unix()
	spare, _ := g.unix()
	for i := range Token(10) {
		want := []Ready{Read, Write, Read | Write, 0}[i%4]
		g.must(g.p.Add(a, i, want))
		g.write(b, "x")
		if i%2 == 0 && want != 0 {
			g.one(i, want, 0)
		}
		g.must(g.p.Del(a))
		g.close(b)
		// Another file takes the number over.
		g.close(a)
		if got := g.own(sysDup(spare, a)); got != a {
			g.Fatalf("%d was not free after close", a)
		}
		g.must(g.p.Add(a, i|1<<40, Read))
		g.quiet(0)
		g.must(g.p.Del(a))
		g.close(a)
		a, b = g.unix()
	}
}

func testClosedUnderneath(g *rig) {
	a, _ := g.unix()
	c, d := g.unix()
	e, _ := g.unix()
	for i, fd := range []int{a, c, e} {
		g.must(g.p.Add(fd, Token(i), Read))
	}
	g.quiet(0)
	g.close(a)
	g.quiet(1)
	g.quiet(0)
	g.write(d, "x")
	g.one(1, Read, 0)
	g.empty(c)
	g.must(g.p.Mod(e, 2, Write))
	g.one(2, Write, 0)
	if err := g.p.Del(a); err != nil && !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.ENOENT) {
		g.Error("Del of what was closed:", err)
	}
}

func testClose(g *rig) {
	a, b := g.unix()
	g.must(g.p.Add(a, 1, Read))
	g.must(g.p.Close())
	var buf [1]Event
	_, err := g.p.Wait(buf[:], 0)
	for what, err := range map[string]error{
		"Add": g.p.Add(b, 1, Read), "Mod": g.p.Mod(a, 1, Read), "Del": g.p.Del(a),
		"Wait": err, "Wake": g.p.Wake(), "Close": g.p.Close(),
	} {
		if !errors.Is(err, net.ErrClosed) {
			g.Errorf("%s after Close: got %v", what, err)
		}
	}
	g.write(b, "x")
	if g.empty(a) {
		g.Error("Close closed what was registered")
	}
}
