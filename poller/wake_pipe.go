// Wake-ups by a pipe, for backends of Unix whose kernel has nothing better.

//go:build unix

package poller

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeWaker wakes a poller that watches the reading end of a pipe.
type pipeWaker struct {
	waker
	r, w    int
	in, out [1]byte // fields, because local buffers would be allocated
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

// write writes one byte. If the pipe is full, it is readable anyway.
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

// takeWake reads the one byte that is in the pipe: Wait calls it when the pipe is readable. There is only one,
// since wakes coalesce and the next write comes after seen.
func (p *pipeWaker) takeWake() {
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
