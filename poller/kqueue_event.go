// struct kevent, as this package writes and reads it. The numbers are plain, so that every system compiles
// this file and the tests compare each record that is built with the manual pages.

//go:build unix

package poller

import (
	"math"

	"golang.org/x/sys/unix"
)

// kevent is struct kevent, each field of the widest type that a system gives it. Udata is left alone: ident is
// enough to find the registration by.
type kevent struct {
	ident  int
	filter int32
	flags  uint32
	fflags uint32
	data   int64
}

// These numbers of <sys/event.h> are the same on all systems: kqueue_bsd.go does not compile where they are not.
const (
	evAdd    = 0x0001
	evDelete = 0x0002
	evClear  = 0x0020
	evError  = 0x4000
	evEOF    = 0x8000

	noteLowat   = 1
	noteTrigger = 1 << 24
)

// filters are the numbers that differ. user is 0 where x/sys has no EVFILT_USER.
type filters struct{ read, write, user int32 }

// A knote is named by the condition that it reports: Read and Write are EVFILT_READ and EVFILT_WRITE,
// level-triggered. Hangup is EVFILT_READ too, for a descriptor without Read: EV_CLEAR makes it report each
// change once, and a low-water mark that is never reached leaves only ends to report.
const readKnotes = Read | Hangup

func (f *filters) add(fd int, knote Ready) kevent {
	switch knote {
	case Write:
		return kevent{ident: fd, filter: f.write, flags: evAdd}
	case Hangup:
		return kevent{ident: fd, filter: f.read, flags: evAdd | evClear, fflags: noteLowat, data: math.MaxInt32}
	}
	return kevent{ident: fd, filter: f.read, flags: evAdd}
}

// delete needs no other flag: the kernel finds a knote by its descriptor and its filter.
func (f *filters) delete(fd int, knote Ready) kevent {
	k := f.add(fd, knote)
	return kevent{ident: fd, filter: k.filter, flags: evDelete}
}

// addUser adds the event that trigger raises; EV_CLEAR takes it back once it was reported.
func (f *filters) addUser() kevent { return kevent{filter: f.user, flags: evAdd | evClear} }

// trigger has no flags. FreeBSD and DragonFly apply EV_CLEAR of this very change after NOTE_TRIGGER
// (filt_usertouch), which takes back what was just raised.
func (f *filters) trigger() kevent { return kevent{filter: f.user, fflags: noteTrigger} }

// knotes returns the knotes that k, an event or a change, may be about: two share a filter.
func (f *filters) knotes(k *kevent) Ready {
	if k.filter == f.write {
		return Write
	}
	return readKnotes
}

// failed returns the error of the change that k is about, or 0 if k is an event.
func (k *kevent) failed() unix.Errno {
	if k.flags&evError == 0 {
		return 0
	}
	return unix.Errno(k.data)
}

// ended reports whether nothing more will come by the filter of k, and the socket's error if that is the
// reason.
func (k *kevent) ended() (bool, unix.Errno) {
	if k.flags&evEOF == 0 {
		return false, 0
	}
	return true, unix.Errno(k.fflags)
}
