package conn_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// A lentTo is a lend.Function.
type lentTo struct {
	run    func(*lend.Lease)
	then   func() lend.Function
	resume func()
}

func (f *lentTo) Run(l *lend.Lease)   { f.run(l) }
func (f *lentTo) Then() lend.Function { return f.then() }
func (f *lentTo) Resume()             { f.resume() }

// lendLoop is a loop with one connection.
func lendLoop(t *testing.T, h *conn.Handler) (*conn.Loop, *conn.Conn) {
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	l.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Adopt(nc, h)
	if err != nil {
		t.Fatal(err)
	}
	return l, c
}

// TestLend: a posted function that is lent the loop's goroutine keeps it while it is
// quick. In whatever way it loses the loop, that goes on elsewhere, in order, and
// the end of each is called there.
func TestLend(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]lending{
		"quick": {run: func(*lend.Lease, <-chan bool) {}},
		"held": {run: func(l *lend.Lease, _ <-chan bool) {
			if holds(t, l) {
				l.Release()
			}
		}},
		"leaves": {run: func(l *lend.Lease, wait <-chan bool) { l.Leave(); l.Leave(); <-wait }, lost: true},
		"waits":  {run: func(l *lend.Lease, wait <-chan bool) { <-wait }, lost: true},
		"holds, waits": {run: func(l *lend.Lease, wait <-chan bool) {
			if holds(t, l) {
				time.AfterFunc(5*time.Millisecond, l.Release)
			}
			<-wait
		}, lost: true},
		"Goexit":              {run: func(*lend.Lease, <-chan bool) { runtime.Goexit() }, lost: true},
		"panics":              {run: func(*lend.Lease, <-chan bool) { panic("on purpose") }, lost: true},
		"leaves, exits":       {run: func(l *lend.Lease, _ <-chan bool) { l.Leave(); runtime.Goexit() }, lost: true},
		"leaves, panics":      {run: func(l *lend.Lease, _ <-chan bool) { l.Leave(); panic("on purpose") }, lost: true},
		"then panics":         {run: func(*lend.Lease, <-chan bool) {}, then: func() { panic("on purpose") }, closed: true},
		"then exits":          {run: func(*lend.Lease, <-chan bool) {}, then: runtime.Goexit, closed: true},
		"leaves, then panics": {run: func(l *lend.Lease, _ <-chan bool) { l.Leave() }, lost: true, then: func() { panic("on purpose") }, closed: true},
		"leaves, then exits":  {run: func(l *lend.Lease, _ <-chan bool) { l.Leave() }, lost: true, then: runtime.Goexit, closed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if k.lost || k.closed {
				if n := lendInTurn(t, k); n != 0 {
					t.Errorf("%d came back", n)
				}
				return
			}
			// On a busy machine it may not be quick: so it is asked until it is.
			loopback.Until(t, "all to keep the loop", func() bool { return lendInTurn(t, k) == 3 })
		})
	}
}

// A lending is what becomes of a function that is lent the loop.
type lending struct {
	run    func(lease *lend.Lease, wait <-chan bool)
	lost   bool
	then   func() // what Then does beside
	closed bool   // the connection is
}

