// The kqueue backend over a kernel that the tests play, with poll(2) as its eyes. What it plays is what the
// manual pages of the BSDs and of darwin say; where they differ, it takes the harsher.

//go:build unix

package poller

import (
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	fakes = append(fakes,
		subject{name: "kqueue-fake-user", open: func() (Poller, error) { return openFakeKqueue(true) }, halfs: pollRDHUP != 0, ends: true, limit: 1 << 30},
		subject{name: "kqueue-fake-pipe", open: func() (Poller, error) { return openFakeKqueue(false) }, halfs: pollRDHUP != 0, ends: true, limit: 1 << 30})
}

func openFakeKqueue(user bool) (Poller, error) {
	k, err := newFakeKernel()
	if err != nil {
		return nil, err
	}
	if user {
		return newKqueue(k, k.trigger)
	}
	return newKqueue(k, nil)
}

// knote is one filter on one open file. Closing the file deletes it; the fake notices by the
// file's inode.
type knote struct {
	fd     int
	filter kfilter
	ino    uint64
}

// fakeKernel is one kqueue.
type fakeKernel struct {
	knotes     []knote // in the order in which they get their turn
	user       bool    // EVFILT_USER was added
	triggered  atomic.Bool
	nudge      pipeWaker // makes poll(2) return for trigger
	pfds       []unix.PollFd
	told, rest []knote    // scan sorts into these
	asked      [][]kevent // the changes of each call, when recording
	recording  bool
	fail       error // what the next call answers instead
}

func newFakeKernel() (*fakeKernel, error) {
	k := &fakeKernel{}
	return k, k.nudge.open()
}

func (k *fakeKernel) trigger() error {
	k.triggered.Store(true)
	return k.nudge.write()
}

func (k *fakeKernel) close() error { return k.nudge.closePipe() }

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return uint64(st.Ino), err
}

func (k *fakeKernel) kevent(changes, events []kevent, max time.Duration) (int, error) {
	if k.recording {
		k.asked = append(k.asked, slices.Clone(changes))
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
	for _, c := range changes {
		if err := k.change(c); err != 0 {
			if n == len(events) {
				return 0, err // and the changes after it are not applied
			}
			events[n] = kevent{fd: c.fd, filter: c.filter, flags: kError, errno: err}
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
		if n := k.scan(events); n > 0 {
			return n, nil
		}
		left := time.Until(end)
		if max < 0 {
			left = -1
		} else if left <= 0 {
			return 0, nil
		}
		if _, err := unix.Poll(k.pfds, milliseconds(left)); err != nil {
			return 0, err
		}
	}
}

func (k *fakeKernel) find(c kevent) int {
	return slices.IndexFunc(k.knotes, func(kn knote) bool { return kn.fd == c.fd && kn.filter == c.filter })
}

// change applies one change, as kqueue_register in the kernels.
func (k *fakeKernel) change(c kevent) unix.Errno {
	if c.filter == kUser {
		k.user = true
		return 0
	}
	i := k.find(c)
	ino, err := inode(c.fd)
	if i >= 0 && k.knotes[i].ino != ino {
		k.knotes = slices.Delete(k.knotes, i, i+1)
		i = -1
	}
	switch {
	case err != nil:
		return unix.EBADF
	case c.flags == kDelete && i < 0:
		return unix.ENOENT
	case c.flags == kDelete:
		k.knotes = slices.Delete(k.knotes, i, i+1)
	case c.flags == kAdd && i < 0:
		pfd := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}
		if n, _ := unix.Poll(pfd, 0); n > 0 && c.filter == kWrite && pfd[0].Revents&(unix.POLLERR|unix.POLLHUP) == unix.POLLERR && !isSocket(c.fd) {
			return unix.EPIPE // a pipe whose reader has gone
		}
		k.knotes = append(k.knotes, knote{c.fd, c.filter, ino})
	}
	return 0
}

func isSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}

// sweep deletes the knotes of files that were closed.
func (k *fakeKernel) sweep() {
	k.knotes = slices.DeleteFunc(k.knotes, func(kn knote) bool {
		ino, err := inode(kn.fd)
		return err != nil || ino != kn.ino
	})
}

// scan reports the active knotes, level-triggered: each goes to the end of the queue. It leaves in
// pfds what to wait for.
func (k *fakeKernel) scan(events []kevent) (n int) {
	k.nudge.drain()                        // before the look at triggered, which is set before the nudge is sent
	if k.user && k.triggered.Swap(false) { // EV_CLEAR
		events[n] = kevent{filter: kUser}
		n++
	}
	k.sweep()
	k.pfds = append(k.pfds[:0], unix.PollFd{Fd: int32(k.nudge.r), Events: unix.POLLIN})
	for _, kn := range k.knotes {
		events := int16(unix.POLLOUT)
		if kn.filter == kRead {
			events = unix.POLLIN | pollRDHUP
		}
		pfd := unix.PollFd{Fd: int32(kn.fd)}
		set(&pfd.Events, events)
		k.pfds = append(k.pfds, pfd)
	}
	unix.Poll(k.pfds, 0)
	k.told, k.rest = k.told[:0], k.rest[:0]
	for i, kn := range k.knotes {
		revents := int16(k.pfds[i+1].Revents)
		if revents == 0 || n == len(events) {
			k.rest = append(k.rest, kn)
			continue
		}
		e := kevent{fd: kn.fd, filter: kn.filter}
		if revents&unix.POLLHUP != 0 || revents&unix.POLLERR != 0 || kn.filter == kRead && revents&pollRDHUP != 0 {
			e.flags = kEOF
		}
		if revents&unix.POLLERR != 0 && isSocket(kn.fd) {
			e.errno = unix.ECONNRESET
		}
		events[n] = e
		n++
		k.told = append(k.told, kn)
	}
	k.knotes = append(append(k.knotes[:0], k.rest...), k.told...)
	return n
}
