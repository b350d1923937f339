// worker: what the connections of one loop share.

package server

import (
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
)

// mostSpare is how many heads and exchanges a loop keeps for the next who need
// one: more are garbage.
const mostSpare = 64

type worker struct {
	server   *Server
	loop     *conn.Loop
	draining bool // Shutdown was called

	drainBegan time.Time

	free   *head       // not in use, see takeHead
	kept   int         // of them
	spare  []*exchange // ended ones, for the next that need one
	usual  []byte      // how most answers begin, see date
	second int64       // that it says
	lines  [8]fieldLine
	counts counters
	turns  uint64 // of the loop

	input       []byte     // behind what is being dealt with, while a session is fed
	postponed   []*session // they go on in the next turn
	goOn        func()     // feed them
	postponedAt uint64     // the turn in which the first was
	sweeper     *conn.Timer
	failed      int       // handshakes, since
	failedAt    time.Time // it was said

	mu    sync.Mutex
	shown counters // counts, at the end of a turn
}

// A head is a parsed request and the bytes it was parsed from. A connection has
// one while a head is being read and its handler runs: as a rule there is one
// for all connections of a loop, the last that was given back.
type head struct {
	parser.Request
	buf    []byte
	values adapt.PathValues // of a router, or nil
	next   *head            // of those that are free

	parked bool  // it is the session's own: see park
	own    *head // that one, while this is at work for it
}

func newWorker(s *Server, l *conn.Loop) *worker {
	w := &worker{server: s, loop: l, second: -1}
	l.Turn = w.turn
	w.goOn = w.feedPostponed
	w.date()
	return w
}

// start is the first thing that the loop does.
func (w *worker) start() {
	w.sweep()
	if fn := w.server.OnLoop; fn != nil {
		fn(w.loop)
	}
}

// turn is told when each turn of the loop begins and ends.
func (w *worker) turn(begins bool) {
	if begins {
		w.turns++
		w.server.unpark()
		w.date()
	} else {
		w.publish()
	}
}

// feedPostponed lets those go on who had their portion of the last turn.
func (w *worker) feedPostponed() {
	if w.turns == w.postponedAt {
		w.loop.Post(w.goOn) // what is posted before the posts' turn runs in the same one
		return
	}
	for _, s := range w.postponed {
		s.feed()
	}
	clear(w.postponed)
	w.postponed = w.postponed[:0]
}

func (w *worker) newHead() *head {
	s := w.server
	h := new(head)
	h.Fields = make([]parser.Field, 0, most(s.MaxFields, 1<<16))
	h.MaxSize = most(s.MaxHead, 1<<30)
	return h
}

// most is a limit, or the far one if there is none.
func most(limit, far int) int {
	if limit < 0 {
		return far
	}
	return limit
}

func most64(limit, far int64) int64 {
	if limit < 0 {
		return far
	}
	return limit
}

// takeHead finds a head for a request that begins.
func (w *worker) takeHead() *head {
	h := w.free
	if h == nil {
		return w.newHead()
	}
	w.free = h.next
	w.kept--
	return h
}

// park leaves the session a head of its own size while it waits for the rest: a
// small one that waits costs what has come of it.
func (s *session) park() {
	h := s.head
	if h == nil || h.parked {
		return
	}
	own := h.own
	if own == nil {
		own = &head{parked: true}
	}
	fields := append(own.Fields[:0], h.Fields...)
	own.Request = h.Request
	own.Fields = fields
	s.worker.giveHead(h)
	s.head = own
}

// unpark goes on with a head that waited.
func (h *head) unpark(own *head) {
	fields := append(h.Fields[:0], own.Fields...)
	h.Request = own.Request
	h.Fields = fields
	h.own = own
}

// giveHead takes it back.
func (w *worker) giveHead(h *head) {
	h.values = nil
	if !h.parked && w.kept < mostSpare {
		h.Reset()
		h.buf, h.own, h.next = nil, nil, w.free
		w.free = h
		w.kept++
	}
}

// exchange finds room for the rare state of an exchange.
func (w *worker) exchange() *exchange {
	if n := len(w.spare); n > 0 {
		x := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return x
	}
	return &exchange{declared: -1}
}

// release takes that room back.
func (w *worker) release(x *exchange) {
	const mostFields = 4 << 10
	if x.buf != nil {
		bodyPool.Put(x.buf)
	}
	if len(w.spare) == mostSpare || cap(x.fields)+cap(x.visit.line) > mostFields {
		return
	}
	*x = exchange{declared: -1, fields: x.fields[:0], visit: visit{line: x.visit.line[:0]}}
	w.spare = append(w.spare, x)
}

// usualLength is how worker.usual ends.
const usualLength = "Content-Length: "

// date puts the beginning of most answers together, anew when the second changes:
// they all carry the date (RFC 9110 6.6.1).
func (w *worker) date() {
	if now := w.loop.Now().Unix(); now != w.second {
		w.second = now
		b := append(append(w.usual[:0], statusLine(200)...), "Date: "...)
		b = time.Now().UTC().AppendFormat(b, timeFormat)
		w.usual = append(b, "\r\n"+usualLength...)
	}
}

// dateLine is the Date field.
func (w *worker) dateLine() []byte {
	return w.usual[len(statusLine(200)) : len(w.usual)-len(usualLength)]
}
