// How much of the output the kernel still holds for the peer: SO_NWRITE.

package conn

import "golang.org/x/sys/unix"

const tellsUnsent = true

func unsent(fd int) int {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NWRITE)
	if err != nil {
		return -1
	}
	return n
}
