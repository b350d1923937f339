// Loop: its settings and state, how it runs and waits, and its clock. turn.go has
// what it does between two waits.

package conn

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/poller"
)

const (
	readSize   = 64 << 10  // the loop's one read buffer
	corkSize   = 32 << 10  // output of one callback up to here is sent in one call
	maxEvents  = 256       // taken from the poller at once
	maxLent    = 64        // buffers of the pool that collect the output of one callback
	maxSend    = 256 << 10 // bytes sent on one connection before the others have their turn
	shortBurst = 32 << 10  // the same, where a callback asks by Full and others wait: see mostBurst

	noSleep = 5 * time.Microsecond // a wait shorter than this did not sleep

	// Ticks start a minute before they wrap, as Linux's jiffies do, so that
	// no wrap waits seven weeks to be tested.
	firstTick = ^uint32(0) - 60_000
)

// A Loop calls the handlers of its connections, one at a time, on the
// goroutine that runs it.
type Loop struct {
	// Log gets what a program's author has to know: panics in handlers, listeners
	// that cannot accept, connections closed for MaxMemory. If it is nil only panics
	// are logged, by [slog.Default].
	Log *slog.Logger

	// MaxMemory bounds the bytes that the connections of this loop hold together:
	// input that is held, output that is pending, what crypto/tls keeps for them, and
	// what their protocols hold, by [Conn.Charge]. When they hold more, those that
	// hold most are reset, with ErrMemory, which is logged. Set it before Run.
	// Default: an eighth of the memory that the process may have, divided by the
	// number of processors; negative: no limit.
	MaxMemory int

	// Turn, if it is set before Run, is called twice in each turn: with true
	// before the first callback and with false after the last, when the loop is
	// about to wait. Use it to count or to watch. It adds to the cost of every turn,
	// and must not call into the loop.
	Turn func(begins bool)

	poll   poller.Poller
	events []poller.Event
	taken  int // events[taken:count] are still to be handed out
	count  int
	hot    bool // polling before sleeping pays: see sleep

	slots     table
	wheel     wheel
	epoch     time.Time
	at        time.Duration // since epoch, when the clock was read last
	begun     time.Duration // since epoch, when the turn's callbacks began; 0: they have ended
	time      time.Time     // the time of this turn: see Now
	ahead     time.Duration // by which time was moved by hand: see advance
	elapsed   int64         // ticks from epoch to time
	now       uint32        // firstTick + elapsed, wrapping: the wheel's time
	recheck   int64         // the value of elapsed at which the wall clock is read again
	mostStall uint32        // ticks: see LimitStall; 0: no limit
	refs      int           // calls of Ref without their Unref

	nobody     Conn                       // stands for no connection: the owner of the loop's own timers
	running    *Conn                      // the connection whose callback is running: a panic closes it
	delivering *Conn                      // the connection whose Data is running
	in         []byte                     // the read buffer of all connections
	cork       *bytebufferpool.ByteBuffer // collects the output of running, as a rule
	corked     bool                       // some connection uses cork as its out
	spare      []byte                     // AvailableBuffer lends this where it cannot lend cork
	lent       []*Conn                    // connections whose output collects in a pooled buffer
	seal       seal                       // buffers for TLS
	unsettled  queue                      // connections touched by the running callback, or closed: see settle
	overdue    queue                      // connections still unsettled when their portion was used up
	writable   queue                      // connections whose output goes on: see Conn.goesOn
	deferred   queue                      // connections to be called again without an event: see Conn.later
	pace       pace                       // bounds the current portion
	list       int                        // the list that is being handed out
	turning    bool                       // a turn is under way
	fds        []int                      // descriptors to be closed when the turn's events are handed out
	accepting  []*Listener                // in line to accept: see Listener.event
	hungry     []*Listener                // out of descriptors until one of fds is closed
	ran        atomic.Bool                // Run was called
	ending     bool                       // everything is closed: nothing new is begun
	cause      error                      // the reason for ending

	maxMemory int // the bound that MaxMemory means
	common    int // bytes of Loop.Charge
	holders   holders
	shedding  shedding

	dialling dialling
	post     postbox

	lease     *lend.Lease   // of the goroutine that runs the callbacks: see lend.go
	lentTo    lend.Function // while a posted function lends the goroutine
	goroutine atomic.Uint64 // its number; 0: none
	runContext
	//lint:ignore U1000 debug builds use it
	owned  atomic.Uint32 // calls of methods since counted
	calls  uint64        // system calls that transfer bytes, in debug builds
	stats  Stats
	shared shared
}

