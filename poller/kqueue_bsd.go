// The kernel under kqueue.go. The fields of struct kevent have other types on each system.

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poller

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() { provide("kqueue", openKqueue) }

var bsdFilters = filters{read: unix.EVFILT_READ, write: unix.EVFILT_WRITE, user: evfiltUser}

// This does not compile where kqueue_event.go has other numbers than the system.
var _ = [1]bool{}[(evAdd^unix.EV_ADD)|(evDelete^unix.EV_DELETE)|(evClear^unix.EV_CLEAR)|(evError^unix.EV_ERROR)|
	(evEOF^unix.EV_EOF)|(noteLowat^unix.NOTE_LOWAT)]

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
	return newKqueue(&bsd{fd: fd}, bsdFilters)
}

func (b *bsd) kevent(changes, events []kevent, max time.Duration) (int, error) {
	b.changes = b.changes[:0]
	for i := range changes {
		b.changes = append(b.changes, encode(&changes[i]))
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

// apply shares no buffer with kevent, which it may run beside.
func (b *bsd) apply(change kevent) error {
	k := [1]unix.Kevent_t{encode(&change)}
	for {
		if _, err := unix.Kevent(b.fd, k[:], nil, nil); err != unix.EINTR {
			return err
		}
	}
}

func encode(c *kevent) (k unix.Kevent_t) {
	unix.SetKevent(&k, c.ident, int(c.filter), int(c.flags))
	k.Fflags, k.Data = c.fflags, c.data
	return k
}

func decode(k *unix.Kevent_t) kevent {
	return kevent{int(k.Ident), int32(k.Filter), uint32(k.Flags), k.Fflags, k.Data}
}

func (b *bsd) close() error { return os.NewSyscallError("close", unix.Close(b.fd)) }
