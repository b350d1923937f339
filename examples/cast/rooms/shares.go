// Shares: how much of what is for all may be used from one address.

package rooms

import "sync"

// shares counts what each address uses of something. The zero value is ready for use, and
// it may be used from any goroutine.
type shares struct {
	mu  sync.Mutex
	all map[string]*share
}

// A share is what one address uses; nil is that of one who is not counted.
type share struct {
	of   *shares
	addr string
	used int
}

// take counts one more for an address, and returns where to give it back. ok is false if
// the address uses the most already; 0 is no limit.
func (s *shares) take(addr string, most int) (one *share, ok bool) {
	if addr == "" || most <= 0 {
		return nil, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one = s.all[addr]
	switch {
	case one == nil:
		if s.all == nil {
			s.all = make(map[string]*share)
		}
		one = &share{of: s, addr: addr}
		s.all[addr] = one
	case one.used >= most:
		return nil, false
	}
	one.used++
	return one, true
}

// give ends what take has begun.
func (one *share) give() {
	if one == nil {
		return
	}
	one.of.mu.Lock()
	defer one.of.mu.Unlock()
	if one.used--; one.used == 0 {
		delete(one.of.all, one.addr)
	}
}
