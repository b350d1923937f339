// Limits: how fast who POSTs may go on.

package web

import (
	"net"
	"sync"

	"golang.org/x/time/rate"

	"github.com/lurcher-net/lurcher/server"
)

// limits are by address. There is room for so many; who comes when it is full
// makes it empty, which forgets what has been used up: a bound on memory comes
// first.
type limits struct {
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

const mostLimits = 1 << 16

func (l *limits) allow(who string, each float64, burst int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.all[who]
	if limit == nil {
		if l.all == nil || len(l.all) >= mostLimits {
			l.all = make(map[string]*rate.Limiter)
		}
		limit = rate.NewLimiter(rate.Limit(each), burst)
		l.all[who] = limit
	}
	return limit.Allow()
}

// host is the address of a request's client.
func host(r server.Request) string {
	addr := r.RemoteAddr()
	if addr == nil {
		return ""
	}
	h, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return h
}
