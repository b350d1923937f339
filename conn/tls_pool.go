// pool: which handshakes of a TLS have a goroutine, and which wait for one.

package conn

import (
	"container/heap"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Nearly all of its time a handshake waits for its peer, and holds a goroutine; for a millisecond or
// so it computes, and holds a processor. The two have separate bounds: with one bound for both, a few
// peers that are slow, or silent on purpose, could use up all of it.
//
//   - A client that has not sent a whole ClientHello has no goroutine. TLS.Waiting bounds how many
//     connections have an unfinished handshake; at the bound, a client that has been silent for a second
//     is closed for the next.
//   - TLS.Handshakes bounds the goroutines, and with them the memory. While others wait for one, the
//     handshake that has waited for its peer longest is ended: see makeRoom. The sum of its waits counts,
//     so that a byte now and then gains nothing.
//   - computing bounds how many compute, in the whole process. No more handshakes begin than can compute
//     soon. So the others wait in the pool's queue, where their order is known.

const (
	// patience is how long a handshake may wait for its peer in all, while others wait for a
	// goroutine. It is shortened when many wait, so that all have their turn within it, but never below
	// leastPatience, which peers that are far away need.
	patience      = time.Second
	leastPatience = 300 * time.Millisecond

	// A part of the goroutines, one of as many, is kept free by ending the handshakes that have waited longest.
	// Without it, slow peers that come all at once would hold up others until the first had used up its second.
	reserve = 8

	firstEach = 8 // see take: a divisor of 256

	few = 16 // handshakes of an address at a time, before others go first
)

// maxBusy is how many handshakes of a TLS compute, or wait to.
var maxBusy = 4 * cap(computing)

// A pool deals goroutines to the handshakes of a TLS.
type pool struct {
	mu      sync.Mutex
	pending int                // connections whose handshake is not done
	running int                // goroutines
	leaving int                // goroutines whose handshake was ended to make room
	away    int                // goroutines within a function of the Config
	mute    handshakeList      // handshakes without a whole ClientHello
	queue   handshakeList      // handshakes that wait for a goroutine
	crowd   handshakeList      // the same, of addresses that have several already: see take
	from    map[netip.Addr]int // handshakes in queue and crowd, or with a goroutine, by address
	waiting byWait             // handshakes with a goroutine that wait for their peer
	timer   *time.Timer        // calls advance, for makeRoom
	due     time.Time          // when timer fires; zero: it does not run
	places  int                // TLS.Handshakes
	taken   uint8              // calls of take
	done    uint64             // handshakes that succeeded
	failed  uint64             // handshakes that failed
}

// enter counts one more connection. It reports false if there are too many.
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

// leave undoes enter.
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
	case hs.list == &p.mute:
		p.mute.remove(hs)
	case hs.list != nil:
		hs.list.remove(hs)
		p.forget(hs)
	case hs.waits:
		p.leaves(hs) // its context has ended
	}
}

// begin runs hs on a goroutine, now or when one is free.
func (p *pool) begin(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hs.list != nil {
		hs.list.remove(hs)
	}
	p.places = orDefault(hs.t.cfg.Handshakes, DefaultHandshakes)
	if p.from == nil {
		p.from = make(map[netip.Addr]int)
	}
	hs.from = origin(hs.remote)
	if p.from[hs.from]++; p.from[hs.from] <= few {
		p.queue.push(hs)
	} else {
		p.crowd.push(hs)
	}
	p.advance()
}

// forget takes hs out of those of its address.
func (p *pool) forget(hs *handshake) {
	if p.from[hs.from]--; p.from[hs.from] == 0 {
		delete(p.from, hs.from)
	}
}

// origin returns the address of a peer, or the network of 64 bits that it can choose its address from. It is
// the zero Addr of a peer that has none.
func origin(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}

// queued returns how many handshakes wait for a goroutine.
func (p *pool) queued() int { return p.queue.n + p.crowd.n }

// advance gives free goroutines to handshakes that wait for one, and makes room for the others.
func (p *pool) advance() {
	for p.queued() > 0 && p.running-len(p.waiting)-p.away < maxBusy {
		if p.running == p.places {
			p.makeRoom()
			return
		}
		p.running++
		go p.work(p.take())
	}
	if p.short() > 0 {
		p.makeRoom()
	}
}

// short returns how many goroutines less than reserve are free.
func (p *pool) short() int { return p.running + p.places/reserve - p.places }

// take takes the last of the queue, or of the crowd if there is no queue; and one time of firstEach the first
// of the crowd, or of the queue if there is no crowd. A queue is long only in a flood of ClientHellos. A flood
// from few addresses is in the crowd, and keeps nobody else. Of one from many most of those in the queue are
// the flood's: one that joins it need not wait for them, and the first is not passed over for ever. Each that
// is taken makes room by the end of another, which may come again at once. So newcomers would pile up if they
// had but half of the turns.
func (p *pool) take() (hs *handshake) {
	p.taken++
	switch turn := p.taken%firstEach == 0; {
	case turn && p.crowd.n > 0:
		hs = p.crowd.first
	case turn:
		hs = p.queue.first
	case p.queue.n > 0:
		hs = p.queue.last
	default:
		hs = p.crowd.last
	}
	hs.list.remove(hs)
	return hs
}

// work runs one handshake after another, until none waits.
func (p *pool) work(hs *handshake) {
	for hs != nil {
		hs = p.run(hs)
	}
}

// run runs hs and returns the next. It gives back what hs holds before it posts to the connection, also if
// a function of the Config panics or ends the goroutine.
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
	p.forget(hs)
	if hs.leaving {
		p.leaving--
	}
	if p.queued() == 0 || p.running-1-len(p.waiting)-p.away >= maxBusy {
		p.running--
		return nil
	}
	return p.take()
}

// wait notes that hs waits for its peer from now on.
func (p *pool) wait(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hs.since = time.Now().Add(-hs.waited)
	heap.Push(&p.waiting, hs)
	p.advance()
}

// resume notes that hs waits no more.
func (p *pool) resume(hs *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hs.waited = time.Since(hs.since)
	if hs.waits {
		heap.Remove(&p.waiting, hs.index)
	}
}

// makeRoom ends handshakes that have used up their patience, as many as wait for a goroutine, or as many as
// are missing from the reserve. If there are not enough, it runs again when the next one has.
func (p *pool) makeRoom() {
	for p.leaving < max(min(p.queued(), maxBusy), p.short()) && len(p.waiting) > 0 {
		hs := p.waiting[0]
		if left := time.Until(hs.since.Add(p.patience())); left > 0 {
			p.comeAgain(left)
			return
		}
		p.leaves(hs)
		hs.cancel(errCrowded)
	}
}

// patience returns how long a handshake may now wait for its peer in all.
func (p *pool) patience() time.Duration {
	if p.short() > 0 {
		return leastPatience
	}
	return max(patience*time.Duration(p.places)/time.Duration(p.places+p.queued()), leastPatience)
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

// leaves marks a handshake that waits for its peer, and whose goroutine will be free in a moment.
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
	list       *handshakeList // the list that it is in
	from       netip.Addr     // what counts as its address: see origin
	prev, next *handshake     // its neighbours in list
	waits      bool           // it is in pool.waiting
	index      int            // its place in pool.waiting
	since      time.Time      // when it began to wait, moved back by waited
	waited     time.Duration  // how long it has waited for its peer in all
	leaving    bool           // it was ended to make room
}
