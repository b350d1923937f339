//go:build darwin || freebsd || dragonfly

// sendfile(2) of the BSDs.

package conn

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendfile sends up to n bytes, and n is not 0. If it returns EAGAIN or EINTR it may
// have sent some: the number returned counts then too.
func sendfile(fd int, f *os.File, off, n int64) (int, syscall.Errno) {
	return result(unix.Sendfile(fd, int(f.Fd()), &off, int(n)))
}
