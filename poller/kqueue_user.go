// Waking a kqueue by an event of its own, where x/sys has EVFILT_USER.

//go:build darwin || dragonfly || freebsd

package poller

import (
	"os"

	"golang.org/x/sys/unix"
)

const evfiltUser = unix.EVFILT_USER

// trigger returns what wakes the kqueue. It shares no buffer with kevent, which it runs beside.
func (b *bsd) trigger() func() error {
	return func() error {
		k := [1]unix.Kevent_t{encode(kevent{filter: kUser})}
		k[0].Fflags = unix.NOTE_TRIGGER
		for {
			_, err := unix.Kevent(b.fd, k[:], nil, nil)
			if err != unix.EINTR {
				return os.NewSyscallError("kevent", err)
			}
		}
	}
}
