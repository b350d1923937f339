// pool: as many goroutines for handshakes as there may be, and a queue of those
// that have none yet.

package conn

import "sync"

// A pool deals goroutines to the handshakes of a TLS.
type pool struct {
	mu      sync.Mutex
	pending int        // connections whose handshake is not done
	running int        // goroutines
	leaving int        // of them, those that make room
	first   *handshake // that waits for a goroutine
	last    *handshake
	queued  int
	done    uint64
	failed  uint64
}

// enter counts one more connection, unless they are too many.
func (p *pool) enter(s *TLS) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending >= orDefault(s.Waiting, DefaultWaiting) {
		p.failed++
		return false
	}
	p.pending++
	return true
}

// leave is the end of what enter began.
func (p *pool) leave(hs *handshake, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	if done {
		p.done++
	} else {
		p.failed++
	}
	if hs.queued {
		p.remove(hs)
	}
}

// begin runs hs on a goroutine, now or when there is one.
func (p *pool) begin(hs *handshake, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running >= most {
		p.push(hs)
		return
	}
	p.running++
	go p.work(hs)
}

// work runs one handshake after another, until none waits.
func (p *pool) work(hs *handshake) {
	for hs != nil {
		hs.run()
		hs = p.next(hs.leaves)
	}
}

// next takes the first that waits; left tells that room was made for it.
func (p *pool) next(left bool) *handshake {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left {
		p.leaving--
	}
	hs := p.first
	if hs == nil {
		p.running--
		return nil
	}
	p.remove(hs)
	return hs
}

// yield tells a handshake to make room: as many are told as wait.
func (p *pool) yield() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queued <= p.leaving {
		return false
	}
	p.leaving++
	return true
}

func (p *pool) push(hs *handshake) {
	hs.queued, hs.prev = true, p.last
	if p.last != nil {
		p.last.next = hs
	} else {
		p.first = hs
	}
	p.last = hs
	p.queued++
}

func (p *pool) remove(hs *handshake) {
	if hs.prev != nil {
		hs.prev.next = hs.next
	} else {
		p.first = hs.next
	}
	if hs.next != nil {
		hs.next.prev = hs.prev
	} else {
		p.last = hs.prev
	}
	hs.queued, hs.prev, hs.next = false, nil, nil
	p.queued--
}
