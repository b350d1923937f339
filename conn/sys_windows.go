// System calls of Windows, which is for development: non-blocking sockets of Winsock, without overlapped I/O.
// SO_REUSEPORT and Listener.File are missing, and return an error that is errors.ErrUnsupported.

package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	solSocket   = syscall.SOL_SOCKET
	soKeepAlive = syscall.SO_KEEPALIVE
	tcpNoDelay  = syscall.TCP_NODELAY
	errShutdown = syscall.ESHUTDOWN
)

type (
	sockAddr     = windows.Sockaddr
	sockAddr4    = windows.SockaddrInet4
	sockAddr6    = windows.SockaddrInet6
	sockAddrUnix = windows.SockaddrUnix
)

var (
	ws2       = windows.NewLazySystemDLL("ws2_32.dll")
	wsaAccept = ws2.NewProc("accept")
	wsaIoctl  = ws2.NewProc("ioctlsocket")
	wsaRecv   = ws2.NewProc("recv")
	wsaSend   = ws2.NewProc("send")
	wsaPoll   = ws2.NewProc("WSAPoll")
)

// These are of <winsock2.h> and <ws2ipdef.h>.
const (
	msgPeek       = 2
	pollErr       = 1
	sdSend        = 1
	soError       = 0x1007
	soType        = 0x1008
	fionbio       = 0x8004667e
	tcpKeepIdle   = 3
	tcpKeepIntvl  = 17
	soExclusive   = ^4 // SO_EXCLUSIVEADDRUSE
	protocolInfo  = -1 // FROM_PROTOCOL_INFO
	winsockFailed = -1 // SOCKET_ERROR, and INVALID_SOCKET
)

// errnos maps the errors of Winsock to the errnos that Go programs know.
var errnos = map[syscall.Errno]syscall.Errno{
	windows.WSAEWOULDBLOCK:     syscall.EAGAIN,
	windows.WSAEINTR:           syscall.EINTR,
	windows.WSAEINPROGRESS:     syscall.EINPROGRESS,
	windows.WSAEALREADY:        syscall.EALREADY,
	windows.WSAECONNRESET:      syscall.ECONNRESET,
	windows.WSAENETRESET:       syscall.ECONNRESET,
	windows.WSAECONNABORTED:    syscall.ECONNABORTED,
	windows.WSAECONNREFUSED:    syscall.ECONNREFUSED,
	windows.WSAESHUTDOWN:       syscall.EPIPE,
	windows.WSAENOTCONN:        syscall.ENOTCONN,
	windows.WSAEISCONN:         syscall.EISCONN,
	windows.WSAETIMEDOUT:       syscall.ETIMEDOUT,
	windows.WSAENETDOWN:        syscall.ENETDOWN,
	windows.WSAENETUNREACH:     syscall.ENETUNREACH,
	windows.WSAEHOSTUNREACH:    syscall.EHOSTUNREACH,
	windows.WSAEADDRINUSE:      syscall.EADDRINUSE,
	windows.WSAEADDRNOTAVAIL:   syscall.EADDRNOTAVAIL,
	windows.WSAEAFNOSUPPORT:    syscall.EAFNOSUPPORT,
	windows.WSAEOPNOTSUPP:      syscall.EOPNOTSUPP,
	windows.WSAEINVAL:          syscall.EINVAL,
	windows.WSAEACCES:          syscall.EACCES,
	windows.WSAEFAULT:          syscall.EFAULT,
	windows.WSAENOTSOCK:        syscall.EBADF,
	windows.WSAEMFILE:          syscall.EMFILE,
	windows.WSAENOBUFS:         syscall.ENOBUFS,
	windows.WSAEPROTONOSUPPORT: syscall.EPROTONOSUPPORT,
}

func errnoOf(err error) syscall.Errno {
	errno, ok := err.(syscall.Errno)
	if known, found := errnos[errno]; found {
		return known
	}
	if err != nil && !ok {
		return syscall.EINVAL
	}
	return errno
}

// known returns the usual errno for err.
func known(err error) error {
	if err == nil {
		return nil
	}
	return errnoOf(err)
}

