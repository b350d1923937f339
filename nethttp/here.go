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
	// quick is how long handlers of a kind take on average that the loop calls itself:
	// about as much as handing them over costs.
	quick = 50 * time.Microsecond

	// Where there are fewer loops than processors it is a part of that: the others could
	// do the handlers' work meanwhile.
	fewLoops = 2

	// slow is what handlers count for that take longer: some do because the machine is
	// busy, or the garbage collector.
	slow = 500 * time.Microsecond
)

// took is how long the last handlers of a kind took: a moving average.
type took time.Duration

func (t *took) note(d time.Duration) { *t += (took(min(d, slow)) - *t) / 16 }

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
	return time.Duration(s.took[c.kind]) < limit && !x.Receiving() && s.adapter.pool.enter(c)
}

// runs calls the handler, and then those of what the client has pipelined, as far as
// that is quick too: their answers leave in one write. A handler that is slow holds none
// of them back, because then another goroutine goes on with the loop, and sends them.
func (s *site) runs(c *call, x adapt.Exchange) {
	if s.waiting() > 0 {
		s.loop.Post(s.flush) // what others have answered does not wait for these
	}
	for c != nil {
		if !lend.Run(s.loop, c.desk.here) {
			s.adapter.pool.exit(c)
			c.submit(x)
			return
		}
		c, x = s.follow(x)
	}
}

// follow returns the client's next request, if its handler is to be called next.
func (s *site) follow(x adapt.Exchange) (*call, adapt.Exchange) {
	before := s.waiting()
	s.following = true
	defer func() { // also if a handler panics
		s.following = false
		if before == 0 && s.waiting() > 0 {
			s.loop.Post(s.flush)
		}
	}()
	x.Next()
	if before > 0 || s.waiting() == 0 || s.loop.Late() {
		return nil, nil
	}
	c := s.calls[s.at]
	x = c.exchange()
	if x == nil || !s.mayRun(c, x) {
		return nil, nil
	}
	return s.next(), x
}

// onHere calls the handler on a goroutine that is lent. From then on it may lose the
// loop at any time, and so touches nothing of the site's.
func (d *desk) onHere(lease *lend.Lease) {
	c := d.call
	c.lease = lease
	defer c.peer.site.adapter.pool.exit(c) // also if the handler ends the goroutine
	c.run()
}
