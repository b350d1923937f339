// exchange: the state that an exchange needs only if it has a body, sets
// fields, or is answered later. It is recycled within its loop; nobody outside
// of the session ever holds one.

package server

import (
	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

type exchange struct {
	// The request's body.
	body     parser.Body
	sink     func(p []byte, last bool) // who takes it; nil: it waits
	received int64                     // content so far, or what is discarded when lingering
	seen     int64                     // received when progress was looked at
	section  *parser.Trailer           // when its trailer section is being read
	buf      *bytebufferpool.ByteBuffer

	toSkip    int64                    // content that is dropped, while discarding
	onTrailer func(name, value []byte) // takes the fields of the section

	// The answer.
	fields   []byte // lines that the program set
	hasDate  bool
	options  string // of Connection, beside close; from an adapter keep-alive may be one
	upgrades bool   // the program offers to upgrade
	coding   string // of Transfer-Encoding, in front of chunked
	declared int64  // Content-Length, -1: none
	written  int64  // content so far
	out      int    // bytes of the answer that were given to the connection
	tooLong  bool   // the program wanted to write more than declared
	trailer  []byte // lines of the trailer section
	dropped  int64  // content that HEAD leaves out, in
	dropTurn uint64 // this turn

	visit visit
	swept uint8 // times that nobody was seen who answers

	onAbort func(cause error)
	timers  []*conn.Timer // beside session.timer
	hubs    []*member     // where the answer waits
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

func (s *session) extra() *exchange {
	if s.x == nil {
		s.x = s.worker.exchange()
	}
	return s.x
}
