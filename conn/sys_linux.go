// System calls on non-blocking descriptors. They are raw: a call that cannot block
// need not involve the scheduler. That saves 40 to 110 ns each and, if there is only
// one processor, its hand-over to another thread.

package conn

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// joinsFIN is whether write can send the last bytes and the FIN in one segment.
const joinsFIN = true

// read is recv(2) without flags. All descriptors here are sockets, and unlike read(2)
// it bypasses the file system layer: 50 ns of a small request's 3600.
func read(fd int, p []byte) (int, syscall.Errno) {
	if debugging {
		return result(syscall.Read(fd, p)) // for the race detector: see result
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), errno
}

// peek looks for input without taking it. It returns EAGAIN if there is none, and 0 if
// there are bytes or the peer's FIN.
func peek(fd int) syscall.Errno {
	var b [1]byte
	for {
		_, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b)), 1, unix.MSG_PEEK, 0, 0)
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// write writes a and then b, in one call. That is send(2) as a rule, for the same
// reason as in read, and because send causes no SIGPIPE if the peer is gone. writev and
// sendfile may cause one; as with package net, the Go runtime drops it unless the
// program asked for it. n counts only if errno is 0. If more is set, the kernel holds
// back the end for what follows at once: the FIN, or a file.
func write(fd int, a, b []byte, more bool) (int, syscall.Errno) {
	if debugging {
		syscall.Write(-1, nil) // for the race detector: see result
	}
	if len(a) == 0 {
		a, b = b, nil
	}
	if len(b) == 0 {
		flags := uintptr(unix.MSG_NOSIGNAL)
		if more {
			flags |= unix.MSG_MORE
		}
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(a))), uintptr(len(a)), flags, 0, 0)
		return int(n), errno
	}
	iov := [2]unix.Iovec{{Base: &a[0]}, {Base: &b[0]}}
	iov[0].SetLen(len(a))
	iov[1].SetLen(len(b))
	n, _, errno := syscall.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 2)
	runtime.KeepAlive(&iov)
	return int(n), errno
}

func acceptFD(fd int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(n), errno
}

// sendfile may wait for the disk, so it is not a raw call.
func sendfile(fd int, f *os.File, off, n int64) (int, syscall.Errno) {
	return result(syscall.Sendfile(fd, int(f.Fd()), &off, int(n)))
}

// result converts the result of calls of package syscall. As in package net, those that
// read and write inform the race detector: what was done before a write happens before
// the read that gets its bytes.
func result(n int, err error) (int, syscall.Errno) {
	errno, _ := err.(syscall.Errno)
	return max(n, 0), errno
}

func reusePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

const tellsUnsent = true

// unsent returns how many of the bytes written the peer has not acknowledged.
func unsent(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return -1
	}
	return n
}

// boundUnsent makes a socket take no more when it holds maxSend bytes that could not be sent
// yet. Bytes that are on their way do not count, so that a peer which reads loses nothing.
// MPTCP's listeners, which package net's are, do not pass this on to what they accept.
func boundUnsent(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxSend)
}

func socket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// chooseLate makes the kernel choose the port when the socket is connected, not when it is bound, so that
// connections to different peers may share one.
func chooseLate(fd int) { unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) }
