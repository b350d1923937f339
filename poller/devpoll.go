// /dev/poll, poll(7D): solaris and illumos. A write to the device changes the set that it watches, and an
// ioctl waits. Both are in devpoll_solaris.go; this file is plain logic, so that the tests can run it
// anywhere over a model of the device.

//go:build unix && !aix

package poller

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// device is an open /dev/poll, or the tests' model of one.
type device interface {
	// write changes the set, entry by entry. Events are added to those that the descriptor has; only
	// pollRemove removes it. A descriptor that is not open is skipped without an error.
	write(entries []unix.PollFd) error
	// poll waits, as poll(2) does, and fills dst with what is ready. The scan goes on where the
	// last one stopped.
	poll(dst []unix.PollFd, ms int) (int, error)
	// try is poll(2) of one entry, without waiting. It finds the entry whose driver makes poll fail.
	try(entry unix.PollFd) error
	close() error
}

const pollRemove = 0x0800 // POLLREMOVE of <sys/poll.h>

// devpoll writes each change at once, as epoll_ctl does. So the caller that made a change gets its error,
// and the device sees a removal before the descriptor is closed, which it would not notice.
type devpoll struct {
	pipeWaker
	table
	device device
	change [2]unix.PollFd
	buf    [256]unix.PollFd
}

func newDevpoll(d device) (Poller, error) {
	p := &devpoll{table: table{op: "/dev/poll"}, device: d}
	if err := p.open(); err != nil {
		d.close()
		return nil, err
	}
	if err := p.watch(p.r, 0, Read); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *devpoll) Name() string { return "devpoll" }

func (p *devpoll) Add(fd int, t Token, want Ready) error {
	r, err := p.add(fd, t, want)
	if err != nil {
		return err
	}
	if err := p.watch(fd, 0, want); err != nil {
		*r = registration{}
		return err
	}
	return nil
}

func (p *devpoll) Mod(fd int, t Token, want Ready) error {
	r, err := p.mod(fd, t, want)
	if err != nil {
		return err
	}
	if err := p.watch(fd, r.want, want); err != nil {
		return err
	}
	r.token, r.want = t, want
	return nil
}

func (p *devpoll) Del(fd int) error {
	r, err := p.del(fd)
	if err != nil {
		return err
	}
	if err := p.watch(fd, r.want, 0); err != nil {
		return err
	}
	*r = registration{}
	return nil
}

// watch changes the interest of fd in the device. The device only ever adds events to those that it has, so
// to drop one it removes fd first, in the same write.
func (p *devpoll) watch(fd int, from, to Ready) error {
	changes := p.change[:0]
	if from&^to != 0 {
		changes = append(changes, unix.PollFd{Fd: int32(fd), Events: pollRemove})
	}
	if to != 0 && to != from {
		changes = append(changes, pollInterest(fd, to))
	}
	if len(changes) == 0 {
		return nil
	}
	return os.NewSyscallError("write /dev/poll", p.device.write(changes))
}

func (p *devpoll) Wait(dst []Event, max time.Duration) (int, error) {
	if err := p.waitable(dst); err != nil {
		return 0, err
	}
	n, err := p.device.poll(p.buf[:min(len(dst), len(p.buf))], milliseconds(max))
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		if k, e := p.isolate(dst); k > 0 || e != nil {
			return k, e
		}
		return 0, os.NewSyscallError("ioctl DP_POLL", err)
	}
	k := 0
	for _, pfd := range p.buf[:n] {
		fd := int(pfd.Fd)
		if fd == p.r {
			p.takeWake()
			continue
		}
		r := &p.regs[fd]
		if pfd.Revents&unix.POLLNVAL != 0 {
			// Closed without Del. The device would report it at every wait.
			if err := p.watch(fd, r.want, 0); err != nil {
				return 0, err
			}
			r.want = 0
			continue
		}
		if ready := pollReady(pfd.Revents, r.want); ready != 0 {
			dst[k] = Event{r.token, ready}
			k++
		}
	}
	return k, nil
}

// isolate removes what cannot be polled from the set. It reports Err with the interest of each such
// descriptor, once after each Add or Mod.
func (p *devpoll) isolate(dst []Event) (k int, err error) {
	for fd := range p.regs {
		r := &p.regs[fd]
		if !r.on || r.want == 0 || k == len(dst) {
			continue
		}
		if err := p.device.try(pollInterest(fd, r.want)); err == nil || err == unix.EINTR {
			continue
		}
		if err := p.watch(fd, r.want, 0); err != nil {
			return 0, err
		}
		dst[k] = Event{r.token, r.want | Err}
		k++
		r.want = 0
	}
	return k, nil
}

func (p *devpoll) Close() error {
	p.closed = true
	return p.close(func() error { return errors.Join(p.device.close(), p.closePipe()) })
}
