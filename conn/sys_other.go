//go:build unix && !linux

// System calls on the other Unixes, by packages syscall and x/sys. As in package net,
// those of syscall that read and write inform the race detector. A write to a peer that
// is gone may cause a SIGPIPE, which the Go runtime drops unless the program asked for
// it.

package conn

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func boundUnsent(int) {}

func read(fd int, p []byte) (int, syscall.Errno) { return result(syscall.Read(fd, p)) }

// peek looks for input and takes none.
func peek(fd int) syscall.Errno {
	var b [1]byte
	for {
		_, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK)
		errno, ok := err.(syscall.Errno)
		if err == nil || ok && errno != syscall.EINTR {
			return errno
		}
	}
}

const joinsFIN = false

// write writes a and then b.
func write(fd int, a, b []byte, _ bool) (int, syscall.Errno) {
	n, errno := 0, syscall.Errno(0)
	if len(a) > 0 {
		if n, errno = result(syscall.Write(fd, a)); n < len(a) {
			return n, errno
		}
	}
	if len(b) > 0 {
		m, errno := result(syscall.Write(fd, b))
		if m == 0 && n == 0 {
			return 0, errno
		}
		n += m // the next call will find an error after a again
	}
	return n, 0
}

func socket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func result(n int, err error) (int, syscall.Errno) {
	if errno, ok := err.(syscall.Errno); ok {
		return max(n, 0), errno
	}
	return max(n, 0), 0
}

// chooseLate is Linux's.
func chooseLate(int) {}
