// The calls of Winsock under wsapoll_windows.go that golang.org/x/sys does not have, and the pair of sockets
// that wakes.

package poller

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	ws2         = windows.NewLazySystemDLL("ws2_32.dll")
	procWSAPoll = ws2.NewProc("WSAPoll")
	procAccept  = ws2.NewProc("accept")
	procIoctl   = ws2.NewProc("ioctlsocket")
	procSend    = ws2.NewProc("send")
	procRecv    = ws2.NewProc("recv")
	procGetOpt  = ws2.NewProc("getsockopt")
)

// These are of <winsock2.h>.
const (
	pollERR    = 0x0001
	pollHUP    = 0x0002
	pollNVAL   = 0x0004
	pollWRNORM = 0x0010
	pollRDNORM = 0x0100

	soType      = 0x1008
	fionbio     = 0x8004667e
	socketError = -1
)

// wsaPollFD is WSAPOLLFD.
type wsaPollFD struct {
	fd              uintptr
	events, revents int16
}

// startup readies Winsock for this process.
var startup = sync.OnceValue(func() error {
	var data windows.WSAData
	return windows.WSAStartup(0x202, &data)
})

func (ps *pollSet) poll(ms int) (int, error) {
	n, _, errno := syscall.SyscallN(procWSAPoll.Addr(), uintptr(unsafe.Pointer(&ps.fds[0])), uintptr(len(ps.fds)), uintptr(ms))
	if int32(n) == socketError {
		return 0, os.NewSyscallError("WSAPoll", errno)
	}
	return int(n), nil
}

func isSocket(fd int) bool {
	var kind, size int32 = 0, 4
	n, _, _ := syscall.SyscallN(procGetOpt.Addr(), uintptr(fd), windows.SOL_SOCKET, soType, uintptr(unsafe.Pointer(&kind)), uintptr(unsafe.Pointer(&size)))
	return fd >= 0 && int32(n) != socketError
}

// pairWaker wakes a poller that watches one end of a TCP connection with itself.
type pairWaker struct {
	waker
	r, w    windows.Handle
	in, out [1]byte
}

func (p *pairWaker) open() (err error) {
	if err := startup(); err != nil {
		return os.NewSyscallError("WSAStartup", err)
	}
	if p.r, p.w, err = socketPair(); err != nil {
		return err
	}
	p.signal = p.write
	return nil
}

// socketPair makes two ends of a connection over loopback. Somebody else may connect first, so the ends
// are compared.
func socketPair() (a, b windows.Handle, err error) {
	l, err := newSocket()
	if err != nil {
		return 0, 0, err
	}
	defer windows.Closesocket(l)
	if err := windows.Bind(l, &windows.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, 0, os.NewSyscallError("bind", err)
	}
	if err := windows.Listen(l, 1); err != nil {
		return 0, 0, os.NewSyscallError("listen", err)
	}
	addr, err := windows.Getsockname(l)
	if err != nil {
		return 0, 0, os.NewSyscallError("getsockname", err)
	}
	if a, err = newSocket(); err != nil {
		return 0, 0, err
	}
	if err = windows.Connect(a, addr); err != nil {
		windows.Closesocket(a)
		return 0, 0, os.NewSyscallError("connect", err)
	}
	fd, _, errno := syscall.SyscallN(procAccept.Addr(), uintptr(l), 0, 0)
	if b = windows.Handle(fd); b == windows.InvalidHandle {
		windows.Closesocket(a)
		return 0, 0, os.NewSyscallError("accept", errno)
	}
	own, err := windows.Getsockname(a)
	peer, perr := windows.Getpeername(b)
	if err = errors.Join(err, perr); err == nil && own.(*windows.SockaddrInet4).Port != peer.(*windows.SockaddrInet4).Port {
		err = errors.New("poller: somebody else has connected to the wake-up socket")
	}
	if err = errors.Join(err, setNonblock(a), setNonblock(b), windows.SetsockoptInt(b, windows.IPPROTO_TCP, windows.TCP_NODELAY, 1)); err != nil {
		windows.Closesocket(a)
		windows.Closesocket(b)
		return 0, 0, err
	}
	return a, b, nil
}

// newSocket makes a blocking socket that no process inherits.
func newSocket() (windows.Handle, error) {
	s, err := windows.WSASocket(windows.AF_INET, windows.SOCK_STREAM, windows.IPPROTO_TCP, nil, 0,
		windows.WSA_FLAG_OVERLAPPED|windows.WSA_FLAG_NO_HANDLE_INHERIT)
	return s, os.NewSyscallError("WSASocket", err)
}

func setNonblock(s windows.Handle) error {
	on := uint32(1)
	n, _, errno := syscall.SyscallN(procIoctl.Addr(), uintptr(s), fionbio, uintptr(unsafe.Pointer(&on)))
	if int32(n) == socketError {
		return os.NewSyscallError("ioctlsocket", errno)
	}
	return nil
}

// write sends one byte. If there is no room, the other end is readable anyway.
func (p *pairWaker) write() error {
	n, _, errno := syscall.SyscallN(procSend.Addr(), uintptr(p.w), uintptr(unsafe.Pointer(&p.out[0])), 1, 0)
	if int32(n) == socketError && errno != windows.WSAEWOULDBLOCK {
		return os.NewSyscallError("send", errno)
	}
	return nil
}

// takeWake reads the one byte that is there: since wakes coalesce, the next write comes after seen.
func (p *pairWaker) takeWake() {
	syscall.SyscallN(procRecv.Addr(), uintptr(p.r), uintptr(unsafe.Pointer(&p.in[0])), 1, 0)
	p.seen()
}

func (p *pairWaker) closePair() error {
	return os.NewSyscallError("closesocket", errors.Join(windows.Closesocket(p.w), windows.Closesocket(p.r)))
}
