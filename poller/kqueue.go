// kqueue(2): darwin and the BSDs. Changes of interest are collected and handed over in the system call
// that waits. The system calls are in kqueue_bsd.go and the records they take in kqueue_event.go; this file is
// plain logic, so that the tests can run it anywhere over a kernel of their own.

//go:build unix

package poller

import (
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is a kqueue with its one system call, or the tests' model of it.
type kernel interface {
	// kevent applies the changes, then waits for events, at most for max (negative: for ever). A
	// change that fails is reported in events, and then there is no waiting; without room for
	// the report the call ends there. EINTR comes after the changes were applied.
	kevent(changes, events []kevent, max time.Duration) (int, error)
	// apply applies one change. It may run beside kevent.
	apply(change kevent) error
	close() error
}

type kqueue struct {
	pipeWaker // used where filters.user is 0
	table
	filters filters
	kernel  kernel
	dirty   []int    // descriptors whose registration has changed since the kernel saw it
	changes []kevent // the changes that Wait hands to the kernel
	buf     [256]kevent
}

// The bits of registration.state for this backend. The low bits are knotes that the kernel may or may not
// have: those of a descriptor after Del, since closing it deletes them, and those of a call that failed.
const (
	kMaybe = uint8(Read | Write | Hangup)
	kTold  = 1 << 6 // with want 0: an error was reported
	kDirty = 1 << 7 // in kqueue.dirty
)

// newKqueue returns a poller that owns k.
func newKqueue(k kernel, f filters) (Poller, error) {
	p := &kqueue{table: table{op: "kevent"}, kernel: k, filters: f}
	var wake kevent
	if f.user != 0 {
		p.signal = func() error { return os.NewSyscallError("kevent", k.apply(f.trigger())) }
		wake = f.addUser()
	} else {
		if err := p.open(); err != nil {
			k.close()
			return nil, err
		}
		wake = f.add(p.r, Read)
	}
	if err := k.apply(wake); err != nil {
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
	r.state &^= kTold
	p.touch(fd, r)
	return nil
}

// Del makes no system call: closing fd, which follows as a rule, deletes its knotes. If the descriptor stays
// open, they are deleted when the first of them reports.
func (p *kqueue) Del(fd int) error {
	r, err := p.del(fd)
	if err != nil {
		return err
	}
	r.state = r.state&(kMaybe|kDirty) | uint8(r.have)
	r.want, r.have, r.on = 0, 0, false
	return nil
}

func (p *kqueue) touch(fd int, r *registration) {
	if r.state&kDirty == 0 {
		r.state |= kDirty
		p.dirty = append(p.dirty, fd)
	}
}

// knotes returns what the kernel should have for r. Without Read a descriptor is watched for its end, with
// Hangup: for a reset while nothing is asked for, and for the reader of a pipe, whose end some BSDs report to
// EVFILT_READ only.
func (r *registration) knotes() Ready {
	switch {
	case !r.on:
		return 0
	case r.want&Read == 0:
		return r.want | Hangup
	}
	return r.want
}

// most is how many changes one descriptor may need: replacing the knote of its reading side takes two, that
// of its writing side one.
const most = 3

// collect turns dirty registrations into changes, as many as there is room for, and assumes that they will be
// applied. Those of one descriptor always fit.
func (p *kqueue) collect(room int) {
	p.changes = p.changes[:0]
	n := 0
	for _, fd := range p.dirty {
		if len(p.changes)+most > max(room, most) {
			break
		}
		n++
		r := &p.regs[fd]
		r.state &^= kDirty
		need := r.knotes()
		p.change(fd, r, readKnotes, need&readKnotes)
		p.change(fd, r, Write, need&Write)
	}
	p.dirty = p.dirty[:copy(p.dirty, p.dirty[n:])]
}

// change adds the changes that replace the knotes that the kernel has, or may have, for one filter by need.
func (p *kqueue) change(fd int, r *registration, filter, need Ready) {
	have, maybe := r.have&filter, Ready(r.state)&filter
	if have == need {
		return
	}
	if have != 0 || need != 0 && maybe&^need != 0 { // adding a knote does not replace one of another kind
		p.changes = append(p.changes, p.filters.delete(fd, filter))
	}
	if need != 0 {
		p.changes = append(p.changes, p.filters.add(fd, need))
	}
	r.have = r.have&^filter | need
	r.state &^= uint8(filter)
}

// doubt takes back what collect assumed: the call failed, and nobody knows how far it got.
func (p *kqueue) doubt() {
	for i := range p.changes {
		c := &p.changes[i]
		r := &p.regs[c.ident]
		knotes := p.filters.knotes(c)
		r.have &^= knotes
		switch c.flags {
		case evAdd:
			knotes &^= Hangup
		case evAdd | evClear:
			knotes = Hangup
		}
		r.state |= uint8(knotes)
		p.touch(c.ident, r)
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
			room = len(p.changes) // dst has one or two entries: the changes of one descriptor
		}
		wait := min(max, math.MaxInt32*time.Millisecond) // the most that every system takes
		if len(p.dirty) > 0 {
			wait = 0
		}
		n, err := p.kernel.kevent(p.changes, p.buf[:room], wait)
		switch err {
		case nil:
		case unix.EINTR:
			return 0, nil
		case unix.ETIMEDOUT: // darwin, now and then: golang/go#59679
			p.doubt()
			return 0, nil
		default:
			p.doubt()
			return 0, os.NewSyscallError("kevent", err)
		}
		k, woken, failed := p.report(dst, p.buf[:n])
		if k > 0 || woken || !failed && len(p.dirty) == 0 {
			return k, nil
		}
	}
}

// report translates the kernel's events, as many as dst holds: the rest is level-triggered and will be
// reported again. The two filters of a descriptor become one event.
func (p *kqueue) report(dst []Event, said []kevent) (k int, woken, failed bool) {
	for i := range said {
		e := &said[i]
		switch {
		case p.filters.user == 0 && e.ident == p.r:
			p.takeWake()
			woken = true
			continue
		case p.filters.user != 0 && e.filter == p.filters.user:
			p.seen()
			woken = true
			continue
		}
		r := &p.regs[e.ident]
		failed = failed || e.failed() != 0
		ready := p.ready(e, r)
		switch {
		case ready == 0:
		case r.slot > 0: // its index in dst, plus one
			dst[r.slot-1].Ready |= ready
		case k < len(dst):
			dst[k] = Event{r.token, ready}
			k++
			r.slot = uint32(k)
		}
	}
	for i := range said {
		if fd := said[i].ident; fd < len(p.regs) {
			p.regs[fd].slot = 0
		}
	}
	return k, woken, failed
}

// ready returns what e says about the registration r.
func (p *kqueue) ready(e *kevent, r *registration) Ready {
	if errno := e.failed(); errno != 0 {
		return p.refused(e, r, errno)
	}
	knotes := p.filters.knotes(e)
	ready := knotes & r.knotes()
	switch ready {
	case 0: // deleted, but its descriptor was not closed
		r.have |= knotes
		r.state &^= uint8(knotes)
		p.touch(e.ident, r)
		return 0
	case Hangup:
		return p.vanished(e, r)
	}
	ended, errno := e.ended()
	if ended && ready == Read {
		ready |= Hangup
	}
	if errno != 0 {
		ready |= Err | r.want
	}
	return ready
}

// refused returns what to report after the kernel did not make the change in e.
func (p *kqueue) refused(e *kevent, r *registration, errno unix.Errno) Ready {
	if errno == unix.ENOENT { // a deletion of what was not there
		return 0
	}
	knotes := p.filters.knotes(e)
	r.have &^= knotes
	ready := knotes & r.want
	switch {
	case ready == 0 || errno == unix.EBADF: // EBADF: closed without Del
		return 0
	case errno == unix.EPIPE: // the other end is closed. The next Wait tries again, so this is level-triggered too
		p.touch(e.ident, r)
	}
	return ready | Err // the operation will say what it is
}

// vanished returns what e means for a descriptor without Read. A peer's FIN means nothing to it.
func (p *kqueue) vanished(e *kevent, r *registration) Ready {
	ended, errno := e.ended()
	switch {
	case !ended:
		return 0
	case errno != 0 && r.want != 0:
		return r.want | Hangup | Err
	case errno != 0 && r.state&kTold == 0:
		r.state |= kTold
		return Hangup | Err
	case errno == 0 && r.want != 0 && isPipe(e.ident): // the writing end of a pipe that nobody reads
		r.have &^= Hangup // reported once, but it remains true: the next Wait asks again
		p.touch(e.ident, r)
		return r.want | Hangup
	}
	return 0
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

func (p *kqueue) Close() error {
	p.closed = true
	return p.close(func() error {
		err := p.kernel.close()
		if p.filters.user == 0 {
			err = errors.Join(err, p.closePipe())
		}
		return err
	})
}
