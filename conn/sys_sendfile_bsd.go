//go:build darwin || freebsd || dragonfly

// sendfile(2) where it came from BSD.

package conn

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendfile sends up to n bytes, more than none. It may have sent some and say
// EAGAIN or EINTR, and then n counts.
func sendfile(fd int, f *os.File, off, n int64) (int, syscall.Errno) {
	return result(unix.Sendfile(fd, int(f.Fd()), &off, int(n)))
}
