// Hub: answers that wait for something to happen.

package server

import (
	"slices"
	"sync"

	"github.com/lurcher-net/lurcher/conn"
)

const (
	defaultHubBacklog = 1 << 20
	dealMost          = 256 // members that get a message before others have their turn
)

// A Hub is a set of answers that wait for the same thing, the next message
// say. The zero Hub is ready. Send, End and Len may be called on any goroutine,
// Add and Remove on the answer's loop.
//
// Answers that are ended, or whose clients leave, are taken out. A client that
// has sent its FIN counts as one that left: its connection is closed, for who
// waits for news could not be told from who is gone.
//
// Each member gets what is sent in the order of the calls of Send and End, all of
// it that was sent while it was in the set, and nothing else. A loop deals it out
// in portions, so that its other connections are served meanwhile.
type Hub struct {
	// MaxBacklog is how many bytes may wait for a client that does not read as
	// fast as Send writes: one for whom more waits when the next Send comes is
	// aborted, for nobody could tell Send to wait. Default: 1 MiB; negative: no
	// limit. It is set before the Hub is used.
	MaxBacklog int

	mu    sync.Mutex
	seq   uint64 // of the message that was sent last
	ended uint64 // of the last End: it takes who came before
	loops map[*conn.Loop]*hubLoop
}

// A hubLoop is a hub's members on one loop, and what is to be dealt out to them.
type hubLoop struct {
	hub  *Hub
	loop *conn.Loop

	members []*member // in the order of Add; the loop's alone
	left    int       // of members: they are not in the set any more
	at      int       // members[at] is the next to get queue[0]

	// With hub.mu held:
	n       int       // members who came after the last End
	queue   []message // to be dealt out
	dealing bool      // deal is running, or posted
}

// A member is an answer's place in a Hub. It belongs to the answer's loop.
type member struct {
	w     Response
	in    *hubLoop // nil: it has left
	since uint64   // Hub.seq when it came
}

type message struct {
	p   []byte
	seq uint64
	end bool
}

// Add puts w in the set, and reports whether it is there: not if its exchange is
// over. An answer to HEAD whose head has been sent is complete, and ended (RFC
// 9110 9.3.2).
func (h *Hub) Add(w Response) bool {
	if !w.valid() {
		return false
	}
	if w.s.is(headOnly) && w.s.is(sent) {
		w.End("")
		return false
	}
	x := w.s.extra()
	for _, m := range x.hubs {
		if m.in != nil && m.in.hub == h {
			return true
		}
	}
	m := &member{w: w}
	h.mu.Lock()
	l := h.on(w.s.conn.Loop())
	m.in, m.since = l, h.seq
	l.n++
	h.mu.Unlock()
	l.members = append(l.members, m)
	x.hubs = append(slices.DeleteFunc(x.hubs, func(m *member) bool { return m.in == nil }), m)
	w.s.recallFIN()
	return true
}

// on finds the members of a loop. h.mu is held.
func (h *Hub) on(loop *conn.Loop) *hubLoop {
	l := h.loops[loop]
	if l == nil {
		if h.loops == nil {
			h.loops = make(map[*conn.Loop]*hubLoop)
		}
		l = &hubLoop{hub: h, loop: loop}
		h.loops[loop] = l
	}
	return l
}

// Remove takes w out of the set, and reports whether it was there. The exchange
// goes on; what was sent and has not been dealt out yet does not come any more.
func (h *Hub) Remove(w Response) bool {
	if !w.valid() || w.s.x == nil {
		return false
	}
	for _, m := range w.s.x.hubs {
		if m.in != nil && m.in.hub == h && h.has(m) {
			m.leave()
			return true
		}
	}
	return false
}

// has reports whether no End has taken m.
func (h *Hub) has(m *member) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return m.since >= h.ended
}

// leave takes m out: its exchange is over, or need not wait any more.
func (m *member) leave() {
	l := m.in
	if l == nil {
		return
	}
	m.in, m.w = nil, Response{}
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.since >= h.ended {
		l.n--
	}
	l.left++
	if !l.dealing {
		l.tidy()
	}
}

// tidy forgets members who have left, once they are the half. h.mu is held, and
// nobody is in the middle of members.
func (l *hubLoop) tidy() {
	if l.left*2 < len(l.members) {
		return
	}
	l.members = slices.DeleteFunc(l.members, func(m *member) bool { return m.in == nil })
	l.left = 0
	if len(l.members) == 0 && len(l.queue) == 0 && l.hub.loops[l.loop] == l {
		delete(l.hub.loops, l.loop)
	}
}

// Len is the number of answers in the set.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, l := range h.loops {
		n += l.n
	}
	return n
}

// Send writes p to all answers in the set, which stay in it: server-sent
// events, for one. p is the caller's again on return.
func (h *Hub) Send(p []byte) { h.send(p, false) }

// End completes all answers in the set with body, and empties it. body is the
// caller's again on return.
func (h *Hub) End(body []byte) { h.send(body, true) }

func (h *Hub) send(p []byte, end bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	if end {
		h.ended = h.seq
	}
	var m message
	for loop, l := range h.loops {
		if l.n == 0 {
			continue
		}
		if m.seq == 0 {
			m = message{p: slices.Clone(p), seq: h.seq, end: end}
		}
		if end {
			l.n = 0
		}
		l.queue = append(l.queue, m)
		if !l.dealing {
			l.dealing = true
			if loop.Post(l.deal) != nil { // it has stopped, and its members with it
				delete(h.loops, loop)
			}
		}
	}
}

// deal hands out a portion of what was sent, and comes again for the rest.
func (l *hubLoop) deal() {
	var now *conn.Conn // whose callbacks are running
	defer func() {
		if now != nil { // one of them has panicked, or ended the goroutine
			l.goOn()
			now.Abort()
		}
	}()
	for n := 0; ; n++ {
		msg, ok := l.next()
		if !ok {
			return
		}
		if n == dealMost || n > 0 && l.loop.Late() {
			l.goOn()
			return
		}
		// Who came after the message stands behind those who were there.
		if l.at == len(l.members) || l.members[l.at].since >= msg.seq {
			l.dealt()
			continue
		}
		m := l.members[l.at]
		l.at++
		if m.in != nil {
			now = m.w.s.conn
			m.give(msg)
			now = nil
		}
	}
}

// next is the message that is being dealt out; ok is false when there is none any
// more.
func (l *hubLoop) next() (msg message, ok bool) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if len(l.queue) == 0 {
		l.dealing, l.queue = false, nil
		l.tidy()
		return message{}, false
	}
	return l.queue[0], true
}

// dealt forgets the message that all members have.
func (l *hubLoop) dealt() {
	l.at = 0
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.queue[0] = message{}
	l.queue = l.queue[1:]
}

// goOn has deal called again in the next turn.
func (l *hubLoop) goOn() {
	if l.loop.Post(l.deal) != nil {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		delete(l.hub.loops, l.loop) // it has stopped
	}
}

// give hands a message to one member.
func (m *member) give(msg message) {
	w := m.w
	most := m.in.hub.MaxBacklog
	if most == 0 {
		most = defaultHubBacklog
	}
	switch {
	case msg.end:
		w.EndBytes(msg.p)
	case most > 0 && w.s.conn.Pending() > most:
		w.s.worker.counts.limits.MaxBacklog++
		w.Abort()
	default:
		w.Write(msg.p)
		if w.valid() && w.s.is(headOnly) {
			w.End("") // its head was all
		}
	}
}