// Stats counts what a loop has done since it was made.
type Stats struct {
	Turns        uint64 // times it waited
	Accepted     uint64 // connections that came through a Listener
	AcceptErrors uint64 // accepts that failed: no descriptors as a rule, or the peer had left
	Open         int    // connections open now
	BytesIn      uint64 // bytes read
	BytesOut     uint64 // bytes that the kernel took
	Reads        uint64 // system calls that brought input
	Writes       uint64 // system calls for output

	Held int    // bytes that connections hold now, as MaxMemory counts them
	Shed uint64 // connections closed with ErrMemory

	Pauses  uint64        // how often output reached Handler.High, where reading pauses as a rule
	Paused  int           // connections paused now: their output has not fallen to Handler.Low since
	Longest time.Duration // the longest time that the callbacks of one turn took
	Waiting bool          // the loop sleeps: no callback is running
}

// NewLoop makes a loop that waits with p, and owns p from then on. It fails only if p
// is nil. Listen, Dial and After may be called before Run, by the goroutine that will
// call Run.
func NewLoop(p poller.Poller) (*Loop, error) {
	if p == nil {
		return nil, fmt.Errorf("conn: NewLoop wants a poller: see poller.New")
	}
	l := &Loop{
		poll:   p,
		events: make([]poller.Event, maxEvents),
		epoch:  time.Now(),
		in:     make([]byte, readSize),
		cork:   &bytebufferpool.ByteBuffer{B: make([]byte, 0, corkSize)},
	}
	l.nobody.loop = l
	l.pace.step = mostBlind
	l.pace.fresh()
	l.readClock()
	l.wheel = wheel{t: &l.slots, now: firstTick}
	return l, nil
}

// Run calls handlers until nothing is left to wait for: no listener, no
// connection, no running timer, no posted function and no Ref. Then it returns
// nil. When ctx ends, Run closes everything at once and returns ctx's cause; call it
// with a ctx that has ended to free a loop that is not wanted any more. Run is called
// once: a second call returns net.ErrClosed, and so does Post after Run has returned.
//
// The callbacks run on a goroutine that Run starts, and waits for. If a callback ends
// that goroutine by runtime.Goexit, another takes its place.
func (l *Loop) Run(ctx context.Context) (err error) {
	if l.ran.Swap(true) {
		return net.ErrClosed
	}
	l.maxMemory = l.MemoryLimit()
	stop := context.AfterFunc(ctx, func() {
		l.Post(func() { l.stop(context.Cause(ctx)) })
	})
	defer stop()
	over := make(chan error, 1)
	go l.run(ctx, over)
	err = <-over
	l.ending = true
	l.publish()
	return firstError(err, l.poll.Close())
}

// run is the part of Run that has a goroutine of its own. If a callback ends that, by
// runtime.Goexit as t.FailNow does, its connection ends, and the loop goes on on
// another goroutine. So it does if the goroutine was lent, and the loop taken over.
func (l *Loop) run(ctx context.Context, over chan<- error) {
	me := new(lend.Lease)
	if debugging {
		me.Here = l.Here
	}
	l.lease, l.runContext = me, runContext{ctx, over}
	l.goroutine.Store(goroutine())
	done := false
	defer func() {
		if me.Lost() {
			return
		}
		me.Close()
		if !done {
			go l.run(ctx, over)
		}
	}()
	err := l.rounds(ctx)
	done = true
	l.lease = nil
	l.goroutine.Store(0)
	over <- err
}

// rounds turns until the loop has ended.
func (l *Loop) rounds(ctx context.Context) error {
	for {
		l.turns()
		switch {
		case l.ending:
			l.post.close()
			for l.turns(); l.busy() || !l.post.end(); l.turns() {
			} // until everything that was posted has run
			return l.cause
		case l.slots.live+l.refs == 0 && l.post.end():
			return context.Cause(ctx)
		}
		if err := l.wait(); err != nil {
			l.stop(err)
		}
	}
}

// stop closes everything that the loop has.
func (l *Loop) stop(cause error) {
	if !l.ending {
		l.ending, l.cause = true, cause
		l.slots.each(func(o owner) { o.stop(cause) })
	}
}

// Ref keeps Run from returning until Unref has been called as often: for work that
// goes on elsewhere and will come back by Post.
func (l *Loop) Ref() {
	l.own("Loop.Ref")
	l.refs++
}

