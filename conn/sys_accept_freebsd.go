// accept4(2), where x/sys has it: one system call, and a child of this process can
// never inherit the connection.

package conn

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func acceptFD(fd int) (int, syscall.Errno) {
	n, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return result(-1, err)
	}
	return n, 0
}
