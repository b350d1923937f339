// poll(2): on every Unix, without a limit on descriptors. The kernel goes through the whole array at each
// wait, so an idle descriptor costs time, not memory.

//go:build unix

package poller

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

func init() { provide("poll", openPoll) }

// poll keeps the array dense: Del moves the last entry into the gap. In an entry that the kernel should
// skip, the descriptor is replaced by its complement, a negative number.
type poll struct {
	pipeWaker
	table
	fds  []unix.PollFd // fds[0] is the wake-up pipe
	next int           // where the next Wait begins to report, for fairness
}

func openPoll() (Poller, error) {
	p := &poll{table: table{op: "poll"}}
	if err := p.open(); err != nil {
		return nil, err
	}
	p.fds = append(p.fds, unix.PollFd{Fd: int32(p.r), Events: unix.POLLIN})
	return p, nil
}

func (p *poll) Name() string { return "poll" }

func (p *poll) Add(fd int, t Token, want Ready) error {
	r, err := p.add(fd, t, want)
	if err != nil {
		return err
	}
	r.slot = uint32(len(p.fds))
	p.fds = append(p.fds, pollInterest(fd, want))
	return nil
}

func (p *poll) Mod(fd int, t Token, want Ready) error {
	r, err := p.mod(fd, t, want)
	if err != nil {
		return err
	}
	r.token, r.want = t, want
	p.fds[r.slot] = pollInterest(fd, want)
	return nil
}

func (p *poll) Del(fd int) error {
	r, err := p.del(fd)
	if err != nil {
		return err
	}
	end := len(p.fds) - 1
	last := p.fds[end]
	p.fds[r.slot] = last
	p.regs[max(last.Fd, ^last.Fd)].slot = r.slot
	p.fds = p.fds[:end]
	*r = registration{}
	return nil
}

// pollRDHUP asks for a peer's FIN where the system can report it. The numbers are those of <poll.h>: x/sys
// does not have them for all systems.
var pollRDHUP = map[string]int16{"linux": 0x2000, "android": 0x2000, "freebsd": 0x4000, "illumos": 0x4000}[runtime.GOOS]

func pollInterest(fd int, want Ready) (pfd unix.PollFd) {
	pfd.Fd = int32(fd)
	if want&Read != 0 {
		set(&pfd.Events, unix.POLLIN|pollRDHUP)
	}
	if want&Write != 0 {
		set(&pfd.Events, unix.POLLOUT)
	}
	return pfd
}

// set is generic because the events are signed everywhere but on AIX.
func set[T int16 | uint16](events *T, bits int16) { *events |= T(bits) }

func pollReady(revents int16, want Ready) (r Ready) {
	if revents&(unix.POLLIN|pollRDHUP) != 0 {
		r |= Read
	}
	if revents&unix.POLLOUT != 0 {
		r |= Write
	}
	if revents&(unix.POLLHUP|pollRDHUP) != 0 {
		r |= Hangup
	}
	if revents&unix.POLLERR != 0 {
		r |= Err
	}
	if revents&(unix.POLLHUP|unix.POLLERR) != 0 {
		r |= want
	}
	return r
}

func (p *poll) Wait(dst []Event, max time.Duration) (int, error) {
	if err := p.waitable(dst); err != nil {
		return 0, err
	}
	n, err := unix.Poll(p.fds, milliseconds(max))
	if err == unix.EINVAL {
		n, err = p.portions(max)
	}
	if err != nil {
		if err == unix.EINTR {
			return 0, nil
		}
		return 0, os.NewSyscallError("poll", err)
	}
	if n > 0 && p.fds[0].Revents != 0 {
		p.takeWake()
		n--
	}
	return p.collect(dst, n), nil
}

// portions is poll(2) where RLIMIT_NOFILE, which is the most entries that it takes, was lowered below what is
// registered. The first portion, with the wake-up pipe in it, waits for all of them, a few milliseconds at a time.
func (p *poll) portions(most time.Duration) (n int, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur == 0 || uint64(limit.Cur) >= uint64(len(p.fds)) {
		return 0, unix.EINVAL
	}
	for start := time.Now(); ; {
		left := 5 * time.Millisecond
		if most >= 0 {
			left = min(left, most-time.Since(start))
		}
		wait := milliseconds(max(left, 0))
		for rest := p.fds; len(rest) > 0; wait = 0 {
			portion := rest[:min(len(rest), int(limit.Cur))]
			rest = rest[len(portion):]
			ready, err := unix.Poll(portion, wait)
			if err != nil {
				return 0, err
			}
			n += ready
		}
		if n > 0 || most >= 0 && time.Since(start) >= most {
			return n, nil
		}
	}
}

// collect reports, of the n entries that the kernel marked, as many as dst holds. It goes round the
// array from where it left off, so that a busy head cannot starve the tail.
func (p *poll) collect(dst []Event, n int) (k int) {
	i := p.next
	for range p.fds[1:] {
		if n == 0 || k == len(dst) {
			break
		}
		if i <= 0 || i >= len(p.fds) {
			i = 1
		}
		pfd := &p.fds[i]
		i++
		if pfd.Revents == 0 {
			continue
		}
		n--
		r := &p.regs[pfd.Fd]
		ready := pollReady(int16(pfd.Revents), r.want)
		if r.want == 0 || pfd.Revents&unix.POLLNVAL != 0 {
			pfd.Fd = ^pfd.Fd // report it once: at each wait it would spin
		}
		if ready != 0 {
			dst[k] = Event{r.token, ready}
			k++
		}
	}
	p.next = i
	return k
}

func (p *poll) Close() error {
	p.closed = true
	return p.close(p.closePipe)
}