// Unref undoes one Ref.
func (l *Loop) Unref() {
	l.own("Loop.Unref")
	l.refs = max(l.refs-1, 0)
}

// Stats returns the loop's counters as of its last turn. It may be called from
// any goroutine.
func (l *Loop) Stats() Stats {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	st := l.shared.stats
	st.Waiting = l.post.asleep.Load()
	return st
}

// shared is the copy of stats that other goroutines may read. It is made once a turn,
// so that the loop itself counts without atomics. An uncontended lock costs less than
// an atomic store of each counter would.
type shared struct {
	mu    sync.Mutex
	stats Stats
}

// publish ends a turn: it makes the counters visible, and calls Turn.
func (l *Loop) publish() {
	l.shared.mu.Lock()
	l.shared.stats = l.stats
	l.shared.mu.Unlock()
	if l.Turn != nil {
		l.Turn(false)
	}
}

// wait sleeps until something is ready, or due, or posted.
func (l *Loop) wait() error {
	l.stats.Turns++
	var err error
	if l.taken == l.count { // else events of the last wait are still to be handed out
		l.taken, l.count = 0, 0
		if l.hot {
			l.count, err = l.poll.Wait(l.events, 0)
		}
	}
	if l.count > 0 || err != nil {
		l.readClock()
		l.publish()
	} else {
		l.count, err = l.sleep()
	}
	l.begun, l.pace.read = l.at, l.at
	l.pace.fresh()
	if l.Turn != nil {
		l.Turn(true)
	}
	if err != nil {
		return fmt.Errorf("conn: the poller failed: %w", err)
	}
	return nil
}

// sleep waits if nothing is known to be ready. It measures whether a zero-timeout
// poll before sleeping pays: under load it does, being a raw system call that bypasses
// the scheduler; not when every event has to be waited for. hot says which is the
// case.
func (l *Loop) sleep() (n int, err error) {
	l.readClock() // what follows does not count as time of the callbacks
	if !l.busy() {
		runtime.Gosched() // else goroutines that post could get ahead for good
	}
	d := l.idleFor()
	l.publish()
	switch {
	case d != 0 && l.post.sleep():
		n, err = l.poll.Wait(l.events, d)
		l.post.awake()
	case !l.hot: // else wait has polled already
		n, err = l.poll.Wait(l.events, 0)
	}
	began := l.at
	l.readClock()
	l.hot = n > 0 && l.at-began < noSleep
	return n, err
}

// readClock updates the loop's time. It runs once per turn while work keeps coming in,
// because reading the clock costs more than a callback. The first call after the
// callbacks also records how long they took.
func (l *Loop) readClock() {
	l.at = time.Since(l.epoch)
	if l.begun != 0 {
		l.stats.Longest = max(l.stats.Longest, l.at-l.begun)
		l.begun = 0
	}
	l.elapsed = int64(l.at / tickLen)
	l.now = firstTick + uint32(l.elapsed)
	if l.elapsed >= l.recheck {
		// The wall clock may have been set: recompute the epoch by what it says now.
		now := time.Now()
		l.epoch, l.recheck = now.Add(-now.Sub(l.epoch)), l.elapsed+1000
	}
	l.time = l.epoch.Add(time.Duration(l.elapsed)*tickLen + l.ahead)
}

// idleFor returns how long there will be nothing to do, as far as the loop knows. It
// is bounded, because the wheel's time must not lag by half of its range.
func (l *Loop) idleFor() time.Duration {
	l.readClock() // l.now dates from before the callbacks
	if l.busy() {
		return 0
	}
	_, tick, ok := l.wheel.next()
	if !ok {
		return maxTicks * tickLen
	}
	return max(time.Duration(int32(tick-l.now))*tickLen, 0)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Now returns the time at which the loop's turn began. It costs less than time.Now,
// and lags by what the turn has taken so far. A wall clock that was set is noticed
// within a second.
func (l *Loop) Now() time.Time { return l.time }

// Conns ranges over the loop's connections, in no particular order. The body
// may close them, and open others.
func (l *Loop) Conns() iter.Seq[*Conn] {
	l.own("Loop.Conns")
	return func(yield func(*Conn) bool) {
		for _, page := range l.slots.pages {
			for i := range page {
				if c := connOf(page[i].owner); c != nil && !c.is(closed) && !yield(c) {
					return
				}
			}
		}
	}
}
