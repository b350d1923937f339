//go:build race || lurcherdebug

// Debug builds, by the race detector or the tag lurcherdebug, make mistakes visible
// that would otherwise show only now and then. Borrowed bytes are overwritten when the
// loan ends, and that memory is not lent again. A call on another goroutine than the
// loop's panics. So does a connection that is ready again and again while nothing is
// done about it.

package conn

import (
	"fmt"
	"slices"

	"github.com/lurcher-net/lurcher/poller"
)

const debugging = true

func poison(p []byte) {
	for n := copy(p, "\xDB"); n > 0 && n < len(p); n *= 2 {
		copy(p[n:], p[:n]) // the race detector makes a store of each byte slow
	}
}

// fresh returns a copy of p, in memory that is not lent again.
func fresh(p []byte) []byte { return slices.Clone(p) }

// Finding out the goroutine takes longer than most methods do. So own checks only the
// first calls of a turn, which include the first one while the loop sleeps, and some
// of the others.
const (
	ownFirst = 32
	ownEach  = 64
)

// counted begins to count the calls anew.
func (l *Loop) counted() { l.owned.Store(0) }

// own panics if method is called on another goroutine than the loop's, while that runs.
func (l *Loop) own(method string) {
	if l.elsewhere() {
		l.wrong(method)
	}
}

func (l *Loop) owns(name func() string) {
	if l.elsewhere() {
		l.wrong(name())
	}
}

func (l *Loop) elsewhere() bool {
	if n := l.owned.Add(1); n > ownFirst && n%ownEach != 0 {
		return false
	}
	g := l.goroutine.Load()
	return g != 0 && g != goroutine()
}

func (l *Loop) wrong(method string) {
	panic(fmt.Sprintf("conn: %s was called on goroutine %d, and belongs to the loop's, goroutine %d: use Post", method, goroutine(), l.goroutine.Load()))
}

func (c *Conn) own(method string) { c.loop.own("Conn." + method) }

func (t *Timer) own(method string) {
	if t != nil && t.conn != nil {
		t.conn.loop.own("Timer." + method)
	}
}

// A glimpse is what handling an event should change.
type glimpse struct {
	calls uint64
	want  poller.Ready
	flags flags
}

func (c *Conn) sees() glimpse { return glimpse{c.loop.calls, c.want, c.flags} }

// wants is called when the interest changes: what was ready before, and only has its
// turn now, counts for nothing.
func (c *Conn) wants() { c.idle = 0 }

// acted panics if c was ready three times in a row, and nothing was read, written or
// changed about its interest: the loop would spin. Who is in line to be settled changes
// that later.
func (g glimpse) acted(c *Conn, r poller.Ready) {
	if c.is(closed|dirty) || g != c.sees() {
		c.idle = 0
		return
	}
	if c.idle++; c.idle == 3 {
		c.loop.running = c
		panic(fmt.Sprintf("conn: ready (%v) three times running, and nobody reads, writes or changes the interest (%v): flags %b, security %d", r, c.want, c.flags, c.sec))
	}
}
