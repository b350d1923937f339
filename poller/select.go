// select(2): the oldest interface and the last resort. It takes only descriptors below FD_SETSIZE, and
// reports hangups and errors as readiness.

//go:build unix

package poller

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func init() { provide("select", openSelect) }

type selector struct {
	pipeWaker
	table
	read, write    unix.FdSet // what is asked for, the wake-up pipe included
	rready, wready unix.FdSet // what the kernel reported
	next           int        // where the next Wait begins to report, for fairness
}

func openSelect() (Poller, error) {
	p := &selector{table: table{op: "select"}}
	if err := p.open(); err != nil {
		return nil, err
	}
	if err := selectable(p.r); err != nil {
		p.closePipe()
		return nil, err
	}
	p.read.Set(p.r)
	return p, nil
}

// selectable returns an error for descriptors that do not fit in an FdSet: EMFILE, which POSIX describes
// as "file descriptor value too large".
func selectable(fd int) error {
	if fd < unix.FD_SETSIZE {
		return nil
	}
	return fmt.Errorf("select: descriptor %d is not below FD_SETSIZE (%d), use the %s backend: %w", fd, unix.FD_SETSIZE, Names()[0], unix.EMFILE)
}

func (p *selector) Name() string { return "select" }

func (p *selector) Add(fd int, t Token, want Ready) error {
	if err := selectable(fd); err != nil {
		return err
	}
	if _, err := p.add(fd, t, want); err != nil {
		return err
	}
	p.ask(fd, want)
	return nil
}

func (p *selector) Mod(fd int, t Token, want Ready) error {
	r, err := p.mod(fd, t, want)
	if err != nil {
		return err
	}
	r.token, r.want = t, want
	p.ask(fd, want)
	return nil
}

func (p *selector) Del(fd int) error {
	r, err := p.del(fd)
	if err != nil {
		return err
	}
	*r = registration{}
	p.ask(fd, 0)
	return nil
}

func (p *selector) ask(fd int, want Ready) {
	p.read.Clear(fd)
	p.write.Clear(fd)
	if want&Read != 0 {
		p.read.Set(fd)
	}
	if want&Write != 0 {
		p.write.Set(fd)
	}
}

func (p *selector) Wait(dst []Event, max time.Duration) (int, error) {
	if err := p.waitable(dst); err != nil {
		return 0, err
	}
	for {
		n, err := p.wait(milliseconds(max))
		switch {
		case err == unix.EINTR:
			return 0, nil
		case err == unix.EBADF && p.forgetClosed() > 0:
			continue
		case err != nil:
			return 0, os.NewSyscallError("select", err)
		}
		if n > 0 && p.rready.IsSet(p.r) {
			p.rready.Clear(p.r)
			p.takeWake()
			n--
		}
		return p.collect(dst, n), nil
	}
}

func (p *selector) wait(ms int) (int, error) {
	var timeout *unix.Timeval
	if ms >= 0 {
		tv := unix.NsecToTimeval(int64(ms) * int64(time.Millisecond))
		timeout = &tv
	}
	p.rready, p.wready = p.read, p.write
	return unix.Select(max(len(p.regs), p.r+1), &p.rready, &p.wready, nil, timeout)
}

// forgetClosed stops asking for descriptors that were closed without Del, since one of them fails
// select for all. It returns how many it found.
func (p *selector) forgetClosed() (n int) {
	for fd, r := range p.regs {
		if r.on && r.want != 0 && !isOpen(fd) {
			p.ask(fd, 0)
			p.regs[fd].want = 0
			n++
		}
	}
	return n
}

// collect reports as many as dst holds of the n bits that the kernel set. It goes round the table
// from where it left off, so that low descriptors cannot starve high ones.
func (p *selector) collect(dst []Event, n int) (k int) {
	fd := p.next
	for range p.regs {
		if n == 0 || k == len(dst) {
			break
		}
		if fd >= len(p.regs) {
			fd = 0
		}
		var ready Ready
		if p.rready.IsSet(fd) {
			ready |= Read
			n--
		}
		if p.wready.IsSet(fd) {
			ready |= Write
			n--
		}
		if ready != 0 {
			dst[k] = Event{p.regs[fd].token, ready}
			k++
		}
		fd++
	}
	p.next = fd
	return k
}

func (p *selector) Close() error {
	p.closed = true
	return p.close(p.closePipe)
}
