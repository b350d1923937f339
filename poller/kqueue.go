// kqueue(2): darwin and the BSDs. Changes of interest are collected and handed over in the system call
// that waits. The system calls themselves are in kqueue_bsd.go; this file is plain logic, so that the
// tests can run it anywhere over a kernel of their own.

//go:build unix

package poller

import (
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is the seam: a kqueue and the calls on it.
type kernel interface {
	// kevent applies the changes, then waits for events, at most for max (negative: for ever). A
	// change that fails is answered in events, and then there is no waiting; without room for
	// the answer the call ends there. EINTR comes after the changes were applied.
	kevent(changes, events []kevent, max time.Duration) (int, error)
	close() error
}

// kevent is struct kevent, less what differs between the systems.
type kevent struct {
	fd     int
	filter kfilter
	flags  kflags
	errno  unix.Errno // what kError is about; with kEOF the socket's error, if any
}

type (
	kfilter uint8
	kflags  uint8
)

// A filter watches for one thing, so two of them are named by the interest that they serve.
const (
	kRead  = kfilter(Read)   // EVFILT_READ
	kWrite = kfilter(Write)  // EVFILT_WRITE
	kUser  = kfilter(1 << 7) // EVFILT_USER with EV_CLEAR, where there is one
)

const (
	kAdd    kflags = 1 << iota // EV_ADD; does nothing when it is there already
	kDelete                    // EV_DELETE
	kEOF                       // EV_EOF
	kError                     // EV_ERROR
)

type kqueue struct {
	pipeWaker
	table
	kernel  kernel
	user    bool     // wakes through kUser, and has no pipe
	dirty   []int    // descriptors whose registration the kernel has not been told of
	changes []kevent // what Wait is telling it
	buf     [256]kevent
}

// registration.state of this backend.
const (
	kDirty  = 1 << iota // in kqueue.dirty
	kUnsure             // have is what the kernel may have at most: closing a descriptor clears it
)

// newKqueue takes k over. trigger raises its kUser, from any goroutine and beside kevent; where there is
// no kUser trigger is nil, and a pipe does it.
func newKqueue(k kernel, trigger func() error) (Poller, error) {
	p := &kqueue{table: table{op: "kevent"}, kernel: k, user: trigger != nil}
	wake := kevent{filter: kUser, flags: kAdd}
	if p.user {
		p.signal = trigger
	} else {
		if err := p.open(); err != nil {
			k.close()
			return nil, err
		}
		wake.fd, wake.filter = p.r, kRead
	}
	if _, err := k.kevent([]kevent{wake}, nil, 0); err != nil {
		p.Close()
		return nil, os.NewSyscallError("kevent", err)
	}
	return p, nil
}

func (p *kqueue) Name() string { return "kqueue" }

func (p *kqueue) Add(fd int, t Token, want Ready) error {
	r, err := p.add(fd, t, want)
	if err != nil {
		return err
	}
	p.touch(fd, r)
	return nil
}

func (p *kqueue) Mod(fd int, t Token, want Ready) error {
	r, err := p.mod(fd, t, want)
	if err != nil {
		return err
	}
	r.token, r.want = t, want
	p.touch(fd, r)
	return nil
}

// Del leaves the filters to the next Wait, which deletes them before it looks at what they have to
// say. If fd is closed meanwhile the kernel deletes them itself, so that after this nothing is
// sure: should the number come back, its filters are added again, whatever have says.
func (p *kqueue) Del(fd int) error {
	r, err := p.del(fd)
	if err != nil {
		return err
	}
	r.want, r.on = 0, false
	r.state |= kUnsure
	p.touch(fd, r)
	return nil
}

func (p *kqueue) touch(fd int, r *registration) {
	if r.state&kDirty == 0 {
		r.state |= kDirty
		p.dirty = append(p.dirty, fd)
	}
}

// collect turns what is dirty into changes, as many as fit in room, and takes it that they will
// be applied. Two for one descriptor always fit.
func (p *kqueue) collect(room int) {
	p.changes = p.changes[:0]
	n := 0
	for _, fd := range p.dirty {
		if len(p.changes)+2 > max(room, 2) {
			break
		}
		n++
		r := &p.regs[fd]
		known := r.have
		if r.state&kUnsure != 0 {
			known = 0
		}
		for _, filter := range [...]kfilter{kRead, kWrite} {
			bit := Ready(filter)
			switch {
			case r.want&^known&bit != 0:
				p.changes = append(p.changes, kevent{fd: fd, filter: filter, flags: kAdd})
			case r.have&^r.want&bit != 0:
				p.changes = append(p.changes, kevent{fd: fd, filter: filter, flags: kDelete})
			}
		}
		r.have, r.state = r.want, 0
	}
	p.dirty = p.dirty[:copy(p.dirty, p.dirty[n:])]
}

// doubt takes collect's word back: the call failed, and nobody knows how far it got.
func (p *kqueue) doubt() {
	for _, c := range p.changes {
		r := &p.regs[c.fd]
		r.have |= Ready(c.filter)
		r.state |= kUnsure
		p.touch(c.fd, r)
	}
}

func (p *kqueue) Wait(dst []Event, max time.Duration) (int, error) {
	if err := p.waitable(dst); err != nil {
		return 0, err
	}
	for {
		// As many changes at a time as there is room for their errors.
		room := min(len(dst), len(p.buf))
		p.collect(room)
		if len(p.changes) > room {
			room = len(p.changes) // two, for a dst of one
		}
		wait := min(max, math.MaxInt32*time.Millisecond) // what every system takes
		if len(p.dirty) > 0 {
			wait = 0
		}
		n, err := p.kernel.kevent(p.changes, p.buf[:room], wait)
		if err == unix.EINTR {
			return 0, nil
		}
		if err != nil {
			p.doubt()
			return 0, os.NewSyscallError("kevent", err)
		}
		k, woken, failed := p.report(dst, p.buf[:n])
		if k > 0 || woken || !failed && len(p.dirty) == 0 {
			return k, nil
		}
	}
}

// report translates what the kernel said, at most as much as dst holds: the rest is level-triggered
// and comes again. The two filters of a descriptor become one event.
func (p *kqueue) report(dst []Event, said []kevent) (k int, woken, failed bool) {
	for _, e := range said {
		switch {
		case e.filter == kUser:
			p.seen()
			woken = true
			continue
		case !p.user && e.fd == p.r:
			p.drain()
			woken = true
			continue
		}
		r := &p.regs[e.fd]
		failed = failed || e.flags&kError != 0
		ready := e.ready(r)
		switch {
		case ready == 0:
		case r.slot > 0: // one more than its place in dst
			dst[r.slot-1].Ready |= ready
		case k < len(dst):
			dst[k] = Event{r.token, ready}
			k++
			r.slot = uint32(k)
		}
	}
	for _, e := range said {
		if e.fd < len(p.regs) {
			p.regs[e.fd].slot = 0
		}
	}
	return k, woken, failed
}

// ready is what e says about the registration r.
func (e *kevent) ready(r *registration) Ready {
	ready := Ready(e.filter) & r.want
	switch {
	case ready == 0: // a filter that was deleted, or is about to be
		return 0
	case e.flags&kError != 0:
		r.have &^= ready
		if e.errno == unix.EBADF {
			return 0 // closed without Del
		}
		return ready | Err // a pipe without a reader, say; the operation will tell
	case e.flags&kEOF == 0:
		return ready
	}
	if e.filter == kRead {
		ready |= Hangup
	}
	if e.errno != 0 {
		ready |= Err | r.want
	}
	return ready
}

func (p *kqueue) Close() error {
	p.closed = true
	return p.close(func() error {
		err := p.kernel.close()
		if !p.user {
			err = errors.Join(err, p.closePipe())
		}
		return err
	})
}
