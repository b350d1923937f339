// The goroutines that call handlers: at most so many, each kept for the next call, and
// a queue of calls that wait in order.

package nethttp

import (
	"slices"
	"sync"
	"time"
)

const (
	mostWaiting = 16 << 10        // calls that wait for a goroutine
	idleWorker  = 5 * time.Second // after one to two of these an idle goroutine ends
)

// A pool runs calls. Its methods may be called from any goroutine.
type pool struct {
	limit int // goroutines; 0 or less: no limit

	mu      sync.Mutex
	running int // goroutines, idle ones included
	idle    []chan *call
	here    int  // calls that run on the goroutines of loops
	least   int  // goroutines that have been idle ever since the last sweep
	swept   bool // a sweep has been scheduled

	first, last *call // the queue of calls that wait
	waiting     int

	early int // calls that run whose body has not come: see submitEarly
	users int // sites: loops of servers that have not stopped
}

// A place is a call's place in a pool. pool.mu guards it.
type place struct {
	next, prev *call
	queued     bool
	early      bool // the call counts in pool.early
	here       bool // the call counts in pool.here
}

// enter takes a place for a call that is going to run on a loop's goroutine, if one is
// free and nobody waits for it.
func (p *pool) enter(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting > 0 || p.full() {
		return false
	}
	p.here++
	c.here = true
	return true
}

// exit gives back what enter took, unless leave has done so.
func (p *pool) exit(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.here {
		return
	}
	c.here = false
	p.here--
	if next := p.first; next != nil && !p.full() {
		p.unlink(next)
		p.start(next)
	}
}

// full reports whether as many handlers run as may. p.mu is held.
func (p *pool) full() bool {
	return p.limit > 0 && p.running-len(p.idle)+p.here >= p.limit
}

// start has an idle goroutine run c, or a new one. p.mu is held.
func (p *pool) start(c *call) {
	if n := len(p.idle); n > 0 {
		g := p.idle[n-1] // the one whose stack is still in the cache
		p.idle = p.idle[:n-1]
		p.least = min(p.least, n-1)
		g <- c
		return
	}
	p.running++
	go p.work(c)
}

// use counts the sites that may still submit calls. When the last one goes, the idle
// goroutines end.
func (p *pool) use(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users += n; p.users == 0 {
		p.dismiss(len(p.idle))
	}
}

// submitEarly is submit for a call whose body has not come. Such calls get at most half of
// the workers, or least if that is more, and do not wait in the queue. It returns false if
// there is no worker for c now.
func (p *pool) submitEarly(c *call, least int) bool {
	p.mu.Lock()
	spare := p.early < max(p.limit/2, least) && p.waiting == 0 && !p.full()
	if spare {
		p.early++
		c.early = true
	}
	p.mu.Unlock()
	if spare {
		c.mu.Lock()
		c.state = queued
		c.mu.Unlock()
		p.submit(c)
	}
	return spare
}

// submit makes a goroutine run c: an idle one, a new one, or the next that becomes free. It
// returns false if too many calls wait already.
func (p *pool) submit(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.full() {
		p.start(c)
		return true
	}
	if p.waiting == mostWaiting {
		return false
	}
	c.place.queued, c.prev = true, p.last
	if p.last == nil {
		p.first = c
	} else {
		p.last.next = c
	}
	p.last = c
	p.waiting++
	return true
}

// forget takes c out of the queue, and reports whether it was there.
func (p *pool) forget(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.place.queued {
		return false
	}
	p.unlink(c)
	return true
}

func (p *pool) unlink(c *call) {
	if c.prev == nil {
		p.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		p.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.next, c.prev, c.place.queued = nil, nil, false
	p.waiting--
}

// work is a goroutine's life.
func (p *pool) work(c *call) {
	defer func() {
		if c != nil { // runtime.Goexit in a handler ended it
			p.drop(c)
		}
	}()
	mine := make(chan *call, 1)
	for c != nil {
		c.run()
		c = p.take(mine, c)
	}
}

// take waits for the next call and returns it, or nil if the goroutine is to end.
func (p *pool) take(mine chan *call, ran *call) *call {
	left := ran.resp.gone()
	p.mu.Lock()
	p.settle(ran)
	if left {
		p.mu.Unlock()
		return nil // it does not count any more
	}
	if c := p.first; c != nil {
		p.unlink(c)
		p.mu.Unlock()
		return c
	}
	if p.users == 0 {
		p.running--
		p.mu.Unlock()
		return nil
	}
	p.idle = append(p.idle, mine)
	if !p.swept {
		p.swept, p.least = true, 0
		time.AfterFunc(idleWorker, p.sweep)
	}
	p.mu.Unlock()
	return <-mine
}

// leave takes c's goroutine out of the count, because it ends, or has hijacked a
// connection. The next call that waits gets another.
func (p *pool) leave(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(c)
	if c.here {
		c.here = false
		p.here--
	} else {
		p.running--
	}
	if next := p.first; next != nil && !p.full() {
		p.unlink(next)
		p.start(next)
	}
}

// sweep ends the goroutines that have had nothing to do since the last sweep.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dismiss(p.least)
	p.least = len(p.idle)
	if p.swept = p.least > 0; p.swept {
		time.AfterFunc(idleWorker, p.sweep)
	}
}

// dismiss ends the n goroutines that have been idle longest. p.mu is held.
func (p *pool) dismiss(n int) {
	for _, g := range p.idle[:n] {
		g <- nil
	}
	p.running -= n
	p.idle = slices.Delete(p.idle, 0, n)
	p.least = min(p.least, len(p.idle))
}

// drop forgets a call whose goroutine has ended with it.
func (p *pool) drop(c *call) {
	left := c.resp.gone()
	if left {
		p.arrived(c)
	} else {
		p.leave(c)
	}
}

// arrived notes that the call's body has come, or is not waited for any more.
func (p *pool) arrived(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(c)
}

// settle is arrived with p.mu held.
func (p *pool) settle(c *call) {
	if c.early {
		c.early = false
		p.early--
	}
}

// gone reports whether the goroutine is the handler's own now: it hijacked.
func (r *response) gone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hijacked
}
