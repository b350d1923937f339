// What the rig asks of the system, on Unix.

//go:build unix

package poller

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	hasPipes = true
	canDup   = true
)

// everywhere are the backends that every Unix has.
var everywhere = []string{"poll", "select"}

// describe says what the contract leaves open to s.
func (s *subject) describe() {
	switch s.name {
	case "devpoll":
		s.halfs, s.ends, s.resets = pollRDHUP != 0, false, false
	case "poll":
		s.halfs, s.ends, s.resets = pollRDHUP != 0, runtime.GOOS == "linux", runtime.GOOS == "linux"
	case "select":
		s.halfs, s.ends, s.resets, s.limit = false, false, false, unix.FD_SETSIZE
	}
}

type sockaddr = unix.Sockaddr

var streams = []stream{{"unix", (*rig).unix}, {"tcp", (*rig).tcp}}

func (g *rig) unix() (a, b int) {
	g.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	return g.own(fds[0], err), g.own(fds[1], err)
}

func (g *rig) pipe() (r, w int) {
	g.Helper()
	var fds [2]int
	err := unix.Pipe(fds[:])
	return g.own(fds[0], err), g.own(fds[1], err)
}

func sysNonblock(fd int) error {
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}

func sysClose(fd int) error { return unix.Close(fd) }

func sysSocket() (int, error) { return unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0) }

func sysListen(fd int) (sockaddr, error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, 128); err != nil {
		return nil, err
	}
	return unix.Getsockname(fd)
}

func sysConnect(fd int, addr sockaddr) error { return unix.Connect(fd, addr) }

func sysAccept(l int) (int, error) {
	fd, _, err := unix.Accept(l)
	return fd, err
}

func sysRead(fd int, p []byte) (int, error)  { return ignoringEINTR(unix.Read, fd, p) }
func sysWrite(fd int, p []byte) (int, error) { return ignoringEINTR(unix.Write, fd, p) }

func ignoringEINTR(do func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		if n, err := do(fd, p); err != unix.EINTR {
			return n, err
		}
	}
}

func sysShutdownWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

func sysResetOnClose(fd int) error {
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// sysPoll waits until fd is ready, and reports whether it is. A signal makes it so.
func sysPoll(fd int, want Ready, ms int) bool {
	events := int16(unix.POLLIN)
	if want == Write {
		events = unix.POLLOUT
	}
	pfd := unix.PollFd{Fd: int32(fd)}
	set(&pfd.Events, events)
	n, err := unix.Poll([]unix.PollFd{pfd}, ms)
	return n > 0 || err != nil
}

func isAgain(err error) bool      { return err == unix.EAGAIN || err == unix.EINTR }
func isInProgress(err error) bool { return err == unix.EINPROGRESS }

func isTCP(fd int) bool {
	sa, err := unix.Getsockname(fd)
	_, ok := sa.(*unix.SockaddrInet4)
	return ok && err == nil
}

// refused reports whether the error that is pending on fd says that nobody listens.
func refused(fd int) (bool, error) {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return unix.Errno(errno) == unix.ECONNREFUSED, err
}

// sysDup makes a duplicate of fd with the given number, or the next that is free.
func sysDup(fd, number int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD, number) }

// needFiles skips where the process may not have that many descriptors. (Go itself has raised the
// soft limit to the hard one.)
func needFiles(t testing.TB, need uint64) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if uint64(lim.Cur) < need {
		t.Skipf("needs %d descriptors, ulimit -n gives %d", need, lim.Cur)
	}
}
