//go:build freebsd || netbsd

// How much of the output the kernel still holds for the peer: FIONWRITE.

package conn

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const tellsUnsent = true

// unsent returns what FIONWRITE does. Its number is from sys/filio.h: x/sys does not have it.
func unsent(fd int) int {
	request := uint(0x40046677) // FreeBSD: _IOR('f', 119, int)
	if runtime.GOOS == "netbsd" {
		request = 0x40046679 // _IOR('f', 121, int)
	}
	n, err := unix.IoctlGetInt(fd, request)
	if err != nil {
		return -1
	}
	return n
}
