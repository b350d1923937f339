// The kernel under kqueue.go. The fields of struct kevent have other types on each system, and
// Udata is left alone: the descriptor is enough to find the registration by.

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poller

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() { provide("kqueue", openKqueue) }

type bsd struct {
	fd      int
	changes []unix.Kevent_t
	events  []unix.Kevent_t
	timeout unix.Timespec
}

func openKqueue() (Poller, error) {
	syscall.ForkLock.RLock() // not every system has kqueue1
	fd, err := unix.Kqueue()
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	b := &bsd{fd: fd}
	return newKqueue(b, b.trigger())
}

func (b *bsd) kevent(changes, events []kevent, max time.Duration) (int, error) {
	b.changes = b.changes[:0]
	for _, c := range changes {
		b.changes = append(b.changes, encode(c))
	}
	if len(b.events) < len(events) {
		b.events = make([]unix.Kevent_t, len(events))
	}
	var timeout *unix.Timespec
	if max >= 0 {
		b.timeout = unix.NsecToTimespec(int64(max))
		timeout = &b.timeout
	}
	n, err := unix.Kevent(b.fd, b.changes, b.events[:len(events)], timeout)
	if err != nil {
		return 0, err
	}
	for i := range n {
		events[i] = decode(&b.events[i])
	}
	return n, nil
}

func encode(c kevent) (k unix.Kevent_t) {
	filter, flags := 0, 0
	switch c.filter {
	case kRead:
		filter = unix.EVFILT_READ
	case kWrite:
		filter = unix.EVFILT_WRITE
	case kUser:
		filter, flags = evfiltUser, unix.EV_CLEAR
	}
	if c.flags&kAdd != 0 {
		flags |= unix.EV_ADD
	}
	if c.flags&kDelete != 0 {
		flags |= unix.EV_DELETE
	}
	unix.SetKevent(&k, c.fd, filter, flags)
	return k
}

func decode(k *unix.Kevent_t) kevent {
	e := kevent{fd: int(k.Ident)}
	switch int(k.Filter) {
	case unix.EVFILT_READ:
		e.filter = kRead
	case unix.EVFILT_WRITE:
		e.filter = kWrite
	default:
		e.filter = kUser
	}
	switch {
	case k.Flags&unix.EV_ERROR != 0:
		e.flags, e.errno = kError, unix.Errno(k.Data)
	case k.Flags&unix.EV_EOF != 0:
		e.flags, e.errno = kEOF, unix.Errno(k.Fflags)
	}
	return e
}

func (b *bsd) close() error { return os.NewSyscallError("close", unix.Close(b.fd)) }
