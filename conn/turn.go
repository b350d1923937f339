// The turn: the loop goes through its lists (what is ready, due, posted or left
// over). Each list gets a portion that is bounded in number and in time; then the
// poller is asked again. So no peer decides how long a turn is.

package conn

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/internal/stack"
	"github.com/lurcher-net/lurcher/poller"
)

const (
	portion   = time.Millisecond // the time of each list in a turn
	mostItems = 1 << 14          // items of a list in a portion
	mostBlind = 16               // items between two readings of the clock, within one callback
	mostCalls = 3                // the same, where a callback is an item
)

// The lists of a turn, in their order. What is left of one when its portion is
// used up keeps its place, and is first in the next turn.
const (
	listUnsettled = iota // connections that the last turn left unsettled
	listDealt            // connections that other loops have accepted for this one
	listEvents           // events that the poller found
	listWritable         // connections whose output may go on
	listAccepts          // listeners with connections to accept
	listTimers           // timers that are due
	listPosts            // functions that were posted
	listDeferred         // connections to be called without an event: see Conn.later
	listShed             // connections to be closed because all hold too much
	lists
)

// pace bounds a portion. Reading the clock costs more than many an item does, so
// the clock is read once for several items: as many as should take a quarter of a
// portion, judging by those before. Times are since epoch.
type pace struct {
	began time.Duration // when the portion began
	read  time.Duration // when the clock was read last
	blind int           // items until the clock is read again
	step  int           // what blind was set to
	items int           // items begun in this portion
	size  time.Duration // how long the portion may take
	late  bool          // the portion is used up
}

// fresh begins a portion.
func (p *pace) fresh() {
	if p.blind == 0 {
		p.blind = p.step
	}
	p.began, p.items, p.late, p.size = p.read, 0, false, portion
}

// Late reports whether the running callbacks have used up their share of the
// loop's turn, a millisecond or so. A callback that goes through a list which peers
// can make long should call it before each item, and leave the rest for later, by
// [Loop.Post] or [Conn.Resume] say, so that other connections are served in between.
// It costs a nanosecond as a rule, because it reads the clock only now and then.
func (l *Loop) Late() bool {
	l.own("Loop.Late")
	if l.pace.blind > 0 {
		l.pace.blind--
		return false
	}
	return l.lookLate()
}

// lookLate is the part of Late that reads the clock.
func (l *Loop) lookLate() bool {
	p := &l.pace
	if p.late {
		return true
	}
	now := time.Since(l.epoch)
	each := (now - p.read) / time.Duration(p.step+1)
	p.read = now
	p.step = int(min(portion/4/max(each, 1), mostBlind)) // 0 if one takes as long
	if p.late = now-p.began >= p.size; !p.late {
		p.blind = p.step
	}
	return p.late
}

// more reports whether the portion has room for another item; the first one always
// has. The rest is for the next turn.
func (l *Loop) more() bool {
	l.pace.items++
	l.pace.blind = min(l.pace.blind, mostCalls) // this one may be dear, whatever those before were
	return l.pace.items == 1 || l.pace.items <= mostItems && !l.Late()
}

// turns runs a turn, and resumes it after each panic: the connection whose handler
// panicked is closed, and the turn goes on with the rest.
func (l *Loop) turns() {
	for !l.turn() {
	}
}

// turn goes through the lists. It returns false if a handler panicked, and is then
// called again for the rest.
func (l *Loop) turn() (done bool) {
	l.turning = true
	l.counted()
	defer l.recovered(l.lease)
	if f := l.lentTo; f != nil { // the turn was interrupted there
		l.lentTo = nil
		l.Post(f.Resume)
	}
	l.settle()
	for ; l.list < lists; l.list++ {
		l.handOut()
		l.pace.fresh()
	}
	l.list = 0
	l.closeFDs()
	l.turning = false
	l.counted()
	return true
}

// handOut handles a portion of one list.
func (l *Loop) handOut() {
	switch l.list {
	case listUnsettled:
		for l.overdue.len() > 0 && l.more() {
			l.settleOne(l.overdue.pop())
			l.settle()
		}
	case listDealt:
		for l.post.waiting.Load() > 0 && l.more() {
			if d, ok := l.post.takeDealt(); ok {
				if c := l.accepted(d.fd, d.h); c != nil {
					l.running = c
					c.open()
				}
				l.settle()
			}
		}
	case listEvents:
		for l.taken < l.count && l.more() {
			l.taken++
			l.event(l.events[l.taken-1])
		}
	case listWritable:
		l.goOn()
		for l.writable.len() > 0 && l.more() {
			l.settleOne(l.writable.pop())
			l.settle()
		}
	case listAccepts:
		for n := len(l.accepting); n > 0 && l.more(); n-- {
			ln := l.accepting[0]
			l.accepting = slices.Delete(l.accepting, 0, 1)
			ln.acceptSome()
		}
	case listTimers:
		// Timers that are set meanwhile wait for the next turn.
		for now := l.now; l.more(); l.settle() {
			i := l.wheel.advance(now)
			if i == 0 {
				return
			}
			l.slots.at(i).owner.expire()
		}
	case listPosts:
		// If nothing else is left, run them all: then Run can return.
		for n := l.post.take(); n > 0 && (l.slots.live+l.refs == 0 || l.more()); n-- {
			l.post.run(l)
			l.settle()
		}
	case listDeferred:
		l.goOn()
		for n := l.deferred.len(); n > 0 && l.more(); n-- {
			l.deferred.pop().again()
			l.settle()
		}
	case listShed:
		l.shed()
	}
}

