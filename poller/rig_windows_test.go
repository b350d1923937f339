// What the rig asks of the system, on Windows.

package poller

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	hasPipes = false
	canDup   = false

	soError     = 0x1007
	shutdownOut = 1
)

var everywhere = []string{"wsapoll"}

// describe says what the contract leaves open to s: a half-close shows as Hangup only once all bytes were read.
func (s *subject) describe() { s.halfs = false }

type sockaddr = windows.Sockaddr

var streams = []stream{{"tcp", (*rig).tcp}}

// unix returns a connection all the same, where the tests do not care of which kind.
func (g *rig) unix() (a, b int) { return g.tcp() }

func (g *rig) pipe() (r, w int) { panic("no pipes") }

func sysNonblock(fd int) error { return setNonblock(windows.Handle(fd)) }

func sysClose(fd int) error { return windows.Closesocket(windows.Handle(fd)) }

func sysSocket() (int, error) {
	s, err := newSocket()
	return int(s), err
}

func sysListen(fd int) (sockaddr, error) {
	s := windows.Handle(fd)
	if err := windows.Bind(s, &windows.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	if err := windows.Listen(s, 128); err != nil {
		return nil, err
	}
	return windows.Getsockname(s)
}

func sysConnect(fd int, addr sockaddr) error { return windows.Connect(windows.Handle(fd), addr) }

func sysAccept(l int) (int, error) { return call(procAccept, uintptr(l), 0, 0) }

func sysRead(fd int, p []byte) (int, error) {
	return call(procRecv, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0)
}

func sysWrite(fd int, p []byte) (int, error) {
	return call(procSend, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0)
}

func call(proc *windows.LazyProc, args ...uintptr) (int, error) {
	n, _, errno := syscall.SyscallN(proc.Addr(), args...)
	if int32(n) == socketError {
		return -1, errno
	}
	return int(n), nil
}

func sysShutdownWrite(fd int) error { return windows.Shutdown(windows.Handle(fd), shutdownOut) }

func sysResetOnClose(fd int) error {
	return windows.SetsockoptLinger(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_LINGER, &windows.Linger{Onoff: 1})
}

func sysPoll(fd int, want Ready, ms int) bool {
	var ps pollSet
	ps.put(&socket{fd: fd, want: want})
	n, err := ps.poll(ms)
	return n > 0 || err != nil
}

func isAgain(err error) bool      { return errors.Is(err, windows.WSAEWOULDBLOCK) }
func isInProgress(err error) bool { return errors.Is(err, windows.WSAEWOULDBLOCK) }
func isTCP(fd int) bool           { return true }

func refused(fd int) (bool, error) {
	errno, err := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soError)
	return syscall.Errno(errno) == windows.WSAECONNREFUSED, err
}

func sysDup(fd, number int) (int, error) { return -1, errors.ErrUnsupported }

// needFiles: there is no limit but memory.
func needFiles(testing.TB, uint64) {}
