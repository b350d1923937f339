// Hub: answers that wait for something to happen.

package server

import (
	"slices"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

const (
	defaultHubBacklog = 1 << 20
	dealMost          = 256 // members that get a message before the loop's other connections are served
)

// A Hub is a set of answers that wait for the same thing, such as the next message.
// The zero Hub is ready for use. Send, End and Len may be called on any goroutine,
// Add and Remove only on the answer's loop.
//
// An answer leaves the set when it ends, or when its client leaves. A FIN counts as
// leaving, and the connection is closed: a client that only waits for messages
// cannot be distinguished from one that is gone. While the request's body waits unread,
// nothing is read, so a FIN is not seen, only a reset: read the body, or call Add after it.
//
// Each member gets all messages that were sent while it was in the set, in the
// order of the calls of Send and End, and no others. A loop deals them out in
// portions, so that its other connections are served meanwhile. Messages that are still
// to be dealt out count for [Server.MaxMemory]; when they take a quarter of it, because
// they are sent faster than they can be dealt out, the answers in the set are aborted.
type Hub struct {
	// MaxBacklog is how many bytes may wait for a client that reads more slowly
	// than Send writes. If more waits when the next message comes, the answer does
	// not get it and is aborted: Send cannot wait for it. Default: 1 MiB; negative: no limit. It must
	// be set before the Hub is used.
	MaxBacklog int

	// Slow, if it is set, is called in place of aborting an answer whose client reads
	// too slowly, on the answer's loop, and for each message until the answer has
	// left the set. It can write a last word and see to it that the answer ends.
	Slow func(w Response)

	mu    sync.Mutex
	seq   uint64 // number of the last message
	ended uint64 // number of the last End, which ends the members that came before
	loops map[*conn.Loop]*hubLoop
}

// A hubLoop holds a hub's members on one loop, and the messages for them.
type hubLoop struct {
	hub  *Hub
	loop *conn.Loop

	members []*member // in the order of Add; only the loop uses them
	left    int       // how many of members have left the set
	at      int       // members[at] is the next to get queue[0]
	charged int       // bytes of queue that the loop counts for MaxMemory

	// With hub.mu held:
	n       int       // members who came after the last End
	queue   []message // messages to be dealt out
	bytes   int       // their size
	dealing bool      // deal is running, or has been posted
}

// A member is an answer's place in a Hub. It belongs to the answer's loop.
type member struct {
	w     Response
	in    *hubLoop // nil: the member has left
	since uint64   // value of Hub.seq when the member came
}

type message struct {
	p   []byte
	seq uint64
	end bool

	tooMuch bool // it stands for messages that took too much memory: see weigh
}

// Add puts w in the set, and reports whether it is there: it is not if its exchange
// is over. An answer to HEAD is complete with its head (RFC 9110 9.3.2), so it ends
// when that has been sent, before Add or after it.
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

// on returns the members of a loop. h.mu is held.
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
// goes on. Messages that have not been dealt out to w yet are lost to it.
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

// has reports whether m came after the last End.
func (h *Hub) has(m *member) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return m.since >= h.ended
}

// leave takes m out of the set: its exchange is over, or no longer waits.
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

// tidy drops the members that have left, once they are half of all. h.mu is held,
// and nothing is iterating over members.
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

// Len returns the number of answers in the set.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, l := range h.loops {
		n += l.n
	}
	return n
}

// Send writes p to all answers in the set, which stay in it, as for server-sent
// events. p is the caller's again on return.
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
		l.bytes += len(m.p)
		if !l.dealing {
			l.dealing = true
			if loop.Post(l.deal) != nil { // the loop has stopped, and its members are gone
				delete(h.loops, loop)
			}
		}
	}
}

// deal hands out a portion of the messages, and is called again for the rest.
func (l *hubLoop) deal() {
	var now *conn.Conn // whose callbacks are running
	defer func() {
		if now != nil { // a callback has panicked, or ended the goroutine
			l.goOn()
			now.Abort()
		}
	}()
	l.weigh()
	for n := 0; ; n++ {
		msg, ok := l.next()
		if !ok {
			l.weigh()
			return
		}
		if n == dealMost || n > 0 && l.loop.Late() {
			l.goOn()
			return
		}
		// Members who came after the message stand after those who were there.
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

// weigh counts the messages to be dealt out for MaxMemory. If they take too much, they are
// dropped, and in their place all members that should have got one are aborted: nobody
// can be left without a message and stay.
func (l *hubLoop) weigh() {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	within := l.loop.Charge(l.bytes - l.charged)
	l.charged = l.bytes
	if within || len(l.queue) == 0 {
		return
	}
	l.loop.Charge(-l.charged)
	l.queue = []message{{seq: l.queue[len(l.queue)-1].seq, tooMuch: true}}
	l.at, l.bytes, l.charged = 0, 0, 0
}

// next returns the message that is being dealt out; ok is false if none is left.
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

// dealt drops the message that all members have got.
func (l *hubLoop) dealt() {
	l.at = 0
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.bytes -= len(l.queue[0].p)
	l.queue[0] = message{}
	l.queue = l.queue[1:]
}

// goOn posts deal, to be called again in the next turn.
func (l *hubLoop) goOn() {
	if l.loop.Post(l.deal) != nil {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		delete(l.hub.loops, l.loop) // the loop has stopped
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
	case msg.tooMuch:
		w.s.worker.shedMember()
		w.s.happens(aborted, conn.ErrMemory)
	case msg.end:
		w.EndBytes(msg.p)
	case most > 0 && w.s.conn.Pending() > most:
		w.s.worker.counts.limits.MaxBacklog++
		if slow := m.in.hub.Slow; slow != nil {
			slow(w)
			return
		}
		w.Abort()
	default:
		w.Write(msg.p)
	}
}

// headInHub ends an answer to HEAD in a Hub whose head has just been sent: that was the
// whole answer (RFC 9110 9.3.2), whether the program or a message came first.
func (s *session) headInHub() {
	if s.x != nil && s.x.crowded() {
		s.finish(nil)
	}
}

// shedMember counts, and logs now and then, that an answer in a Hub is aborted because
// messages took too much memory.
func (w *worker) shedMember() {
	w.counts.limits.MaxMemory++
	if now := w.loop.Now(); w.server.Log != nil && now.Sub(w.shedAt) >= time.Minute {
		w.shedAt = now
		w.server.Log.Warn("server: messages of a Hub take too much memory, the answers in it are aborted")
	}
}
