// Package lend is the door by which package nethttp calls handlers that may block on
// the goroutine of a loop. As long as such a function is quick, nothing changes hands:
// that costs a tenth of two goroutines that wake each other. When the function is slow,
// or says that it is going to wait, another goroutine becomes the loop's, and the
// function goes on where it is. Package conn fills the door in.
package lend

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// Package conn sets these. Their parameters of type any are a *conn.Conn.
var (
	// Run calls f, and then what its Then returns, and so on, and settles what they have
	// written: all on the goroutine of the loop, in a posted function, which it lends to
	// them. It does not return if that loses the loop. It returns false without calling
	// f if nobody could take the loop over, because a test turns it by hand.
	Run func(conn any, f Function) bool

	// SendFile sends at once what the kernel takes now of n bytes of f from off on, after
	// what was written before, and returns how much that is. It keeps nothing of f, which
	// therefore need not be the connection's own.
	SendFile func(conn any, f *os.File, off, n int64) int64

	// Next delivers now the input that a connection holds, if the loop would do so in
	// this turn. It is called in a posted function.
	Next func(conn any)
)

// A Function is what a loop's goroutine is lent to.
type Function interface {
	// Run may block. It may lose the loop at any time, so it uses nothing that is the
	// loop's, but between Hold and Release.
	Run(*Lease)

	// Then is called on the loop after Run, however that has ended, as a function posted
	// to the connection. It returns what is to be run next, or nil.
	Then() Function

	// Resume is posted to the loop if Run has lost it, or Then panicked: the posted
	// function that called lend.Run has not come to its end.
	Resume()
}

// patience is how long a function may have the loop. It is a late resort: a function
// that knows that it is going to wait calls Leave.
const patience = time.Millisecond

// A Lease is the right of a goroutine to run a loop. Its methods may be called from any
// goroutine.
type Lease struct {
	Here  func() bool // in debug builds, which tell goroutines apart: only the loop's may hold it
	state atomic.Uint32
	turn  atomic.Uint64 // how often it was lent
	seen  uint64        // turn as of the last expire, which alone uses it
	armed atomic.Bool   // the timer runs, or expire does
	timer *time.Timer
	heir  chan struct{} // wakes the goroutine that will take the loop over
}

// The states of a lease. Who owns the loop, and may use it, is the goroutine that the state
// names; all others leave it alone. Begin, End and Close are the loop's, the other methods
// anybody's:
//
//	owned -Begin-> lent -Hold-> held -Release-> lent -End-> owned
//	               lent -Leave, or it takes too long-> lost, for good: the next goroutine has a lease of its own
const (
	owned = iota // the loop's own code runs
	lent         // a function runs: the loop may be taken over
	held         // the function's goroutine uses the loop at the moment
	lost         // another goroutine runs the loop now
)

// Hold reports whether the loop is the function's now, as if it ran on it in a posted
// function, until Release.
func (l *Lease) Hold() bool {
	return l != nil && (l.Here == nil || l.Here()) && l.state.CompareAndSwap(lent, held)
}

// Release ends what Hold began.
func (l *Lease) Release() { l.state.Store(lent) }

// Leave has another goroutine run the loop, because this one is about to wait.
func (l *Lease) Leave() {
	if l != nil && l.state.CompareAndSwap(lent, lost) {
		close(l.heir)
	}
}

// Lose is Leave for a goroutine that ends. It waits for others that hold the loop.
func (l *Lease) Lose() {
	for l.Leave(); !l.Lost(); l.Leave() {
		runtime.Gosched()
	}
}

// Lost reports whether another goroutine runs the loop.
func (l *Lease) Lost() bool { return l.state.Load() == lost }

// Begin lends the loop. heir makes the goroutine that waits for the channel, and then
// runs the loop, or ends if it receives a value. Begin and End are for package conn.
func (l *Lease) Begin(heir func(chan struct{})) {
	if l.heir == nil {
		l.heir = make(chan struct{})
		heir(l.heir)
		l.timer = time.AfterFunc(time.Hour, l.expire)
	}
	l.turn.Add(1)
	l.state.Store(lent)
	if !l.armed.Load() && !l.armed.Swap(true) { // not before: expire has to find it lent
		l.timer.Reset(patience)
	}
}

// expire takes the loop away from a function that has it for too long: between one and
// two times patience. Setting a timer for each function would cost more than many do.
func (l *Lease) expire() {
	switch turn := l.turn.Load(); {
	case turn == l.seen && l.state.Load() == owned:
		l.armed.Store(false)
		if l.turn.Load() == turn || l.armed.Swap(true) {
			return // the next Begin sets the timer
		}
	case turn == l.seen:
		if l.Leave(); l.Lost() {
			return
		}
	default:
		l.seen = turn
	}
	l.timer.Reset(patience)
}

// End reports whether the loop is still this goroutine's.
func (l *Lease) End() bool {
	for !l.state.CompareAndSwap(lent, owned) {
		if l.Lost() {
			return false
		}
		runtime.Gosched() // another goroutine of the program holds it for a moment
	}
	return true
}

// Close ends the goroutine that waits to take over.
func (l *Lease) Close() {
	if l.heir != nil {
		l.heir <- struct{}{}
	}
}
