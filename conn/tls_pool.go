// pool: who of a TLS's handshakes has a goroutine, and who waits for one.

package conn

import (
	"container/heap"
	"sync"
	"time"
)

// Nearly all of its time a handshake waits for its peer, and holds a goroutine; for a millisecond or
// so it computes, and holds a processor. The two are bounded apart: if one bound were for both, a few
// peers who are slow, or silent on purpose, would hold all of it.
//
//   - A client who has not sent a whole ClientHello has no goroutine. TLS.Waiting bounds how many there
//     are; at the bound, who has been there for a second makes room for the next.
//   - TLS.Handshakes bounds the goroutines, and with them the memory. While others wait for one, who has
//     waited for its peer longest makes room: see makeRoom. What counts is the sum of its waits, so that
//     a byte now and then gains nothing.
//   - computing bounds how many compute, in the whole process. No more begin than can soon have it, so that
//     the line of those who wait is here, where it is known who came last.

const (
	// patience is how long a handshake may wait for its peer, in sum, while others wait for a
	// goroutine. The more of them there are the less it is, so that all have their turn within it; but
	// never less than leastPatience, or nobody far away would get through.
	patience      = time.Second
	leastPatience = 100 * time.Millisecond
)

// maxBusy is how many handshakes of a TLS compute, or wait to.
var maxBusy = 4 * cap(computing)

// A pool deals goroutines to the handshakes of a TLS.
type pool struct {
	mu      sync.Mutex
	pending int           // connections whose handshake is not done
	running int           // goroutines
	leaving int           // of them, those that make room
	away    int           // of them, those within a function of the Config
	mute    handshakeList // those without a whole ClientHello
	queue   handshakeList // those without a goroutine
	waiting byWait        // those with a goroutine that wait for their peer
	timer   *time.Timer   // of makeRoom
	due     time.Time     // when it fires; zero: it does not
	places  int           // TLS.Handshakes
	last    bool          // take took the last one
	done    uint64
	failed  uint64
}

// enter counts one more connection, unless they are too many.
func (p *pool) enter(hs *handshake) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending >= orDefault(hs.t.cfg.Waiting, DefaultWaiting) && !p.evictMute() {
		p.failed++
		return false
	}
	p.pending++
	if !hs.t.client {
		hs.since = time.Now()
		p.mute.push(hs)
	}
	return true
}

// evictMute ends the handshake that has been waiting longest for a ClientHello, if that is long enough.
func (p *pool) evictMute() bool {
	hs := p.mute.first
	if hs == nil || time.Since(hs.since) < patience {
		return false
	}
	p.mute.remove(hs)
	c := hs.t.c
	return c.Post(func() { c.failHandshake(errCrowded) }) == nil
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
	switch {
	case hs.list != nil:
		hs.list.remove(hs)
	case hs.waits:
		p.leaves(hs) // its context has ended
	}
}

// begin runs hs on a goroutine, now or when there is one.
func (p *pool) begin(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hs.list != nil {
		hs.list.remove(hs)
	}
	p.places = orDefault(hs.t.cfg.Handshakes, DefaultHandshakes)
	p.queue.push(hs)
	p.advance()
}

// advance gives goroutines to those that wait for one, as far as there are any, and makes room for the
// others.
func (p *pool) advance() {
	for p.queue.n > 0 && p.running-len(p.waiting)-p.away < maxBusy {
		if p.running == p.places {
			p.makeRoom()
			return
		}
		p.running++
		go p.work(p.take())
	}
}

// take takes from the queue whoever has come first and whoever has come last, in turn. The first is not
// passed over for ever; and one who comes into a long line need not see the end of it.
func (p *pool) take() *handshake {
	hs := p.queue.first
	if p.last = !p.last; p.last {
		hs = p.queue.last
	}
	p.queue.remove(hs)
	return hs
}

// work runs one handshake after another, until none waits.
func (p *pool) work(hs *handshake) {
	for hs != nil {
		hs = p.run(hs)
	}
}