// result converts the result of a call of Winsock.
func result(n, _ uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if int32(n) == winsockFailed {
		return 0, errnoOf(errno)
	}
	return int(n), 0
}

// read checks an end of file for a reset: under wine recv reports both as an end of file.
func read(fd int, p []byte) (int, syscall.Errno) {
	n, errno := result(syscall.SyscallN(wsaRecv.Addr(), uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0))
	if n == 0 && errno == 0 && len(p) > 0 {
		errno = behindEOF(fd)
	}
	return n, lost(errno)
}

func behindEOF(fd int) syscall.Errno {
	if errno := socketError(fd); errno != 0 {
		return errno
	}
	entry := struct { // WSAPOLLFD
		fd              uintptr
		events, revents int16
	}{fd: uintptr(fd)}
	syscall.SyscallN(wsaPoll.Addr(), uintptr(unsafe.Pointer(&entry)), 1, 0)
	if entry.revents&pollErr != 0 {
		return syscall.ECONNRESET
	}
	return 0
}

// peek looks for input and takes none.
func peek(fd int) syscall.Errno {
	var b [1]byte
	_, errno := result(syscall.SyscallN(wsaRecv.Addr(), uintptr(fd), uintptr(unsafe.Pointer(&b)), 1, msgPeek))
	return lost(errno)
}

// lost returns errno, or a reset if Windows itself has given up the connection.
func lost(errno syscall.Errno) syscall.Errno {
	if errno == syscall.ECONNABORTED {
		return syscall.ECONNRESET
	}
	return errno
}

const joinsFIN = false

// write writes a and then b.
func write(fd int, a, b []byte, _ bool) (int, syscall.Errno) {
	n := 0
	for _, p := range [...][]byte{a, b} {
		if len(p) == 0 {
			continue
		}
		m, errno := result(syscall.SyscallN(wsaSend.Addr(), uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0))
		if errno != 0 && n == 0 {
			return 0, lost(errno)
		}
		n += m // the next call will find an error after a again
		if m < len(p) {
			break
		}
	}
	return n, 0
}

// acceptFD sets the options that accepted sockets inherit on other systems.
func acceptFD(fd int) (int, syscall.Errno) {
	n, errno := result(syscall.SyscallN(wsaAccept.Addr(), uintptr(fd), 0, 0))
	if errno != 0 {
		return -1, errno
	}
	windows.CloseOnExec(windows.Handle(n))
	setTCPOptions(n)
	if err := setNonblock(n); err != nil {
		closeFD(n)
		return -1, errnoOf(err)
	}
	return n, 0
}

func setNonblock(fd int) error {
	on := uint32(1)
	_, errno := result(syscall.SyscallN(wsaIoctl.Addr(), uintptr(fd), fionbio, uintptr(unsafe.Pointer(&on))))
	if errno != 0 {
		return errno
	}
	return nil
}

// sendfile is missing here: the file is read, a part at a time.
func sendfile(int, *os.File, int64, int64) (int, syscall.Errno) { return 0, syscall.ENOSYS }

// unsent is not known here.
func unsent(int) int { return -1 }

const tellsUnsent = false

func reusePort(int) error { return fmt.Errorf("SO_REUSEPORT on Windows: %w", errors.ErrUnsupported) }

// chooseLate is Linux's.
func chooseLate(int) {}

func boundUnsent(int) {}

// setProbes sets the time until the first keep-alive probe, and between two.
func setProbes(fd, seconds int) {
	setOption(fd, windows.IPPROTO_TCP, tcpKeepIdle, seconds)
	setOption(fd, windows.IPPROTO_TCP, tcpKeepIntvl, seconds)
}

func socket(family int) (int, error) {
	s, err := windows.WSASocket(int32(family), windows.SOCK_STREAM, 0, nil, 0, windows.WSA_FLAG_OVERLAPPED|windows.WSA_FLAG_NO_HANDLE_INHERIT)
	if err != nil {
		return -1, known(err)
	}
	if err := setNonblock(int(s)); err != nil {
		windows.Closesocket(s)
		return -1, err
	}
	return int(s), nil
}

