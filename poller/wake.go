// What the backends share: wake-ups, checks of arguments, rounding of time.

//go:build unix

package poller

import (
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// check refuses what no backend takes.
func check(op string, t Token, want Ready) error {
	if want&^(Read|Write) != 0 || t == reserved {
		return os.NewSyscallError(op, unix.EINVAL)
	}
	return nil
}

// milliseconds is max as poll(2) and its kin take it: rounded up, so that a wait never ends early
// and a loop waiting for the last microsecond of a timer does not spin; negative for ever.
func milliseconds(max time.Duration) int {
	if max < 0 {
		return -1
	}
	ms := max / time.Millisecond
	if max%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}

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
	return w.signal()
}

// seen is called by Wait, before it returns, when the signal has arrived and was taken away.
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

// pipe is the descriptor to wake through where the system has nothing better.
type pipe struct{ r, w int }

func openPipe() (pipe, error) {
	var fds [2]int
	syscall.ForkLock.RLock() // darwin and aix have no pipe2
	err := unix.Pipe(fds[:])
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return pipe{}, os.NewSyscallError("pipe", err)
	}
	p := pipe{fds[0], fds[1]}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			p.close()
			return pipe{}, os.NewSyscallError("fcntl", err)
		}
	}
	return p, nil
}

// signal puts one byte in. A full pipe is as good as one more byte.
func (p pipe) signal() error {
	for {
		_, err := unix.Write(p.w, []byte{0})
		switch err {
		case unix.EINTR:
		case nil, unix.EAGAIN:
			return nil
		default:
			return os.NewSyscallError("write", err)
		}
	}
}

// drain takes out all that signal put in: one byte, since wakes coalesce.
func (p pipe) drain() {
	var b [8]byte
	for {
		n, err := unix.Read(p.r, b[:])
		if err != unix.EINTR && n < len(b) {
			return
		}
	}
}

func (p pipe) close() error {
	err := unix.Close(p.w)
	if e := unix.Close(p.r); err == nil {
		err = e
	}
	return os.NewSyscallError("close", err)
}