// run runs hs and returns the next. What hs holds is given back before its connection is told; also
// where a function of the Config panics, or ends the goroutine.
func (p *pool) run(hs *handshake) (next *handshake) {
	err := errUnfinished
	defer func() {
		v := recover()
		hs.stopComputing()
		next = p.next(hs)
		hs.finish(err, v)
		if v == nil && err == errUnfinished && next != nil {
			go p.work(next)
		}
	}()
	hs.compute()
	err = hs.do()
	return
}

// next takes the handshake that gets the goroutine of hs.
func (p *pool) next(hs *handshake) *handshake {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hs.leaving {
		p.leaving--
	}
	if p.queue.n == 0 || p.running-1-len(p.waiting)-p.away >= maxBusy {
		p.running--
		return nil
	}
	return p.take()
}

// wait says that hs waits for its peer from now on.
func (p *pool) wait(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hs.since = time.Now().Add(-hs.waited)
	heap.Push(&p.waiting, hs)
	p.advance()
}

// resume is the end of what wait began.
func (p *pool) resume(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hs.waited = time.Since(hs.since)
	if hs.waits {
		heap.Remove(&p.waiting, hs.index)
	}
}

// makeRoom ends as many of the handshakes as others wait for a goroutine, of those that have used up
// their time; and comes again when the next one will have.
func (p *pool) makeRoom() {
	for p.leaving < min(p.queue.n, maxBusy) && len(p.waiting) > 0 {
		hs := p.waiting[0]
		if left := time.Until(hs.since.Add(p.patience())); left > 0 {
			p.comeAgain(left)
			return
		}
		p.leaves(hs)
		hs.cancel(errCrowded)
	}
}

// patience is how long a handshake may wait for its peer now.
func (p *pool) patience() time.Duration {
	return max(patience*time.Duration(p.places)/time.Duration(p.places+p.queue.n), leastPatience)
}

func (p *pool) comeAgain(d time.Duration) {
	due := time.Now().Add(d)
	switch {
	case !p.due.IsZero() && !due.Before(p.due):
		return
	case p.timer == nil:
		p.timer = time.AfterFunc(d, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.due = time.Time{}
			p.advance()
		})
	default:
		p.timer.Reset(d)
	}
	p.due = due
}

// leaves marks one that waits for its peer, and whose goroutine is free in a moment.
func (p *pool) leaves(hs *handshake) {
	heap.Remove(&p.waiting, hs.index)
	hs.leaving = true
	p.leaving++
}

// byWait is a heap of handshakes, the one that has waited longest first.
type byWait []*handshake

func (w byWait) Len() int           { return len(w) }
func (w byWait) Less(i, j int) bool { return w[i].since.Before(w[j].since) }
func (w byWait) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

func (w *byWait) Push(x any) {
	hs := x.(*handshake)
	hs.waits, hs.index = true, len(*w)
	*w = append(*w, hs)
}

func (w *byWait) Pop() any {
	last := len(*w) - 1
	hs := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	hs.waits = false
	return hs
}

// A handshakeList is a list of handshakes, each in one at most, the oldest first.
type handshakeList struct {
	first, last *handshake
	n           int
}

func (l *handshakeList) push(hs *handshake) {
	hs.list, hs.prev = l, l.last
	if l.last != nil {
		l.last.next = hs
	} else {
		l.first = hs
	}
	l.last = hs
	l.n++
}

func (l *handshakeList) remove(hs *handshake) {
	if hs.prev != nil {
		hs.prev.next = hs.next
	} else {
		l.first = hs.next
	}
	if hs.next != nil {
		hs.next.prev = hs.prev
	} else {
		l.last = hs.prev
	}
	hs.list, hs.prev, hs.next = nil, nil, nil
	l.n--
}

// scheduling is what a pool knows of a handshake, under its mutex.
type scheduling struct {
	list       *handshakeList // that it is in
	prev, next *handshake     // there
	waits      bool           // it is in pool.waiting
	index      int            // there
	since      time.Time      // when it would have begun to wait, had it waited without a break
	waited     time.Duration  // for its peer, in sum
	leaving    bool           // its goroutine is free in a moment
}
