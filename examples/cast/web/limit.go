// Limits: how fast one who sends may go on.

package web

import (
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/lurcher-net/lurcher/server"
)

// limits are those of addresses, and of names at addresses. There is room for so
// many; one more makes it empty, which forgets what has been used up: a bound on
// memory comes first.
type limits struct {
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

const (
	mostLimits = 1 << 16
	housemates = 10 // an address may send as much as so many visitors: it may be that of many
)

// allow reports whether somebody at an address may send a message now. name is empty
// for one whose own limit is kept elsewhere.
func (l *limits) allow(addr, name string, each float64, burst int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name != "" && !l.of(addr+" "+name, each, burst).Allow() {
		return false
	}
	return l.of(addr, housemates*each, housemates*burst).Allow()
}

func (l *limits) of(who string, each float64, burst int) *rate.Limiter {
	limit := l.all[who]
	if limit == nil {
		if l.all == nil || len(l.all) >= mostLimits {
			l.all = make(map[string]*rate.Limiter)
		}
		limit = rate.NewLimiter(rate.Limit(each), burst)
		l.all[who] = limit
	}
	return limit
}

// network returns an address as limits know it: of IPv6 the first 64 bits, because one
// who has any usually has all that begin so.
func network(addr string) string {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	if a = a.Unmap(); a.Is6() {
		p, _ := a.Prefix(64)
		return p.String()
	}
	return a.String()
}

// host is the part of a client's address that limits know.
func host(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	h, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return network(h)
}

// address is who asks.
func (s *Site) address(r server.Request) string {
	if f := s.forwarded(r); f != "" {
		return f
	}
	return host(r.RemoteAddr())
}

// forwarded is who asks the proxy in front; empty if there is none.
func (s *Site) forwarded(r server.Request) string {
	if !s.Proxied {
		return ""
	}
	f := string(r.Get("X-Forwarded-For"))
	return network(strings.TrimSpace(f[strings.LastIndexByte(f, ',')+1:]))
}
