//go:build unix && !linux && !freebsd

// accept(2), where there is no accept4 (darwin), or none in x/sys.

package conn

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func acceptFD(fd int) (int, syscall.Errno) {
	syscall.ForkLock.RLock()
	n, _, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(n)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return result(-1, err)
	}
	if err := unix.SetNonblock(n, true); err != nil {
		unix.Close(n)
		return result(-1, err)
	}
	return n, 0
}
