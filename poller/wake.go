// Wake-ups: what is the same on all backends.

package poller

import (
	"net"
	"sync"
	"sync/atomic"
)

// waker is the half of Wake that is the same everywhere: many wakes cost one signal, none is lost,
// and none reaches a descriptor that Close gave back.
type waker struct {
	state atomic.Uint32 // wakePending, wakeClosed
	mu    sync.Mutex    // held over signal and over close, so that one excludes the other
	// signal makes the backend's wait return; called with mu held, by the one goroutine that
	// set wakePending.
	signal func() error
}

const (
	wakePending = 1 << iota // signal was called, or is about to be, and Wait has not seen it
	wakeClosed
)

// Wake implements Poller. Or is a read-modify-write even where the bit is set already: that makes a
// wake that coalesces happen before the return of Wait as well.
func (w *waker) Wake() error {
	switch old := w.state.Or(wakePending); {
	case old&wakeClosed != 0:
		return net.ErrClosed
	case old&wakePending != 0:
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.Load()&wakeClosed != 0 {
		return net.ErrClosed
	}
	err := w.signal()
	if err != nil {
		w.seen() // or the next wake would count on this one
	}
	return err
}

// seen is called by Wait, before it returns, when it has taken the signal.
func (w *waker) seen() { w.state.And(^uint32(wakePending)) }

// close marks the waker closed and runs free, which no signal can overlap or follow.
func (w *waker) close(free func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.Or(wakeClosed)&wakeClosed != 0 {
		return net.ErrClosed
	}
	return free()
}
