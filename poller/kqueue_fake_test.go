// The kqueue backend over a kernel that the tests play, with poll(2) as its eyes. It is given the records that
// the system call would be, and does with them what the manual pages and the sources of the BSDs and of darwin
// say; where they differ, it takes the harsher.

//go:build unix

package poller

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// systemFilters are the numbers of <sys/event.h> that differ, by system.
var systemFilters = map[string]filters{
	"darwin":    {-1, -2, -10},
	"dragonfly": {-1, -2, -9},
	"freebsd":   {-1, -2, -11},
	"netbsd":    {0, 1, 0}, // x/sys has no EVFILT_USER
	"openbsd":   {-1, -2, 0},
}

func init() {
	for name, system := range map[string]string{"kqueue-fake-user": "freebsd", "kqueue-fake-pipe": "netbsd"} {
		open := func() (Poller, error) {
			k, err := newFakeKernel(system)
			if err != nil {
				return nil, err
			}
			return newKqueue(k, k.filters)
		}
		fakes = append(fakes, subject{name: name, open: open, halfs: pollRDHUP != 0, ends: true, resets: true, limit: 1 << 30})
	}
}

// fakeKnote is one filter on one open file. Closing the file deletes it; the fake notices by the
// file's inode.
type fakeKnote struct {
	kevent        // as it was added
	ino    uint64 // of the file
	told   kevent // with EV_CLEAR: what was reported, which is not reported again
}

// fakeKernel is one kqueue.
type fakeKernel struct {
	filters    filters
	knotes     []fakeKnote // in the order in which they get their turn
	nudge      pipeWaker   // makes poll(2) return for apply
	pfds       []unix.PollFd
	told, rest []fakeKnote // scan sorts into these
	asked      [][]kevent  // the changes of each call, when recording
	recording  bool
	peek       [64 << 10]byte
	fail       error      // what the next call returns instead
	refuse     unix.Errno // what an EV_ADD of EVFILT_WRITE fails with
	deaf       bool       // the closing of a pipe's reader shows in EVFILT_READ only

	mu        sync.Mutex // over the user event, which other goroutines trigger
	user      *kevent    // as it was added
	triggered bool
}

func newFakeKernel(system string) (*fakeKernel, error) {
	k := &fakeKernel{filters: systemFilters[system]}
	return k, k.nudge.open()
}

func (k *fakeKernel) close() error { return k.nudge.closePipe() }

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return uint64(st.Ino), err
}

// apply is a kevent(2) without room for events, so that the change that fails is the call that fails.
func (k *fakeKernel) apply(change kevent) error {
	if k.filters.user == 0 || change.filter != k.filters.user {
		_, err := k.kevent([]kevent{change}, nil, 0)
		return err
	}
	if change.flags&evAdd != 0 && k.fail != nil { // not of a trigger, which comes from any goroutine
		return k.fail
	}
	if errno := k.change(&change); errno != 0 {
		return errno
	}
	return k.nudge.write()
}

func (k *fakeKernel) kevent(changes, events []kevent, max time.Duration) (int, error) {
	if k.recording {
		if k.asked = append(k.asked, slices.Clone(changes)); len(k.asked) > 1000 {
			panic("the kernel is asked again and again")
		}
	}
	fail := k.fail
	k.fail = nil
	if max > 100_000_000*time.Second {
		fail = unix.EINVAL // where the systems draw the line
	}
	if fail != nil && fail != unix.EINTR {
		return 0, fail
	}
	n := 0
	for i := range changes {
		c := &changes[i]
		if err := k.change(c); err != 0 {
			if n == len(events) {
				return 0, err // and the changes after it are not applied
			}
			events[n] = kevent{ident: c.ident, filter: c.filter, flags: evError, data: int64(err)}
			n++
		}
	}
	if fail != nil {
		return 0, fail // EINTR: the changes have been applied
	}
	if n > 0 || len(events) == 0 {
		return n, nil
	}
	for end := time.Now().Add(max); ; {
		n, blind := k.scan(events)
		if n > 0 {
			return n, nil
		}
		left := time.Until(end)
		switch {
		case max < 0:
			left = -1
		case left <= 0:
			return 0, nil
		}
		if blind && (left < 0 || left > time.Millisecond) {
			left = time.Millisecond
		}
		if _, err := unix.Poll(k.pfds, milliseconds(left)); err != nil {
			return 0, err
		}
	}
}

