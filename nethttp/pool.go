// The goroutines that call handlers: at most so many, each kept for the next call, and
// a queue of calls that wait in order.

package nethttp

import (
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
	least   int  // of them were idle ever since the last sweep
	swept   bool // a sweep is to come

	first, last *call // they wait
	waiting     int
}

// submit has c run by a goroutine that is idle, by a new one, or when one
// becomes free. It answers false if too many wait for that.
func (p *pool) submit(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		g := p.idle[n-1] // the one whose stack is still in the cache
		p.idle = p.idle[:n-1]
		p.least = min(p.least, n-1)
		g <- c
		return true
	}
	if p.limit <= 0 || p.running < p.limit {
		p.running++
		go p.work(c)
		return true
	}
	if p.waiting == mostWaiting {
		return false
	}
	c.queued, c.prev = true, p.last
	if p.last == nil {
		p.first = c
	} else {
		p.last.next = c
	}
	p.last = c
	p.waiting++
	return true
}

// forget takes c out of the queue, and answers whether it was in it.
func (p *pool) forget(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.queued {
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
	c.next, c.prev, c.queued = nil, nil, false
	p.waiting--
}

// work is a goroutine's life.
func (p *pool) work(c *call) {
	defer func() {
		if c != nil && !c.resp.hijacked {
			p.leave() // runtime.Goexit in a handler ended it
		}
	}()
	mine := make(chan *call, 1)
	for c != nil {
		c.run()
		c = p.take(mine, c)
	}
}

// take answers the next call, when there is one, or nil.
func (p *pool) take(mine chan *call, ran *call) *call {
	p.mu.Lock()
	if ran.resp.hijacked {
		p.mu.Unlock()
		return nil // it does not count any more
	}
	if c := p.first; c != nil {
		p.unlink(c)
		p.mu.Unlock()
		return c
	}
	p.idle = append(p.idle, mine)
	if !p.swept {
		p.swept, p.least = true, 0
		time.AfterFunc(idleWorker, p.sweep)
	}
	p.mu.Unlock()
	return <-mine
}

// leave takes a goroutine out of the count: it ends, or has a connection of its
// own. Who waits for one gets another.
func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.first; c != nil {
		p.unlink(c)
		go p.work(c)
		return
	}
	p.running--
}

// sweep ends the goroutines that have had nothing to do since the last sweep.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.idle[:p.least] { // those at the bottom
		g <- nil
	}
	p.running -= p.least
	n := copy(p.idle, p.idle[p.least:])
	clear(p.idle[n:])
	p.idle = p.idle[:n]
	p.least = n
	if p.swept = n > 0; p.swept {
		time.AfterFunc(idleWorker, p.sweep)
	}
}
