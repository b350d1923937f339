// Wake-ups: what is the same on all backends, and the pipe for those whose kernel has nothing
// better.

//go:build unix

package poller

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
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

// pipeWaker wakes a poller that watches the reading end of a pipe.
type pipeWaker struct {
	waker
	r, w    int
	in, out [1]byte // here, because a local buffer would be allocated
}

func (p *pipeWaker) open() error {
	var fds [2]int
	syscall.ForkLock.RLock() // not every system has pipe2
	err := unix.Pipe(fds[:])
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return os.NewSyscallError("pipe", err)
	}
	p.r, p.w = fds[0], fds[1]
	p.signal = p.write
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			p.closePipe()
			return os.NewSyscallError("fcntl", err)
		}
	}
	return nil
}

// write puts one byte in. A full pipe is as good as one more byte.
func (p *pipeWaker) write() error {
	for {
		switch _, err := unix.Write(p.w, p.out[:]); err {
		case unix.EINTR:
		case nil, unix.EAGAIN:
			return nil
		default:
			return os.NewSyscallError("write", err)
		}
	}
}

// drain is called by Wait when the pipe is readable. It takes out the one byte that is there, since
// wakes coalesce: the next write comes after seen.
func (p *pipeWaker) drain() {
	for {
		if _, err := unix.Read(p.r, p.in[:]); err != unix.EINTR {
			break
		}
	}
	p.seen()
}

func (p *pipeWaker) closePipe() error {
	err := unix.Close(p.w)
	if e := unix.Close(p.r); err == nil {
		err = e
	}
	return os.NewSyscallError("close", err)
}
