// WSAPoll: Windows, for development. It is poll(2) for sockets, with two differences that cost something here.
// Handles are sparse, so a map finds registrations. And a peer's FIN is reported even if Read is not asked for (as
// POLLHUP alone; a reset has POLLERR too), so a socket without Read whose peer has sent FIN is polled separately.

package poller

import (
	"net"
	"os"
	"syscall"
	"time"
)

func init() { provide("wsapoll", openWSAPoll) }

// lateEvery is how often a socket without Read is polled after its peer has sent FIN: room to write, or a reset, may
// be reported that late.
const lateEvery = 10 * time.Millisecond

type wsapoll struct {
	pairWaker
	closed bool
	regs   map[int]*socket
	spare  []*socket // sockets that Del has removed, to be used again
	asked  pollSet   // what WSAPoll waits for; its first entry is the wake-up pair
	late   pollSet   // sockets without Read whose peer has sent FIN: polled every lateEvery
}

// A socket is one registration.
type socket struct {
	token Token
	want  Ready
	fd    int
	set   *pollSet // the set that it is in; nil: with want 0, its one event was reported
	at    int      // its index there
}

// pollSet is a dense array for WSAPoll, with the socket of each entry.
type pollSet struct {
	fds     []wsaPollFD
	sockets []*socket
	next    int // where the next report begins, for fairness
}

func openWSAPoll() (Poller, error) {
	p := &wsapoll{regs: map[int]*socket{}}
	if err := p.open(); err != nil {
		return nil, err
	}
	p.asked.put(&socket{fd: int(p.r), want: Read})
	return p, nil
}

func (p *wsapoll) Name() string { return "wsapoll" }

func (p *wsapoll) Add(fd int, t Token, want Ready) error {
	if err := p.check(t, want); err != nil {
		return err
	}
	if !isSocket(fd) {
		return os.NewSyscallError("WSAPoll", syscall.EBADF)
	}
	if p.regs[fd] != nil {
		return os.NewSyscallError("WSAPoll", syscall.EEXIST)
	}
	var s *socket
	if n := len(p.spare); n > 0 {
		s, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		s = new(socket)
	}
	*s = socket{token: t, want: want, fd: fd}
	p.regs[fd] = s
	p.asked.put(s)
	return nil
}

func (p *wsapoll) Mod(fd int, t Token, want Ready) error {
	s, err := p.find(fd, t, want)
	if err != nil {
		return err
	}
	s.token, s.want = t, want
	s.drop()
	p.asked.put(s)
	return nil
}

func (p *wsapoll) Del(fd int) error {
	s, err := p.find(fd, 0, 0)
	if err != nil {
		return err
	}
	s.drop()
	delete(p.regs, fd)
	p.spare = append(p.spare, s)
	return nil
}

func (p *wsapoll) check(t Token, want Ready) error {
	if p.closed {
		return net.ErrClosed
	}
	return check("WSAPoll", t, want)
}

func (p *wsapoll) find(fd int, t Token, want Ready) (*socket, error) {
	if err := p.check(t, want); err != nil {
		return nil, err
	}
	switch s := p.regs[fd]; {
	case s != nil:
		return s, nil
	case !isSocket(fd):
		return nil, os.NewSyscallError("WSAPoll", syscall.EBADF)
	}
	return nil, os.NewSyscallError("WSAPoll", syscall.ENOENT)
}

// put enters s at the end.
func (ps *pollSet) put(s *socket) {
	entry := wsaPollFD{fd: uintptr(s.fd)}
	if s.want&Read != 0 {
		entry.events |= pollRDNORM
	}
	if s.want&Write != 0 {
		entry.events |= pollWRNORM
	}
	s.set, s.at = ps, len(ps.fds)
	ps.fds = append(ps.fds, entry)
	ps.sockets = append(ps.sockets, s)
}

// drop removes s from its set. The last entry moves into the gap.
func (s *socket) drop() {
	ps := s.set
	if ps == nil {
		return
	}
	end := len(ps.fds) - 1
	last := ps.sockets[end]
	ps.fds[s.at], ps.sockets[s.at], last.at = ps.fds[end], last, s.at
	ps.sockets[end] = nil
	ps.fds, ps.sockets = ps.fds[:end], ps.sockets[:end]
	s.set = nil
}

func (p *wsapoll) Wait(dst []Event, max time.Duration) (int, error) {
	switch {
	case p.closed:
		return 0, net.ErrClosed
	case len(dst) == 0:
		return 0, os.NewSyscallError("WSAPoll", syscall.EINVAL)
	}
	for start := time.Now(); ; {
		wait := max
		if max > 0 {
			wait = max - time.Since(start)
			if wait < 0 {
				wait = 0
			}
		}
		if len(p.late.fds) > 0 && (max < 0 || wait > lateEvery) {
			wait = lateEvery
		}
		n, err := p.asked.poll(milliseconds(wait))
		if err != nil {
			return 0, err
		}
		woken := n > 0 && p.asked.fds[0].revents != 0
		if woken {
			p.takeWake()
		}
		k := p.collect(&p.asked, 1, dst)
		if len(p.late.fds) > 0 && k < len(dst) {
			if _, err := p.late.poll(0); err != nil {
				return 0, err
			}
			k += p.collect(&p.late, 0, dst[k:])
		}
		if k > 0 || woken || max >= 0 && time.Since(start) >= max {
			return k, nil
		}
	}
}

// collect reports what WSAPoll has marked in ps from the first entry on, as much as dst holds. It goes round the
// array from where it left off.
func (p *wsapoll) collect(ps *pollSet, first int, dst []Event) (k int) {
	i := ps.next
	for range len(ps.fds) - first {
		if k == len(dst) {
			break
		}
		if i >= len(ps.fds) {
			i = first
		}
		i = max(i, first)
		s, revents := ps.sockets[i], ps.fds[i].revents
		ps.fds[i].revents = 0
		ready := s.ready(revents)
		if ready != 0 {
			dst[k] = Event{s.token, ready}
			k++
		}
		switch {
		case revents&pollNVAL != 0, revents&pollERR != 0 && s.want == 0:
			s.drop() // closed without Del, or reported once: WSAPoll would report it each time
		case revents&pollHUP != 0 && ready == 0 && ps != &p.late:
			s.drop()
			p.late.put(s)
		default:
			i++
			continue
		}
		// Another entry has moved to i, if i is not past the end now.
	}
	ps.next = i
	return k
}

// ready returns what revents mean for s.
func (s *socket) ready(revents int16) (ready Ready) {
	if revents&pollRDNORM != 0 {
		ready |= Read
	}
	if revents&pollWRNORM != 0 {
		ready |= Write
	}
	switch {
	case revents&pollERR != 0:
		ready |= s.want | Hangup | Err
	case revents&pollHUP != 0 && s.want&Read != 0:
		ready |= Read | Hangup
	}
	return ready
}

func (p *wsapoll) Close() error {
	p.closed = true
	return p.close(p.closePair)
}
