// Post: how other goroutines reach the loop. It takes a mutex, a slice, and one wake
// of the poller for all functions that come before the loop looks.

package conn

import (
	"net"
	"sync"
	"sync/atomic"
)

// Post runs fn on the loop, after what is running now. It may be called from
// any goroutine, the loop's own included, and never blocks. The order of one
// goroutine's posts is kept. Once Run has returned it returns net.ErrClosed,
// and fn is not run.
func (l *Loop) Post(fn func()) error { return l.enqueue(posted{fn: fn}) }

// Post runs fn on the connection's loop: see [Loop.Post]. By then the
// connection may have been closed. A panic in fn closes it.
func (c *Conn) Post(fn func()) error { return c.loop.enqueue(posted{fn: fn, conn: c}) }

// posted is a function to run. A panic in it closes conn, if that is not nil.
type posted struct {
	fn   func()
	conn *Conn
}

type postbox struct {
	mu     sync.Mutex
	coming []posted // what was posted and not taken yet
	dealt  []dealt  // connections from other loops: see Spread
	ended  bool

	asleep atomic.Bool // the loop waits, or is about to: a wake is needed

	waiting atomic.Int32 // len(dealt)

	running []posted // taken from coming, to be run one by one; only the loop uses it
	at      int
}

// enqueue puts p into the loop's box, and wakes the loop if it sleeps.
func (l *Loop) enqueue(p posted) error {
	b := &l.post
	b.mu.Lock()
	if b.ended {
		b.mu.Unlock()
		return net.ErrClosed
	}
	b.coming = append(b.coming, p)
	b.mu.Unlock()
	if b.asleep.CompareAndSwap(true, false) {
		// Wake fails if Run has returned meanwhile, and then p has run already.
		l.poll.Wake()
	}
	return nil
}

// take takes what has come so far, and returns how many functions are to be run.
func (b *postbox) take() int {
	if b.at == len(b.running) {
		b.mu.Lock()
		b.running, b.coming = b.coming, b.running[:0]
		b.mu.Unlock()
		b.at = 0
	}
	return len(b.running) - b.at
}

// run runs the next of what take has taken.
func (b *postbox) run(l *Loop) {
	p := b.running[b.at]
	b.running[b.at] = posted{} // keep nothing alive
	b.at++
	if b.at == len(b.running) && cap(b.running) > 4096 {
		b.running, b.at = nil, 0 // after a flood: do not keep its slice
	}
	l.running = p.conn
	p.fn()
}

// left reports whether functions that take has taken, or connections dealt, are left.
func (b *postbox) left() bool { return b.at < len(b.running) || b.waiting.Load() > 0 }

// sleep announces that the loop is about to wait. It returns false if there is
// something to run: then the loop must not wait.
func (b *postbox) sleep() bool {
	b.asleep.Store(true)
	b.mu.Lock()
	empty := len(b.coming)+len(b.dealt) == 0
	b.mu.Unlock()
	if !empty {
		b.asleep.Store(false)
	}
	return empty
}

func (b *postbox) awake() { b.asleep.Store(false) }

// end closes the box, unless something is in it, and reports whether it did.
func (b *postbox) end() bool {
	if b.left() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.coming)+len(b.dealt) > 0 {
		return false
	}
	b.ended = true
	return true
}

// close closes the box. What is in it will still be run.
func (b *postbox) close() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
}
