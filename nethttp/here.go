// Handlers that are quick are called on the loop's own goroutine: two goroutines that
// wake each other cost more than such a handler does. If it turns out not to be
// quick, the loop goes on on another goroutine (see internal/lend), and the next
// calls of its kind go to the pool.

package nethttp

import (
	"hash/maphash"
	"runtime"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/lend"
)

const (
	// The loop calls handlers itself if those of their kind take less than quick on average.
	// Handing one over costs some microseconds, and a handler that waits for anything takes
	// longer than that.
	quick = 20 * time.Microsecond

	// If there are fewer loops than processors, quick is divided by fewLoops: the other
	// processors could do the handlers' work meanwhile.
	fewLoops = 2

	// A call that takes longer than slow counts as slow: it may have taken so long only
	// because the machine or the garbage collector was busy.
	slow = 10 * quick

	// wary is how many calls of a kind are handed over after one that has lost the loop.
	// Such a call keeps others waiting for a millisecond or two, about as long as it takes
	// to hand over so many: if one call in a hundred waits for a backend, it seldom does so
	// on the loop.
	wary = 256
)

// A habit is how long the last handlers of a kind took.
type habit struct {
	mean time.Duration // moving average
	wary int           // calls to be handed over in any case
}

// note counts a call that took d, and perhaps lost the loop: then the next wary calls
// are handed over.
func (h *habit) note(d time.Duration, lost bool, wary int) {
	h.mean += (min(d, slow) - h.mean) / 16
	if lost {
		h.wary = wary
	} else {
		h.wary = max(h.wary-1, 0)
	}
}

// kindOf groups requests whose handlers take about as long: by method, and by the first
// two segments of the path, as far as they are short.
func kindOf(method, target string) uint8 {
	path, _, _ := strings.Cut(target[:min(len(target), 32)], "?")
	end := 0
	for range 3 { // "", the first, the second
		i := strings.IndexByte(path[end:], '/')
		if i < 0 {
			end = len(path)
			break
		}
		end += i + 1
	}
	return uint8(maphash.String(seed, path[:end])) + uint8(len(method))
}

// mayRun reports whether the loop should call the handler itself, and takes a place for
// it in the pool. The body has to be here: else the handler would wait.
func (s *site) mayRun(c *call, x adapt.Exchange) bool {
	h := &c.desk.head
	c.kind = kindOf(c.text(h.Method), c.text(h.Target))
	limit := s.adapter.quick
	if int(s.adapter.loops.Load()) < runtime.GOMAXPROCS(0) {
		limit /= fewLoops
	}
	is := &s.habits[c.kind]
	return is.wary == 0 && is.mean < limit && !x.Receiving() && s.adapter.pool.enter(c)
}

// Run is that of lend.Function: it calls the handler. From now on it may lose the loop
// at any time, and so touches nothing of the site's.
func (c *call) Run(lease *lend.Lease) {
	c.lease = lease
	defer c.peer.site.adapter.pool.exit(c) // also if the handler ends the goroutine
	c.run()
}

// Then is that of lend.Function: it ends the exchange, and returns the client's next
// request if that is to be run here too: the answers to a pipeline leave in one write.
func (c *call) Then() lend.Function {
	c.mu.Lock()
	d, posted := c.desk, c.posted
	c.mu.Unlock()
	if d == nil || posted {
		return nil // it was hijacked, or the step that was posted does it
	}
	x := c.exchange()
	d.onStep()
	if x == nil {
		return nil
	}
	if next := c.peer.site.follow(x); next != nil {
		return next
	}
	return nil
}

// Resume is that of lend.Function: it is called if Run has lost the loop.
func (c *call) Resume() { c.peer.site.hand() }

// follow returns the client's next request, if its handler is to be called next.
func (s *site) follow(x adapt.Exchange) *call {
	before := len(s.calls)
	s.following = true
	defer func() { // also if a native handler panics
		s.following = false
		if len(s.calls) > before {
			s.loop.Post(s.flush)
		}
	}()
	x.Next()
	last := len(s.calls) - 1
	if last < before || s.loop.Late() {
		return nil
	}
	c := s.calls[last]
	x = c.exchange()
	if x == nil || !s.mayRun(c, x) {
		return nil
	}
	s.calls[last] = nil
	s.calls = s.calls[:last]
	return c
}
