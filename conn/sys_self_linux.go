// Both addresses of a socket, without making objects of them: see Dialer.

package conn

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connectedToItself reports whether both ends of a TCP connection are the same socket. The error is that
// of a socket which has no peer.
func connectedToItself(fd int) (bool, error) {
	var own, peer unix.RawSockaddrInet6 // whose beginning is that of the other families too
	if errno := socketName(unix.SYS_GETPEERNAME, fd, &peer); errno != 0 {
		return false, errno
	}
	if peer.Family != unix.AF_INET && peer.Family != unix.AF_INET6 {
		return false, nil
	}
	if socketName(unix.SYS_GETSOCKNAME, fd, &own) != 0 || own.Family != peer.Family || own.Port != peer.Port {
		return false, nil
	}
	if peer.Family == unix.AF_INET {
		return (*unix.RawSockaddrInet4)(unsafe.Pointer(&own)).Addr == (*unix.RawSockaddrInet4)(unsafe.Pointer(&peer)).Addr, nil
	}
	return own.Addr == peer.Addr, nil
}

// socketName is getpeername(2) or getsockname(2). The name of a Unix socket is cut off.
func socketName(call uintptr, fd int, sa *unix.RawSockaddrInet6) syscall.Errno {
	size := uint32(unsafe.Sizeof(*sa))
	_, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(unsafe.Pointer(&size)))
	return errno
}