// change applies one change, as kqueue_register in the kernels. What is no flag of a change here is a mistake
// of who built it.
func (k *fakeKernel) change(c *kevent) unix.Errno {
	if c.flags&^(evAdd|evDelete|evClear) != 0 || c.flags&evAdd != 0 && c.flags&evDelete != 0 {
		panic(fmt.Sprintf("a change with flags %#x", c.flags))
	}
	switch {
	case k.filters.user != 0 && c.filter == k.filters.user:
		return k.changeUser(c)
	case c.filter != k.filters.read && c.filter != k.filters.write:
		return unix.EINVAL
	}
	i := slices.IndexFunc(k.knotes, func(kn fakeKnote) bool { return kn.ident == c.ident && kn.filter == c.filter })
	ino, err := inode(c.ident)
	if i >= 0 && k.knotes[i].ino != ino {
		k.knotes = slices.Delete(k.knotes, i, i+1)
		i = -1
	}
	switch {
	case err != nil:
		return unix.EBADF
	case c.flags&evAdd == 0 && i < 0:
		return unix.ENOENT
	case c.flags&evDelete != 0:
		k.knotes = slices.Delete(k.knotes, i, i+1)
	case i >= 0: // its flags stay; what it has reported may be reported again
		kn := &k.knotes[i]
		kn.fflags, kn.data, kn.told = c.fflags, c.data, kevent{}
	case c.filter == k.filters.write && k.refuse != 0:
		return k.refuse
	case c.filter == k.filters.write && noReader(c.ident):
		return unix.EPIPE
	default:
		k.knotes = append(k.knotes, fakeKnote{kevent: *c, ino: ino})
	}
	return 0
}

// changeUser plays filt_userattach and filt_usertouch.
func (k *fakeKernel) changeUser(c *kevent) unix.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.user == nil && c.flags&evAdd == 0:
		return unix.ENOENT
	case k.user == nil:
		added := *c
		k.user, k.triggered = &added, c.fflags&noteTrigger != 0
		return 0
	case c.flags&evDelete != 0:
		k.user, k.triggered = nil, false
		return 0
	}
	if c.fflags&noteTrigger != 0 {
		k.triggered = true
	}
	if c.flags&evClear != 0 {
		k.triggered = false // FreeBSD and DragonFly do so, in this order
	}
	return 0
}

// noReader reports whether fd is the writing end of a pipe whose reader has gone.
func noReader(fd int) bool {
	pfd := []unix.PollFd{{Fd: int32(fd)}}
	n, _ := unix.Poll(pfd, 0)
	return n > 0 && pfd[0].Revents&(unix.POLLERR|unix.POLLHUP) == unix.POLLERR && isPipe(fd)
}

func isSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}

// scan reports the active knotes: each goes to the end of the queue. It leaves in pfds what to wait for; blind
// is whether that is not all there is.
func (k *fakeKernel) scan(events []kevent) (n int, blind bool) {
	k.nudge.takeWake() // before the look at triggered, which is set before the nudge is sent
	k.mu.Lock()
	if k.user != nil && k.triggered {
		events[n] = kevent{filter: k.filters.user, flags: k.user.flags &^ evAdd}
		n++
		k.triggered = k.user.flags&evClear == 0
	}
	k.mu.Unlock()
	k.knotes = slices.DeleteFunc(k.knotes, func(kn fakeKnote) bool { // those of files that were closed
		ino, err := inode(kn.ident)
		return err != nil || ino != kn.ino
	})
	k.pfds = append(k.pfds[:0], unix.PollFd{Fd: int32(k.nudge.r), Events: unix.POLLIN})
	for _, kn := range k.knotes {
		want := int16(unix.POLLOUT)
		if kn.filter == k.filters.read {
			want = unix.POLLIN | pollRDHUP
		}
		pfd := unix.PollFd{Fd: int32(kn.ident)}
		set(&pfd.Events, want)
		k.pfds = append(k.pfds, pfd)
	}
	unix.Poll(k.pfds, 0)
	k.told, k.rest = k.told[:0], k.rest[:0]
	for i := range k.knotes {
		kn := &k.knotes[i]
		e, active := k.look(kn, int16(k.pfds[i+1].Revents))
		if active && n < len(events) {
			events[n] = e
			n++
			if kn.flags&evClear != 0 {
				kn.told = e
			}
			k.told = append(k.told, *kn)
			continue
		}
		if !active && k.pfds[i+1].Revents != 0 { // poll(2) would return at once
			k.pfds[i+1].Fd = -1
			blind = true
		}
		k.rest = append(k.rest, *kn)
	}
	k.knotes = append(append(k.knotes[:0], k.rest...), k.told...)
	return n, blind
}

// look plays the filters of sockets and pipes. With EV_CLEAR a knote is active once for each state.
func (k *fakeKernel) look(kn *fakeKnote, revents int16) (e kevent, active bool) {
	e = kevent{ident: kn.ident, filter: kn.filter, flags: kn.flags}
	if k.user != nil { // some systems leave EV_ADD in what they report
		e.flags &^= evAdd
	}
	read := kn.filter == k.filters.read
	if !read && k.deaf && isPipe(kn.ident) {
		return e, false
	}
	if revents&(unix.POLLHUP|unix.POLLERR) != 0 || read && revents&pollRDHUP != 0 {
		e.flags |= evEOF
	}
	if revents&unix.POLLERR != 0 && isSocket(kn.ident) {
		e.fflags = uint32(unix.ECONNRESET)
	}
	active = revents != 0 && e.flags&evEOF != 0 || revents&(unix.POLLIN|unix.POLLOUT) != 0
	if active && read && kn.fflags&noteLowat != 0 && e.flags&evEOF == 0 && isSocket(kn.ident) { // pipes have no such mark
		n, _, _ := unix.Recvfrom(kn.ident, k.peek[:], unix.MSG_PEEK)
		active = int64(n) >= kn.data
	}
	return e, active && (kn.flags&evClear == 0 || e != kn.told)
}
