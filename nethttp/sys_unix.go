// What differs between systems, on Unix.

//go:build unix

package nethttp

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// reopen returns a descriptor of its own for f.
func reopen(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, errno := -1, error(nil)
	if err := raw.Control(func(old uintptr) { fd, errno = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if errno != nil {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// socketPair returns the two ends of a connection.
func socketPair() (a, b net.Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		unix.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "")
		nc, e := net.FileConn(f)
		f.Close()
		if e != nil {
			err = e
		}
		ends[i] = nc
	}
	return ends[0], ends[1], err
}