func closeFD(fd int) { windows.Closesocket(windows.Handle(fd)) }

// dupFD makes a handle of our own for the socket of a net.Conn or net.Listener, which must be a stream's.
func dupFD(sc syscall.Conn) (fd int, err error) {
	// File takes the socket off the completion port of package net, so that Detach can put it there again. wine
	// cannot, and then Detach cannot either.
	if f, ok := sc.(interface{ File() (*os.File, error) }); ok {
		if f, err := f.File(); err == nil {
			f.Close()
		}
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	cerr := rc.Control(func(s uintptr) { fd, err = duplicate(int(s)) })
	if cerr != nil {
		return -1, cerr
	}
	if err != nil {
		return -1, err
	}
	kind, err := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soType)
	if err == nil && kind != windows.SOCK_STREAM {
		err = syscall.EPROTOTYPE
	}
	if err == nil {
		err = setNonblock(fd)
	}
	if err != nil {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}

// duplicateFile is not supported: on Windows a process inherits sockets in other ways.
func duplicateFile(int, string) (*os.File, error) {
	return nil, fmt.Errorf("conn: the file of a socket, on Windows: %w", errors.ErrUnsupported)
}

// listen keeps others from taking the port over, which SO_REUSEADDR would allow here.
func listen(network, addr string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(network, _ string, rc syscall.RawConn) (err error) {
		cerr := rc.Control(func(fd uintptr) {
			if network != "unix" {
				err = os.NewSyscallError("setsockopt", setOption(int(fd), windows.SOL_SOCKET, soExclusive, 1))
			}
		})
		return errors.Join(err, cerr)
	}}
	nl, err := config.Listen(context.Background(), network, addr)
	var call *os.SyscallError
	if errors.As(err, &call) {
		call.Err = known(call.Err)
	}
	return nl, err
}

// duplicate makes a handle for the same socket.
func duplicate(fd int) (int, error) {
	var info windows.WSAProtocolInfo
	if err := windows.WSADuplicateSocket(windows.Handle(fd), windows.GetCurrentProcessId(), &info); err != nil {
		return -1, os.NewSyscallError("WSADuplicateSocket", known(err))
	}
	s, err := windows.WSASocket(protocolInfo, protocolInfo, protocolInfo, &info, 0, windows.WSA_FLAG_OVERLAPPED|windows.WSA_FLAG_NO_HANDLE_INHERIT)
	if err != nil {
		return -1, os.NewSyscallError("WSASocket", known(err))
	}
	return int(s), nil
}

// netConn makes a connection of package net for the same socket.
func netConn(fd int) (net.Conn, error) {
	fd, err := duplicate(fd)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	return net.FileConn(f)
}

// resetOnClose has close drop what is unsent, and the peer see a reset.
func resetOnClose(fd int) {
	windows.SetsockoptLinger(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_LINGER, &windows.Linger{Onoff: 1})
}

func shutdownWrite(fd int) error { return known(windows.Shutdown(windows.Handle(fd), sdSend)) }

// socketError takes the error that is pending on a socket.
func socketError(fd int) syscall.Errno {
	n, err := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, soError)
	if err != nil {
		return errnoOf(err)
	}
	return errnoOf(syscall.Errno(n))
}

func setOption(fd, level, name, value int) error {
	return known(windows.SetsockoptInt(windows.Handle(fd), level, name, value))
}

func bind(fd int, sa sockAddr) error { return known(windows.Bind(windows.Handle(fd), sa)) }

func getsockname(fd int) (sockAddr, error) {
	sa, err := windows.Getsockname(windows.Handle(fd))
	return sa, known(err)
}

func getpeername(fd int) (sockAddr, error) {
	sa, err := windows.Getpeername(windows.Handle(fd))
	return sa, known(err)
}

// connect begins to connect; it is no error that it goes on.
func connect(fd int, sa sockAddr) error {
	err := windows.Connect(windows.Handle(fd), sa)
	if err == windows.WSAEWOULDBLOCK {
		return nil
	}
	return known(err)
}
