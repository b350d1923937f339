// exchange: the state that an exchange needs only if it has a body, sets fields,
// or ends after its handler has returned. It is recycled within its loop; only the
// session refers to it.

package server

import (
	"math"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/content"
)

type exchange struct {
	// The request's body.
	body     content.Reader
	sink     func(p []byte, last bool) // takes the body; nil: the body waits
	received int64                     // bytes of content so far, or of what is discarded when lingering
	seen     int64                     // value of received when progress was last checked
	untimed  bool                      // an adapter bounds the time of the body
	buf      *bytebufferpool.ByteBuffer
	holds    int // bytes that are charged to the connection for what has come of the request

	toSkip int64 // bytes of content left to discard

	// The answer.
	fields   []byte // lines that the program set
	hasDate  bool
	options  string // options of Connection besides close; an adapter may set keep-alive
	upgrades bool   // the program offers to upgrade
	coding   string // coding of Transfer-Encoding, before chunked
	declared int64  // Content-Length, -1: none
	written  int64  // bytes of content so far
	out      int    // bytes of the answer that were given to the connection
	tooLong  bool   // the program wanted to write more than declared
	trailer  []byte // lines of the trailer section
	dropped  int64  // bytes of content that HEAD has left out in the turn dropTurn
	dropTurn uint64

	visit visit
	swept uint8 // times that sweep found nothing that would end the exchange

	onAbort func(cause error)
	timers  []*conn.Timer // all but the first, session.timer
	hubs    []*member     // its places in Hubs
}

// crowded reports whether the answer waits in a Hub.
func (x *exchange) crowded() bool {
	for _, m := range x.hubs {
		if m.in != nil {
			return true
		}
	}
	return false
}

// charge sets how many bytes of memory the exchange holds for what has come of its
// request. They count for MaxMemory until the exchange ends.
func (s *session) charge(n int) {
	if x := s.extra(); n != x.holds {
		s.conn.Charge(n - x.holds)
		x.holds = n
	}
}

func (s *session) extra() *exchange {
	if s.x == nil {
		s.x = s.worker.exchange()
		if s.is(sent) {
			s.x.out = math.MinInt // the head was not counted: see takeBack
		}
	}
	return s.x
}