// lendInTurn lends a loop to three functions, and returns how many of them came back.
func lendInTurn(t *testing.T, k lending) int {
	const n = 3
	begun, followed, wait := make(chan int, n), make(chan int, n), make(chan bool)
	ended, resumed, kept := make(chan bool, n), make(chan bool, n), make(chan bool, n)
	closed := make(chan error, 1)
	l, c := lendLoop(t, &conn.Handler{Close: func(_ *conn.Conn, err error) { closed <- err }})
	here := func() {
		if !l.Here() {
			t.Error("what follows is not called on the loop's goroutine")
		}
	}
	l.Ref() // until all is seen
	for i := range n {
		f := &lentTo{
			run:    func(lease *lend.Lease) { begun <- i; k.run(lease, wait) },
			resume: func() { here(); resumed <- true },
			then: func() lend.Function {
				here()
				ended <- true
				if k.then != nil {
					k.then()
				}
				return nil
			},
		}
		l.Post(func() { lend.Run(c, f); kept <- true })
		l.Post(func() { here(); followed <- i })
	}
	ran := make(chan error)
	go func() { ran <- l.Run(context.Background()) }()
	for i := range n {
		if b, f := <-begun, <-followed; b != i || f != i {
			t.Errorf("%d has begun, and %d followed, not %d", b, f, i)
		}
	}
	close(wait)
	for range n {
		<-ended
		if k.lost || k.closed {
			<-resumed
		}
	}
	l.Post(func() {
		here()
		c.Abort()
		l.Unref()
	})
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := <-closed; (err != nil && err != net.ErrClosed) != k.closed {
		t.Errorf("the connection was closed with %v", err)
	}
	return len(kept)
}

// holds has the loop held, but for one that is lost already, as on a busy machine.
func holds(t *testing.T, l *lend.Lease) bool {
	if !l.Hold() {
		if !l.Lost() {
			t.Error("the loop cannot be held")
		}
		return false
	}
	if l.Hold() {
		t.Error("the loop is held twice")
	}
	return true
}

// TestLendNext: what follows on a function is run before anything else.
func TestLendNext(t *testing.T) {
	t.Parallel()
	var order []int
	l, c := lendLoop(t, &conn.Handler{})
	note := func(i int) func(*lend.Lease) { return func(*lend.Lease) { order = append(order, i) } }
	last := &lentTo{run: note(2), then: func() lend.Function { c.Abort(); return nil }}
	l.Post(func() { lend.Run(c, &lentTo{run: note(1), then: func() lend.Function { return last }}) })
	l.Post(func() { order = append(order, 3) })
	if err := l.Run(context.Background()); err != nil || !slices.Equal(order, []int{1, 2, 3}) {
		t.Errorf("the order is %v, %v", order, err)
	}
}

// TestLendByHand: a loop that a test turns by hand has nobody to take it over.
func TestLendByHand(t *testing.T) {
	t.Parallel()
	l, c := lendLoop(t, &conn.Handler{})
	if lend.Run(c, &lentTo{run: func(*lend.Lease) { t.Error("it was called") }}) {
		t.Error("it says that it was called")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.Run(ctx)
}

// TestLendSendFile: what the kernel takes of a file leaves at once, after what was written, and the file
// stays the caller's. What the kernel does not take is not kept.
func TestLendSendFile(t *testing.T) {
	t.Parallel()
	l, c := lendLoop(t, &conn.Handler{})
	f, err := os.Create(filepath.Join(loopback.TempDir(t), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 64 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	l.Post(func() {
		c.WriteString("head")
		if n := lend.SendFile(c, f, 1, 1000); n != 1000 || c.Pending() != 0 {
			t.Errorf("%d bytes were sent, and %d wait", n, c.Pending())
		}
		if n := lend.SendFile(c, f, 0, 0); n != 0 {
			t.Errorf("%d of no bytes were sent", n)
		}
		if n := lend.SendFile(c, f, 0, size); n <= 0 || n >= size || c.Pending() != 0 { // the peer does not read
			t.Errorf("%d bytes were sent, and %d wait", n, c.Pending())
		}
		took := int64(1)
		for tries := 0; took > 0 && tries < 100; tries++ { // the kernel moves to the peer what it has, and has room again
			took = lend.SendFile(c, f, 0, size)
		}
		if took != 0 {
			t.Errorf("%d bytes were sent though the kernel took no more", took)
		}
		c.Abort()
		if n := lend.SendFile(c, f, 0, 1); n != 0 {
			t.Errorf("%d bytes were sent after Abort", n)
		}
	})
	if err := l.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := f.Stat(); err != nil {
		t.Error(err)
	}
}
