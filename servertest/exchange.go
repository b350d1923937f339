//go:build unix

// Exchange: a request and its result.

package servertest

import (
	"io"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/internal/hand"
	"github.com/lurcher-net/lurcher/parser"
)

// An Exchange is a request and its result so far. The Server that New has returned keeps
// it up to date.
type Exchange struct {
	Status   int    // status of the answer; 0: its head has not come
	Body     []byte // body of the answer, as far as it has come
	Interim  []int  // statuses of the interim answers
	Ended    bool   // the answer is complete
	Aborted  bool   // the connection is closed, and the answer is not complete
	Hijacked bool   // the connection no longer speaks HTTP: see Peer

	server  *Server
	peer    *Peer
	method  string
	fields  [][2]string
	trailer [][2]string
	at      int // of Received: what stands before it was read
	head    *parser.Response
	body    parser.Body
	framed  bool
	bad     error
}

// Get returns the value of the answer's first field of that name, or "". The case of
// letters in names does not matter.
func (x *Exchange) Get(name string) string { return get(x.fields, name) }

// All returns the answer's fields, names and values, in their order.
func (x *Exchange) All() [][2]string { return x.fields }

// Trailer returns the value of the trailer section's first field of that name, or "".
func (x *Exchange) Trailer(name string) string { return get(x.trailer, name) }

// Err returns the parser's error if the answer was malformed, else nil.
func (x *Exchange) Err() error { return x.bad }

// Peer returns the client's side of the connection: to leave, by Close or CloseWrite, to
// stop reading, by Pause, and for what follows a Hijack.
func (x *Exchange) Peer() *Peer { return x.peer }

func get(fields [][2]string, name string) string {
	for _, f := range fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// Wait waits in real time, at most d, until the exchange is over, and reports whether it
// is. It is for handlers that start goroutines of their own.
func (x *Exchange) Wait(d time.Duration) bool {
	for end := time.Now().Add(d); !x.Ended && !x.Aborted && time.Now().Before(end); {
		x.server.settle()
		time.Sleep(50 * time.Microsecond)
	}
	return x.Ended
}

// look reads what has come since.
func (x *Exchange) look() {
	x.Hijacked = x.Hijacked || hand.Hijacked(x.peer.Conn)
	for !x.Ended && x.bad == nil {
		before := x.at
		if !x.framed {
			x.readHead()
		} else {
			x.readBody()
		}
		if x.at == before {
			break
		}
	}
	if x.peer.Closed && !x.Ended {
		// Nothing but the connection's end ends a body without a length.
		x.Ended = x.framed && x.bad == nil && x.body.End() == nil
		x.Aborted = !x.Ended
	}
}

func (x *Exchange) readHead() {
	p := x.peer.Received[x.at:]
	if x.head == nil {
		x.head = parser.NewResponse(256)
		x.head.MaxSize = -1
		x.head.Method = x.method
	}
	n, err := x.head.Parse(p)
	if err != nil {
		x.bad = err
		return
	}
	if n == 0 {
		return
	}
	x.at += n
	if s := x.head.Status; s < 200 && s != 101 {
		x.Interim = append(x.Interim, s)
		x.head = nil
		return
	}
	x.Status = x.head.Status
	for _, f := range x.head.Fields {
		x.fields = append(x.fields, [2]string{string(f.Name(p)), string(f.Value(p))})
	}
	x.body, x.framed = x.head.Body(), true
	x.body.KeepTrailer()
	x.readBody() // it may have none, and end here
}

func (x *Exchange) readBody() {
	data, n, err := x.body.Next(x.peer.Received[x.at:])
	x.Body = append(x.Body, data...)
	x.at += n
	switch err {
	case nil:
	case io.EOF:
		x.Ended = true
	case parser.ErrTrailer:
		x.readTrailer()
	default:
		x.bad = err
	}
}

func (x *Exchange) readTrailer() {
	p := x.peer.Received[x.at:]
	t := parser.NewTrailer(64)
	n, err := t.Parse(p)
	if err != nil {
		x.bad = err
		return
	}
	if n == 0 {
		return
	}
	x.at += n
	x.Ended = true
	for _, f := range t.Fields {
		x.trailer = append(x.trailer, [2]string{string(f.Name(p)), string(f.Value(p))})
	}
}
