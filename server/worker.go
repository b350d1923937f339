// worker: what the connections of one loop share.

package server

import (
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/parser"
)

// mostSpare exchanges are kept by a loop to be used again: as many as a [Hub] ends at a
// time, whose clients ask again next. The rest is left to the garbage collector.
const mostSpare = dealMost

type worker struct {
	server    *Server
	loop      *conn.Loop
	quiescing bool // Shutdown was called

	quiesceBegan time.Time

	head    *head       // what is not in use of heads, or nil: see takeHead
	spare   []*exchange // exchanges to be used again
	usual   []byte      // the head of the last usual answer: see usualHead
	upTo    int         // where the length begins in usual
	length  int64       // the length in usual
	second  int64       // Unix time of the date in usual
	lines   [8]fieldLine
	scratch []byte // room for a value: see Request.Forward
	counts  counters
	turns   uint64 // number of turns of the loop so far

	input       []byte     // all that a session is fed with, while it is
	unread      int        // how much of input comes after what is being consumed
	postponed   []*session // sessions that go on in the next turn
	goOn        func()     // feeds the postponed sessions
	postponedAt uint64     // the turn in which the first of them was postponed
	sweeper     *conn.Timer
	shedAt      time.Time // when it was last logged that a Hub's messages took too much
	failed      int       // handshakes that failed since failedAt
	failedAt    time.Time // when failed handshakes were last logged

	mu    sync.Mutex
	shown counters // counts as of the end of a turn
}

// A head is a parsed request and the bytes that it was parsed from. A connection has
// one only while it reads a head and while the handler runs. So all connections of a
// loop share one, in turn.
type head struct {
	parser.Request
	buf    []byte
	values adapt.PathValues // values that a router has found, or nil

	parked bool  // the head is small, and kept by a session that waits: see park
	own    *head // the parked head in whose place this one is used
}

func newWorker(s *Server, l *conn.Loop) *worker {
	w := &worker{server: s, loop: l, second: -1}
	l.Turn = w.turn
	w.goOn = w.feedPostponed
	w.date()
	return w
}

// start is the first function that runs on the loop.
func (w *worker) start() {
	w.sweep()
	if fn := w.server.OnLoop; fn != nil {
		fn(w.loop)
	}
}

// turn is called at the beginning and at the end of each turn of the loop.
func (w *worker) turn(begins bool) {
	if begins {
		w.turns++
		w.server.unpark()
		w.date()
	} else {
		w.publish()
	}
}

// feedPostponed feeds the sessions that had used up their portion of the last turn.
func (w *worker) feedPostponed() {
	if w.turns == w.postponedAt {
		w.loop.Post(w.goOn) // this is still the same turn: wait for the next
		return
	}
	for _, s := range w.postponed {
		s.feed()
	}
	clear(w.postponed)
	w.postponed = w.postponed[:0]
}

// A placed is a head and its fields at places in a page, which has 4 KiB, that cost
// nothing. A processor takes a load for dependent on a store before it if the low 12 bits
// of their addresses are equal, and what lies across the border of two pages takes several
// loads. Either can double the cost of a small request: BenchmarkPlaces of package parser.
// The loop's buffer begins with a page, and input with the buffer. So the beginning of the
// page is left to the input, the fields come next, and the head near the end. Go places an
// object of this size on a page.
type placed struct {
	_      [1 << 10]byte
	fields [usualFields]parser.Field
	_      [3<<10 - 1<<10 - usualFields*fieldSize]byte
	head
	_ [512]byte
}

const (
	usualFields = 100 // the default of Server.MaxFields
	fieldSize   = unsafe.Sizeof(parser.Field{})
)

// newHead is rarely called. Inlined it would make takeHead, which each request calls, too
// large to be inlined: 16 instructions.
//
//go:noinline
func (w *worker) newHead() *head {
	s := w.server
	p := new(placed)
	h := &p.head
	if n := most(s.MaxFields, 1<<16); n <= usualFields {
		h.Fields = p.fields[:0:n]
	} else {
		h.Fields = make([]parser.Field, 0, n)
	}
	h.MaxSize = most(s.MaxHead, 1<<30)
	return h
}

// most returns limit, or far if limit is negative, which means no limit.
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

// takeHead returns a head for a request that begins.
func (w *worker) takeHead() *head {
	h := w.head
	if h == nil {
		return w.newHead()
	}
	w.head = nil
	return h
}

// park exchanges the head for one just large enough while the session waits for the
// rest, so that a waiting head costs little more than the bytes that have come.
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

// unpark goes on with a parked head.
func (h *head) unpark(own *head) {
	fields := append(h.Fields[:0], own.Fields...)
	h.Request = own.Request
	h.Fields = fields
	h.own = own
}

// giveHead takes a head back.
func (w *worker) giveHead(h *head) {
	if !h.parked {
		h.Reset()
		h.buf, h.own, h.values = nil, nil, nil
		w.head = h
	}
}

// exchange returns an exchange, recycled if possible.
func (w *worker) exchange() *exchange {
	if n := len(w.spare); n > 0 {
		x := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return x
	}
	return &exchange{declared: -1}
}

// release takes an exchange back.
func (w *worker) release(x *exchange) {
	const mostFields = 4 << 10
	if len(w.spare) == mostSpare || cap(x.fields)+cap(x.visit.line)+8*cap(x.hubs) > mostFields {
		return
	}
	clear(x.hubs)
	*x = exchange{declared: -1, fields: x.fields[:0], hubs: x.hubs[:0], visit: visit{line: x.visit.line[:0]}}
	w.spare = append(w.spare, x)
}

const lengthName = "Content-Length: "

// date begins usual again whenever the second changes, because it includes the date
// (RFC 9110 6.6.1).
func (w *worker) date() {
	if now := w.loop.Now().Unix(); now != w.second {
		w.second = now
		b := append(append(w.usual[:0], statusLine(200)...), "Date: "...)
		b = time.Now().UTC().AppendFormat(b, timeFormat)
		w.usual = append(b, "\r\n"+lengthName...)
		w.upTo, w.length = len(w.usual), -1
	}
}

// usualHead returns the head of a usual answer with n bytes of content, if the program
// sets no field. Answers that follow one another often have the same length, and as a
// rule the same date.
func (w *worker) usualHead(n int64) []byte {
	if n != w.length {
		w.changeLength(n)
	}
	return w.usual
}

func (w *worker) changeLength(n int64) {
	w.length = n
	w.usual = append(strconv.AppendInt(w.usual[:w.upTo], n, 10), crlfcrlf...)
}

// dateLine returns the Date field.
func (w *worker) dateLine() []byte {
	return w.usual[len(statusLine(200)) : w.upTo-len(lengthName)]
}
