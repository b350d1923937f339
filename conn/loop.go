// Loop: its settings and state, how it runs and waits, and its clock. What it
// does between two waits is in turn.go.

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

	"github.com/lurcher-net/lurcher/poller"
)

const (
	readSize  = 64 << 10  // the loop's one read buffer
	corkSize  = 32 << 10  // output of one callback up to here is sent in one call
	maxEvents = 256       // taken from the poller at once
	maxLent   = 64        // buffers of the pool that collect the output of one callback
	maxSend   = 256 << 10 // sent on one connection before the others have their turn

	noSleep = 5 * time.Microsecond // a wait that is over as soon did not sleep

	// Ticks start a minute before they wrap, as Linux's jiffies do, so that
	// no wrap waits seven weeks to be tested.
	firstTick = ^uint32(0) - 60_000
)

// A Loop calls the handlers of its connections, one at a time, on the
// goroutine that runs it.
type Loop struct {
	// Log gets what a program's author has to know: panics in handlers, and
	// listeners that cannot accept. Nil: only panics are logged, by
	// [slog.Default].
	Log *slog.Logger

	// MaxMemory bounds the bytes that the connections of this loop hold together,
	// input that is held and output that is pending: when they hold more, those
	// that hold most are reset, with ErrMemory, and Log is told. It is set before
	// Run. Default: of a quarter of the memory that the process may have, the
	// share of one processor; negative: no limit.
	MaxMemory int

	// Turn, if it is set before Run, is called twice in each turn: with true
	// before the first callback and with false after the last, when the loop is
	// about to wait. It is for who counts or watches; it takes part in every
	// turn's cost, and must not call into the loop.
	Turn func(begins bool)

	poll   poller.Poller
	events []poller.Event
	taken  int // events[taken:count] are still to be handed out
	count  int
	hot    bool // it pays to ask before sleeping: see sleep

	slots   table
	wheel   wheel
	epoch   time.Time
	at      time.Duration // since epoch, when the clock was read last
	begun   time.Duration // since epoch, when the turn's callbacks began; 0: they are over
	time    time.Time     // as of this turn: see Now
	elapsed int64         // ticks from epoch to time
	now     uint32        // firstTick + elapsed, wrapping: the wheel's time
	recheck int64         // elapsed at which the wall clock is looked at again
	refs    int           // see Ref

	nobody     Conn                       // whose timers are the loop's own; it has nothing but the loop
	running    *Conn                      // whose callback is running: a panic closes it
	delivering *Conn                      // whose Data is running
	in         []byte                     // what is read lands here
	cork       *bytebufferpool.ByteBuffer // the output of running, as a rule
	corked     bool                       // cork is some connection's out
	spare      []byte                     // what AvailableBuffer lends where there is no cork
	lent       []*Conn                    // their output collects in a buffer of the pool
	seal       seal                       // what TLS needs
	unsettled  queue                      // touched by the running callback, or closed: see settle
	overdue    queue                      // unsettled when their portion was used up
	deferred   queue                      // to be called again without an event: see Conn.later
	pace       pace                       // how long the portion may go on
	list       int                        // that is being handed out
	turning    bool                       // a turn is under way
	fds        []int                      // to be closed when the turn's events are handed out
	hungry     []*Listener                // out of descriptors until one of fds is closed
	ran        atomic.Bool                // Run was called
	ending     bool                       // everything is closed: nothing new is begun
	cause      error                      // why

	maxMemory  int   // see MaxMemory
	shedSilent int64 // elapsed until which Log is told nothing of it

	post postbox

	goroutine atomic.Uint64 // that runs the callbacks; 0: none
	calls     uint64        // system calls that transfer; debug builds
	stats     Stats
	shared    shared
}

// Stats counts what a loop has done since it was made.
type Stats struct {
	Turns        uint64 // times it waited
	Accepted     uint64 // connections that came through a Listener
	AcceptErrors uint64 // accepts that failed, for want of descriptors as a rule; also of peers that had left
	Open         int    // connections there are now
	BytesIn      uint64
	BytesOut     uint64
	Reads        uint64 // system calls that brought input
	Writes       uint64 // system calls for output

	Held int    // bytes of the buffers that connections hold now
	Shed uint64 // connections that were closed with ErrMemory

	Pauses  uint64        // times that output reached Handler.High, at which reading pauses as a rule
	Paused  int           // connections whose output has not been at Handler.Low since
	Longest time.Duration // that the callbacks of one turn took
	Waiting bool          // the loop has nothing to do: no callback is running
}

// NewLoop makes a loop that waits with p, which it owns from then on; the one error
// is that p is nil. Listen,
// Dial and After may be called before Run, by the goroutine that will call Run.
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
	l.tell()
	l.wheel = wheel{t: &l.slots, now: firstTick}
	return l, nil
}

