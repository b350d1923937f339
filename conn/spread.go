// Spread: the connections of one socket on several loops. Every loop accepts, so that
// one that is blocked stops no other, and deals what it accepts to all in turn, so that
// the shares are even. If a loop does not take a connection, because a callback blocks
// it, the connection is taken back.

package conn

import (
	"slices"
	"sync/atomic"
	"time"
)

// dealtFor is how long a busy loop may leave a connection that was dealt to it before
// it is taken back. A turn is shorter, unless a callback blocks.
const dealtFor = 10 * time.Millisecond

// A spread is shared by the listeners of a socket, one on each loop.
type spread struct {
	loops []*Loop
	turn  atomic.Uint32
}

// A dealt is a connection that one loop has accepted for another.
type dealt struct {
	fd int
	h  *Handler
	at time.Duration // when, as sinceStart has it
}

var start = time.Now()

// sinceStart returns the time of the loop's turn by a clock that all loops share.
func (l *Loop) sinceStart() time.Duration { return l.epoch.Sub(start) + l.at }

// Spread deals new connections to loops in turn, instead of keeping them on the
// listener's own loop. All of these loops accept. One whose callbacks block gets no
// further connections, and does not keep the others from accepting. While the listener
// is open, Run of these loops does not return for lack of work. If a loop has ended,
// the next one gets its connections. Spread() with no loops ends the spreading.
func (ln *Listener) Spread(loops ...*Loop) {
	ln.loop.own("Listener.Spread")
	ln.unite()
	if ln.fd < 0 || len(loops) == 0 {
		return
	}
	ln.spread = &spread{loops: slices.Clone(loops)}
	for i, l := range loops {
		if l == ln.loop || slices.Contains(loops[:i], l) {
			continue
		}
		fd, err := duplicate(ln.fd)
		if err != nil {
			continue // the other loops accept its connections
		}
		twin := &Listener{loop: l, h: ln.h, fd: fd, addr: ln.addr, spread: ln.spread}
		if l.Post(twin.join) != nil {
			closeFD(fd)
			continue
		}
		ln.twins = append(ln.twins, twin)
	}
}

// join starts a twin, on its loop.
func (ln *Listener) join() {
	l := ln.loop
	ln.slot = l.slots.alloc(ln)
	if !l.ending && ln.watch() == nil {
		return
	}
	ln.rests = true
	ln.stop(nil)
}

// unite ends what Spread began.
func (ln *Listener) unite() {
	for _, twin := range ln.twins {
		twin.loop.Post(func() { // if that loop has ended, so has the twin
			if twin.fd >= 0 {
				twin.Close()
			}
		})
	}
	ln.twins, ln.spread = nil, nil
}

// deal gives fd to the loop whose turn it is. If that is this one, it returns the
// connection.
func (ln *Listener) deal(fd int) *Conn {
	l := ln.loop
	l.stats.Accepted++
	if s := ln.spread; s != nil {
		for range s.loops {
			to := s.loops[int(s.turn.Add(1)-1)%len(s.loops)]
			if to == l {
				break
			}
			if ok, asleep := to.give(dealt{fd, ln.h, l.sinceStart()}); ok {
				if !asleep {
					ln.checkLater()
				}
				return nil
			}
		}
	}
	return l.accepted(fd, ln.h)
}

// give hands a connection to l, which may run on another goroutine. ok is false if l
// has ended or is blocked. asleep means that l slept, and takes the connection at
// once.
func (l *Loop) give(d dealt) (ok, asleep bool) {
	b := &l.post
	b.mu.Lock()
	if b.ended || len(b.dealt) > 0 && d.at-b.dealt[0].at > dealtFor {
		b.mu.Unlock()
		return false, false
	}
	b.dealt = append(b.dealt, d)
	b.waiting.Store(int32(len(b.dealt)))
	b.mu.Unlock()
	if b.asleep.CompareAndSwap(true, false) {
		l.poll.Wake()
		asleep = true
	}
	return true, asleep
}

// takeDealt takes the next connection that was dealt to the loop.
func (b *postbox) takeDealt() (d dealt, ok bool) {
	if b.waiting.Load() == 0 {
		return dealt{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dealt) == 0 {
		return dealt{}, false
	}
	d = b.dealt[0]
	b.dealt = slices.Delete(b.dealt, 0, 1)
	b.waiting.Store(int32(len(b.dealt)))
	return d, true
}

// checkLater arranges for check to run after dealtFor.
func (ln *Listener) checkLater() {
	if ln.checks.Running() {
		return
	}
	if ln.checks == nil {
		ln.checks = ln.loop.After(dealtFor, ln.check)
		return
	}
	ln.checks.Reset(dealtFor)
}

// check takes back connections that a loop has left for too long.
func (ln *Listener) check() {
	if ln.spread == nil || ln.fd < 0 {
		return
	}
	now, left := ln.loop.sinceStart(), false
	for _, l := range ln.spread.loops {
		if l == ln.loop {
			continue
		}
		b := &l.post
		b.mu.Lock()
		old := 0
		for old < len(b.dealt) && now-b.dealt[old].at >= dealtFor {
			old++
		}
		back := slices.Clone(b.dealt[:old])
		b.dealt = slices.Delete(b.dealt, 0, old)
		b.waiting.Store(int32(len(b.dealt)))
		left = left || len(b.dealt) > 0
		b.mu.Unlock()
		for _, d := range back {
			if c := ln.loop.accepted(d.fd, d.h); c != nil {
				c.later() // open
			}
		}
	}
	if left {
		ln.checkLater()
	}
}
