// Hub: messages for many connections, on all their loops.

package ws

import (
	"errors"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// A Hub is a set of connections that get the same messages. The zero Hub is ready for
// use. Its methods may be called from any goroutine. A connection may be in several
// hubs, and leaves them when it closes. A message goes to the connections that were
// added before it was sent. Messages of one goroutine arrive in order.
type Hub struct {
	// MaxBacklog is how many bytes may wait for a member that reads more slowly than
	// messages are sent. If more wait when the next message comes, the member is closed
	// with Code, and aborted if that takes longer than its Handler.CloseTimeout.
	// Default: 1 MiB; negative: no limit. MaxBacklog and Code must be set before the Hub
	// is used.
	MaxBacklog int

	// Code is the close code for members that do not read. Default: TryAgainLater.
	Code Code

	mu    sync.Mutex
	crews map[*conn.Loop]*crew
	count int
}

// HubQueue is how many bytes of messages a Hub holds for a loop that is too busy to
// send them, if an eighth of what the loop's MaxMemory allows is no less.
const HubQueue = 64 << 20

// ErrQueue is the error of Hub.Send when more than HubQueue waits: a loop has more work
// than it can do.
var ErrQueue = errors.New("ws: messages are sent faster than a loop can write them")

// Bounds on what a loop writes of a Hub's messages before it does other work.
const (
	passMessages = 16                   // messages to each member
	passMembers  = 32                   // members between two looks at the clock
	passLarge    = 32 << 10             // bytes of messages from which there is a look after each member
	passTime     = 2 * time.Millisecond // after this the rest waits for another turn
)

// A crew holds the members of a Hub on one loop, and the messages for them. The Hub's mu
// guards it. Indexes of members do not change during a pass: a member that leaves is
// replaced by nil.
type crew struct {
	hub     *Hub
	loop    *conn.Loop
	members []*member
	left    int // how many of members are nil
	queue   []message
	bytes   int  // bytes in queue
	charged int  // bytes that are counted for the loop's MaxMemory
	most    int  // bytes that may be in queue
	running bool // run is going to be called
	sending int  // how many messages of queue the pass under way sends; 0: no pass
	at      int  // index of the next member in the pass
}

// A message goes to members[:end].
type message struct {
	*Prepared
	end int
}

// A member is a connection's place in a crew, and an element in the list of its hubs.
type member struct {
	crew *crew
	conn *Conn
	next *member
	at   int
}

// memberships guards Conn.hubs of all connections. It is locked before a Hub's mu.
var memberships sync.Mutex

// left is the list of a connection that has closed: it joins no hub any more.
var left member

// Add puts c in the set, unless it is there already or has closed.
func (h *Hub) Add(c *Conn) {
	memberships.Lock()
	defer memberships.Unlock()
	for m := c.hubs; m != nil; m = m.next {
		if m == &left || m.crew.hub == h {
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := c.conn.Loop()
	w := h.crews[l]
	if w == nil {
		if h.crews == nil {
			h.crews = make(map[*conn.Loop]*crew)
		}
		w = &crew{hub: h, loop: l, most: HubQueue}
		if limit := l.MemoryLimit(); limit > 0 {
			w.most = min(w.most, limit/8)
		}
		h.crews[l] = w
	}
	c.hubs = &member{crew: w, conn: c, next: c.hubs, at: len(w.members)}
	w.members = append(w.members, c.hubs)
	h.count++
}

// Remove takes c out of the set. Messages that were sent before, but have not been
// written to c yet, are lost to it.
func (h *Hub) Remove(c *Conn) {
	memberships.Lock()
	defer memberships.Unlock()
	for at := &c.hubs; *at != nil && *at != &left; at = &(*at).next {
		if m := *at; m.crew.hub == h {
			*at = m.next
			m.leave()
			return
		}
	}
}

// leaveHubs takes a connection that closes out of all of them.
func (c *Conn) leaveHubs() {
	memberships.Lock()
	defer memberships.Unlock()
	for m := c.hubs; m != nil && m != &left; m = m.next {
		m.leave()
	}
	c.hubs = &left
}

func (m *member) leave() {
	w, h := m.crew, m.crew.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count--
	w.members[m.at] = nil
	w.left++
	w.tidy()
}

// tidy removes the nils in members, and forgets a crew without members.
func (w *crew) tidy() {
	if w.sending > 0 || w.left < 32 && w.left < len(w.members) || w.left < len(w.members)/4 {
		return
	}
	n, q := 0, w.queue
	for i, m := range w.members {
		for ; len(q) > 0 && q[0].end <= i; q = q[1:] {
			q[0].end = n
		}
		if m != nil {
			m.at = n
			w.members[n] = m
			n++
		}
	}
	for i := range q {
		q[i].end = n
	}
	clear(w.members[n:])
	w.members, w.left = w.members[:n], 0
	if n == 0 && len(w.queue) == 0 && w.hub.crews[w.loop] == w {
		delete(w.hub.crews, w.loop)
	}
}

// Len returns the number of connections in the set.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// Each calls fn for each connection that is in the set now, on its loop.
func (h *Hub) Each(fn func(c *Conn)) {
	for _, c := range h.all() {
		c.Post(func() {
			if !c.is(closeSent) {
				fn(c)
			}
		})
	}
}

func (h *Hub) all() (all []*Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.crews {
		for _, m := range w.members {
			if m != nil {
				all = append(all, m.conn)
			}
		}
	}
	return all
}

// Send writes a message, Text or Binary, to all connections in the set. p is the
// caller's again on return. The loops write it to a portion of the members at a time.
// The error is one of [Prepare], or [ErrQueue] if the members on some loop do not get
// the message.
func (h *Hub) Send(op Op, p []byte) error {
	m, err := Prepare(op, p)
	if err != nil {
		return err
	}
	return h.SendPrepared(m)
}

// SendPrepared is Send of a message that was made before.
func (h *Hub) SendPrepared(m *Prepared) (err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.crews {
		switch {
		case w.left == len(w.members):
			continue
		case w.bytes > w.most:
			err = ErrQueue
			continue
		}
		w.queue = append(w.queue, message{m, len(w.members)})
		w.bytes += len(m.frame)
		w.post()
	}
	return err
}

// post has the loop call run.
func (w *crew) post() {
	if !w.running {
		w.running = w.loop.Post(w.run) == nil
	}
	if !w.running { // the loop has stopped
		w.queue, w.bytes, w.sending = nil, 0, 0
	}
}

// run sends messages to members for some time, on the loop.
func (w *crew) run() {
	begun := time.Now()
	var to [passMembers]*Conn
	var what [passMessages]message
	for {
		members, messages, at := w.next(&to, &what)
		if members == nil {
			return
		}
		for i, c := range members {
			if c == nil {
				continue
			}
			for _, m := range messages {
				if at+i < m.end {
					w.send(c, m.Prepared)
				}
			}
		}
		if time.Since(begun) > passTime {
			w.pass()
			return
		}
	}
}

// next returns a portion of the pass under way, or begins the next pass. It returns nil
// if there is nothing to do.
func (w *crew) next(to *[passMembers]*Conn, what *[passMessages]message) (members []*Conn, messages []message, at int) {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.sending > 0 && w.at >= w.queue[w.sending-1].end {
		for _, m := range w.queue[:w.sending] {
			w.bytes -= len(m.frame)
		}
		w.queue = append(w.queue[:0], w.queue[w.sending:]...)
		clear(w.queue[len(w.queue):cap(w.queue)])
		w.sending, w.at = 0, 0
		w.tidy()
	}
	w.loop.Charge(w.bytes - w.charged)
	w.charged = w.bytes
	if len(w.queue) == 0 {
		w.running = false
		return nil, nil, 0
	}
	if w.sending == 0 {
		w.sending = min(len(w.queue), passMessages)
	}
	messages = what[:copy(what[:], w.queue[:w.sending])]
	size, n := 0, passMembers
	for _, m := range messages {
		size += len(m.frame)
	}
	if size > passLarge {
		n = 1
	}
	at = w.at
	n = min(n, messages[len(messages)-1].end-at)
	members = to[:n]
	for i, m := range w.members[at : at+n] {
		if members[i] = nil; m != nil {
			members[i] = m.conn
		}
	}
	w.at += n
	return members, messages, at
}

// pass leaves the rest for another turn.
func (w *crew) pass() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.running = false
	w.post()
}

// send writes a message to a member, or closes a member that does not read.
func (w *crew) send(c *Conn, m *Prepared) {
	most := w.hub.MaxBacklog
	if most == 0 {
		most = 1 << 20
	}
	if most < 0 || c.conn.Pending() <= most {
		c.WritePrepared(m)
		return
	}
	code := w.hub.Code
	if !code.Sendable() {
		code = TryAgainLater
	}
	c.set(hurried)
	c.Close(code, "too slow")
}