// Run calls handlers until nothing is left to wait for: no listener, no
// connection, no running timer, no posted function and no Ref. Then it returns
// nil. When ctx ends, Run closes everything at once and returns ctx's cause;
// with a ctx that has ended already it frees a loop that is not wanted any more.
// Run is called once: a second call, and Post after the first, return net.ErrClosed. The callbacks run on a
// goroutine of its own, for which Run waits: one that ends by runtime.Goexit is
// replaced.
func (l *Loop) Run(ctx context.Context) (err error) {
	if l.ran.Swap(true) {
		return net.ErrClosed
	}
	switch {
	case l.MaxMemory == 0:
		l.maxMemory = memoryShare()
	case l.MaxMemory > 0:
		l.maxMemory = l.MaxMemory
	}
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

// run is Run, on a goroutine of its own: a callback that ends it, by
// runtime.Goexit as t.FailNow does, ends its connection, and the loop goes on on
// another.
func (l *Loop) run(ctx context.Context, over chan<- error) {
	l.goroutine.Store(goroutine())
	done := false
	defer func() {
		if !done {
			go l.run(ctx, over)
		}
	}()
	err := l.rounds(ctx)
	done = true
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
			} // what was posted until now
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

// Ref keeps Run from returning until as many calls of Unref: for work that goes
// on elsewhere and will come back by Post.
func (l *Loop) Ref() {
	l.own("Loop.Ref")
	l.refs++
}

// Unref undoes one Ref.
func (l *Loop) Unref() {
	l.own("Loop.Unref")
	l.refs = max(l.refs-1, 0)
}

// Stats answers the loop's counters as of its last turn. It may be called from
// any goroutine.
func (l *Loop) Stats() Stats {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	st := l.shared.stats
	st.Waiting = l.post.asleep.Load()
	return st
}

// shared is what others may read of stats: copied once a turn, so that the loop
// itself counts without atomics. A lock that nobody else holds costs less than
// an atomic store of each counter would.
type shared struct {
	mu    sync.Mutex
	stats Stats
}

// publish is the end of a turn.
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
	if l.taken == l.count { // else those were there first
		l.taken, l.count = 0, 0
		if l.hot {
			l.count, err = l.poll.Wait(l.events, 0)
		}
	}
	if l.count > 0 || err != nil {
		l.tell()
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

// sleep is wait where there is nothing ready, as far as is known. It finds out
// whether it pays to ask first: while work keeps coming in, a wait of 0 costs less
// than going to sleep, for it is a plain system call that the scheduler hears
// nothing of; but where each event is slept for it is in vain.
func (l *Loop) sleep() (n int, err error) {
	l.tell() // what others do now is not the callbacks'
	if !l.busy() {
		runtime.Gosched() // else those who post would get ahead for good
	}
	d := l.idleFor()
	l.publish()
	switch {
	case d != 0 && l.post.sleep():
		n, err = l.poll.Wait(l.events, d)
		l.post.awake()
	case !l.hot: // else it has been asked
		n, err = l.poll.Wait(l.events, 0)
	}
	began := l.at
	l.tell()
	l.hot = n > 0 && l.at-began < noSleep
	return n, err
}

// tell reads the clock: once a turn while work keeps coming in, for it is dearer
// than a callback. The first time after the callbacks it tells how long these took.
func (l *Loop) tell() {
	l.at = time.Since(l.epoch)
	if l.begun != 0 {
		l.stats.Longest = max(l.stats.Longest, l.at-l.begun)
		l.begun = 0
	}
	l.elapsed = int64(l.at / tickLen)
	l.now = firstTick + uint32(l.elapsed)
	if l.elapsed >= l.recheck {
		// The wall clock may have been set: the epoch is what it was by today's.
		now := time.Now()
		l.epoch, l.recheck = now.Add(-now.Sub(l.epoch)), l.elapsed+1000
	}
	l.time = l.epoch.Add(time.Duration(l.elapsed) * tickLen)
}

// idleFor is how long there is nothing to do, as far as the loop knows. It is
// not for ever: the wheel's time must not fall behind by half of its range.
func (l *Loop) idleFor() time.Duration {
	l.tell() // now is from before the callbacks
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

// Now is the time of the loop's turn: cheaper than time.Now, and behind it by
// as long as the turn has taken. That the wall clock was set is noticed within a
// second.
func (l *Loop) Now() time.Time { return l.time }

// Conns ranges over the loop's connections, in no particular order. The body
// may close them, and open others.
func (l *Loop) Conns() iter.Seq[*Conn] {
	l.own("Loop.Conns")
	return func(yield func(*Conn) bool) {
		for _, page := range l.slots.pages {
			for i := range page {
				if c, ok := page[i].owner.(*Conn); ok && !c.is(closed) && !yield(c) {
					return
				}
			}
		}
	}
}