// goOn makes the portion small while others wait who have had no turn yet: it is for the
// lists of those who had one, and go on. With whole portions thousands of large answers
// that have begun would keep newcomers waiting for twice as long.
func (l *Loop) goOn() {
	if l.taken < l.count || len(l.accepting) > 0 {
		l.pace.size = portion / 4
	}
}

// event gives an event to its owner. In debug builds a connection has to act on it.
func (l *Loop) event(e poller.Event) {
	switch o := l.slots.find(e.Token).(type) {
	case nil:
	case *Conn:
		if e.Ready == poller.Write && o.goesOn() {
			return
		}
		before := o.sees()
		o.event(e.Ready)
		l.settle()
		before.acted(o, e.Ready)
	default:
		o.event(e.Ready)
		l.settle()
	}
}

// busy reports whether a list has something left.
func (l *Loop) busy() bool {
	return l.taken < l.count || len(l.accepting) > 0 || l.overdue.len() > 0 || l.writable.len() > 0 || l.deferred.len() > 0 || l.shedding.left > 0 || l.post.left() || l.wheel.due()
}

// settle does what is left to do after a callback has returned: it sends the output
// of the connections that were touched, adjusts what the poller watches, and calls
// Handler.Close for those that have ended. That may touch further connections, so it
// goes on until none is left; if the portion is used up first, the rest is overdue.
func (l *Loop) settle() {
	for n := 0; l.unsettled.len() > 0; n++ {
		c := l.unsettled.pop()
		if n > 0 && l.Late() {
			l.overdue.push(c)
			continue
		}
		l.settleOne(c)
	}
	clear(l.lent)
	l.lent = l.lent[:0]
	l.running = nil
}

func (l *Loop) settleOne(c *Conn) {
	c.clear(dirty)
	switch {
	case c.is(closed):
		c.end()
	case l.list == listEvents && l.taken < l.count && c.fileIsLong():
		// Its first part takes as long as the answers to ten of those who wait.
		if c.out != nil && c.out == l.cork {
			c.uncork()
		}
		c.account()
		c.getInLine()
	default:
		c.settle()
	}
}

// called counts a system call that transfers bytes: see glimpse.
func (l *Loop) called() {
	if debugging {
		l.calls++
	}
}

// A queue is a list of connections, first in, first out.
type queue struct {
	list []*Conn
	at   int // list[at:] are in the queue
}

func (q *queue) len() int { return len(q.list) - q.at }

func (q *queue) push(c *Conn) {
	if len(q.list) == cap(q.list) && q.at > len(q.list)/2 {
		n := copy(q.list, q.list[q.at:])
		clear(q.list[n:])
		q.list, q.at = q.list[:n], 0
	}
	q.list = append(q.list, c)
}

// pop takes the first, and leaves no pointer to it here.
func (q *queue) pop() *Conn {
	c := q.list[q.at]
	q.list[q.at] = nil
	if q.at++; q.at == len(q.list) {
		q.list, q.at = q.list[:0], 0
		if cap(q.list) > 4096 {
			q.list = nil // a flood is over
		}
	}
	return c
}

// dropLast removes c if it is the last, and reports whether it was.
func (q *queue) dropLast(c *Conn) bool {
	n := len(q.list) - 1
	if q.len() == 0 || q.list[n] != c {
		return false
	}
	q.list[n] = nil
	if q.list = q.list[:n]; q.at == n {
		q.list, q.at = q.list[:0], 0
	}
	return true
}

// closeFDs closes the descriptors of connections that ended in this turn. Not
// earlier: a new descriptor could get the same number, and an event of this turn be
// taken for one of the new connection.
func (l *Loop) closeFDs() {
	if len(l.fds) == 0 || l.taken < l.count {
		return
	}
	for _, fd := range l.fds {
		closeFD(fd)
	}
	l.fds = l.fds[:0]
	for _, ln := range l.hungry {
		ln.resume()
	}
	l.hungry = l.hungry[:0]
}

// recovered handles a panic or a runtime.Goexit of a callback: its connection is
// closed, and the loop goes on; after Goexit, on another goroutine.
func (l *Loop) recovered(me *lend.Lease) {
	v := recover()
	if me != nil && me.Lost() { // what ends here is not the loop's
		if v != nil {
			l.logPanic(v, stack.Panicked())
			runtime.Goexit()
		}
		return
	}
	if !l.turning {
		return
	}
	err := errGoexit
	if v != nil {
		err = fmt.Errorf("conn: panic in a handler: %v", v)
		l.logPanic(v, stack.Panicked())
	} else {
		l.logger().Error(err.Error(), "stack", stack.Panicked())
	}
	if c := l.delivering; c != nil && c.more != nil && c.more.detached != nil {
		c.more.detached.give(nil) // the input of the call that panicked is lost
	}
	l.delivering = nil
	if c := l.running; c != nil {
		c.fail(err)
	}
}

var errGoexit = errors.New("conn: runtime.Goexit in a handler")

func (l *Loop) logPanic(v any, where string) {
	l.logger().Error("conn: panic in a handler", "panic", v, "stack", where)
}

// logger returns Log, or slog's default for what has to be logged in any case.
func (l *Loop) logger() *slog.Logger {
	if l.Log != nil {
		return l.Log
	}
	return slog.Default()
}
