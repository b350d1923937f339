//go:build !unix && !windows

// Systems without sockets to wait for (js, wasip1, plan9): programs that import this package compile, and poller.New
// returns an error.

package conn

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/lurcher-net/lurcher/internal/sys"
)

type (
	sockAddr  any
	sockAddr4 struct {
		Port int
		Addr [4]byte
	}
	sockAddr6 struct {
		Port   int
		ZoneId uint32
		Addr   [16]byte
	}
	sockAddrUnix struct{ Name string }
)

const (
	joinsFIN    = false
	solSocket   = 0
	soKeepAlive = 0
	tcpNoDelay  = 0
	errShutdown = sys.Errno(0xffff) // none
)

func read(int, []byte) (int, sys.Errno)                     { return 0, sys.ENOSYS }
func peek(int) sys.Errno                                    { return sys.ENOSYS }
func write(int, []byte, []byte, bool) (int, sys.Errno)      { return 0, sys.ENOSYS }
func acceptFD(int) (int, sys.Errno)                         { return -1, sys.ENOSYS }
func sendfile(int, *os.File, int64, int64) (int, sys.Errno) { return 0, sys.ENOSYS }
func socketError(int) sys.Errno                             { return sys.ENOSYS }
func unsent(int) int                                        { return -1 }
func reusePort(int) error                                   { return errors.ErrUnsupported }
func chooseLate(int)                                        {}
func setProbes(int, int)                                    {}
func boundUnsent(int)                                       {}
func socket(int) (int, error)                               { return -1, errors.ErrUnsupported }
func closeFD(int)                                           {}
func dupFD(syscall.Conn) (int, error)                       { return -1, errors.ErrUnsupported }
func duplicateFile(int, string) (*os.File, error)           { return nil, errors.ErrUnsupported }
func duplicate(int) (int, error)                            { return -1, errors.ErrUnsupported }
func netConn(int) (net.Conn, error)                         { return nil, errors.ErrUnsupported }
func resetOnClose(int)                                      {}
func shutdownWrite(int) error                               { return errors.ErrUnsupported }
func listen(string, string) (net.Listener, error)           { return nil, errors.ErrUnsupported }
func setOption(fd, level, name, value int) error            { return errors.ErrUnsupported }
func bind(int, sockAddr) error                              { return errors.ErrUnsupported }
func getsockname(int) (sockAddr, error)                     { return nil, errors.ErrUnsupported }
func getpeername(int) (sockAddr, error)                     { return nil, errors.ErrUnsupported }
func connect(int, sockAddr) error                           { return errors.ErrUnsupported }
