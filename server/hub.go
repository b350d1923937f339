// Hub: answers that wait for something to happen.

package server

import (
	"sync"

	"github.com/lurcher-net/lurcher/conn"
)

// A Hub is a set of answers that wait for the same thing, the next message
// say. It may be used from any goroutine, but for Add; the zero Hub is ready.
// Answers that are ended, or whose clients leave, are taken out; the connection
// of a client that leaves is closed.
type Hub struct {
	// MaxBacklog is how many bytes may wait for a client that does not read as
	// fast as Send writes: one for whom more waits when the next Send comes is
	// aborted, for nobody could tell Send to wait. Default: 1 MiB. It is set
	// before the Hub is used.
	MaxBacklog int

	mu      sync.Mutex
	waiting map[Response]struct{}
}

// Add puts w in the set. Like w's methods it belongs to w's loop.
func (h *Hub) Add(w Response) {
	if !w.valid() {
		return
	}
	h.mu.Lock()
	if h.waiting == nil {
		h.waiting = make(map[Response]struct{})
	}
	h.waiting[w] = struct{}{}
	h.mu.Unlock()
	x := w.s.extra()
	x.hubs = append(x.hubs, h)
	w.OnAbort(func() {
		if w.valid() {
			w.s.conn.Close() // half-closed: to somebody who waits that is leaving
		}
	})
}

// remove is called when the exchange of w is over.
func (h *Hub) remove(w Response) {
	h.mu.Lock()
	delete(h.waiting, w)
	h.mu.Unlock()
}

// Len is the number of answers in the set.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}

// Send writes p to all answers in the set, which stay in it: server-sent
// events, for one. p is the caller's again on return.
func (h *Hub) Send(p []byte) {
	h.mu.Lock()
	all := byLoop(h.waiting)
	h.mu.Unlock()
	backlog := h.MaxBacklog
	if backlog <= 0 {
		backlog = 1 << 20
	}
	tell(all, p, func(w Response, p []byte) {
		if w.valid() && w.s.conn.Pending() > backlog {
			w.s.worker.counts.limits.MaxBacklog++
			w.Abort()
			return
		}
		w.Write(p)
	})
}

// End completes all answers in the set with body, and empties it. body is the
// caller's again on return.
func (h *Hub) End(body []byte) {
	h.mu.Lock()
	all := byLoop(h.waiting)
	h.waiting = nil
	h.mu.Unlock()
	tell(all, body, func(w Response, p []byte) { w.EndBytes(p) })
}

func byLoop(set map[Response]struct{}) map[*conn.Loop][]Response {
	all := make(map[*conn.Loop][]Response)
	for w := range set {
		l := w.s.conn.Loop()
		all[l] = append(all[l], w)
	}
	return all
}

// tell has every loop do something with its answers.
func tell(all map[*conn.Loop][]Response, p []byte, do func(w Response, p []byte)) {
	p = append([]byte(nil), p...)
	for l, ws := range all {
		l.Post(func() {
			for _, w := range ws {
				do(w, p)
			}
		})
	}
}
