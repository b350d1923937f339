// Wake-ups: what is the same on all backends.

package poller

import (
	"net"
	"sync"
	"sync/atomic"
)

// waker is the half of Wake that is the same everywhere. It sees to it that many wakes cost one signal, that
// none is lost, and that none reaches a descriptor that Close has closed.
type waker struct {
	state atomic.Uint32 // wakePending, wakeClosed
	mu    sync.Mutex    // held during signal and close, so that they exclude each other
	// signal makes the backend's wait return. It is called with mu held, by the one goroutine that set
	// wakePending.
	signal func() error
}

const (
	wakePending = 1 << iota // signal was called, or is about to be, and Wait has not seen it
	wakeClosed
)

// Wake implements Poller. state.Or is a read-modify-write even if the bit is set already, so a wake that
// coalesces also happens before the return of Wait.
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
		w.seen() // it failed: the next wake must try again
	}
	return err
}

// seen clears wakePending: Wait calls it, before it returns, when it has taken the signal.
func (w *waker) seen() { w.state.And(^uint32(wakePending)) }

// close marks the waker closed and runs free. No signal can run during free or after it.
func (w *waker) close(free func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.Or(wakeClosed)&wakeClosed != 0 {
		return net.ErrClosed
	}
	return free()
}
