// The contract, and the choice of a backend. Each backend has the file of its name beside this one;
// those that few can run keep their system calls in a second one.

package poller

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

// Token is what a caller hangs on a registration and gets back, unchanged, with each of its
// events: commonly the index of a slot and the generation of its tenant. It is never a pointer:
// the kernel keeps it where the garbage collector cannot look. ^Token(0) is the one value that is
// taken; Add and Mod answer it with EINVAL.
type Token uint64

// reserved is the token of the poller's own wake-up descriptor.
const reserved = ^Token(0)

// Ready is a set of conditions. Read and Write are asked for and reported; Hangup and Err are
// only reported.
type Ready uint8

const (
	Read   Ready = 1 << iota // a read would not block: bytes, end of file, a connection to accept, or an error
	Write                    // a write would not block: room, a connect that finished, or an error
	Hangup                   // the peer has closed its sending side, or both sides are shut
	Err                      // an error is pending on the descriptor, a reset above all
)

// String names the conditions, as in "read|hangup", for logs and tests.
func (r Ready) String() string {
	var s []string
	for i, name := range [...]string{"read", "write", "hangup", "err"} {
		if r&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	if s == nil {
		return "none"
	}
	return strings.Join(s, "|")
}

// Event says that the descriptor registered under Token is Ready.
type Event struct {
	Token Token
	Ready Ready
}

// Poller reports which of many file descriptors are ready. This comment is the contract; the
// tests in conformance_test.go hold every backend to it.
//
// # Guarantees
//
// Goroutines. Wake may be called from any goroutine at any time, as may Name. All else is called by
// one goroutine at a time.
//
// Interest. want is Read, Write, both, or 0. Add takes a descriptor that is not registered
// (EEXIST), Mod and Del one that is (ENOENT); one that is not open is EBADF, other bits in want
// are EINVAL. Errors wrap the errno with the operation: errors.Is(err, syscall.EEXIST) holds on every
// backend. A failed call changes nothing. The descriptor should be non-blocking.
//
// Level-triggered. While a condition that was asked for lasts, every Wait reports it. Events are
// hints: the operation may still answer EAGAIN.
//
// Ends. With Read asked for, the peer's end of file shows as Read. An error or a full hangup shows as
// whichever of Read and Write was asked for, so that a caller who just does the operation meets it
// there. Hangup and Err come with them where the system can tell; together with either, Read and
// Write may be set beyond what was asked for.
//
// No spinning. With want 0 a registration reports at most one event, a Hangup or an Err, until the
// next Mod. With only Write asked for, a peer that has shut its sending side is not reported.
//
// Tokens. An event carries the token of the last Add or Mod. After Del returned nil, no Wait
// returns an event of that registration.
//
// Del comes before close. To close a registered descriptor is a mistake that is contained: Wait
// neither fails nor spins on it. But its number may come back as another file under the
// old token, or be refused with EEXIST, and a duplicate of it may go on reporting.
//
// Wait fills dst from the front and says how many. It blocks until there is an event, a wake-up, a
// signal, or until max is over: max < 0 is never over, 0 does not block, and a positive max is
// rounded up to the system's granularity, so that Wait does not end early by it, and clamped to
// what the system takes (24 days at least). It returns 0, nil after a wake-up, a signal (EINTR)
// or when max is over. An empty dst is EINVAL. Wait does not allocate. When more descriptors are
// ready than dst holds, repeated Waits get round to all of them.
//
// Wake ends the Wait that is under way or else the next one, which may return no events: a wake-up
// is not one. Wakes that come before that return count as one and cost one system call together. What
// happened before Wake was called happens before that Wait returns (in the sense of the Go memory
// model). Any Wait takes the wake-up with it, one with max 0 included: look for what was left
// for you after every Wait.
//
// Close frees what the poller holds and leaves the registered descriptors alone. Afterwards every
// method returns net.ErrClosed. A Wake at the same time is safe: it never writes to a descriptor
// that has been reused.
//
// # What happens today, and is not to be relied upon
//
//   - The order of events, and how many of them a Wait returns: at most 256 under epoll, kqueue and
//     devpoll. One descriptor makes one event of a Wait.
//   - With want 0, whether a hangup is reported once (epoll, poll) or not at all until interest comes
//     back (kqueue, devpoll, select, wsapoll); a reset is reported once but under devpoll and select.
//   - What shows as Hangup and Err: select has neither, so there ends and errors are Read and Write
//     alone. poll shows a half-close on linux, freebsd and illumos only, devpoll on illumos only, wsapoll
//     once all bytes have been read. Under devpoll the error of a socket is Read and Write. A full hangup
//     of sockets that never were connected shows under epoll and poll.
//   - A filter that kqueue refuses to add, on a device that has none say, is reported as Err with what
//     was asked for, once after each Add or Mod. devpoll does so with a descriptor that cannot be polled.
//   - With want 0, Wait may return 0 early under kqueue when something else than an end arrives.
//   - Interest that makes no sense, in writing to the reading end of a pipe, is not an error and is
//     reported in different ways.
//   - Regular files: always ready under poll and select; under kqueue ready to be read only before
//     their end; refused with EPERM by epoll.
//   - Add of a descriptor past select's limit: EMFILE, in words that name the limit and what to use.
type Poller interface {
	// Name is the name that Open knows the backend by.
	Name() string
	// Add registers fd.
	Add(fd int, t Token, want Ready) error
	// Mod replaces the token and the interest of fd.
	Mod(fd int, t Token, want Ready) error
	// Del forgets fd. Call it before closing fd.
	Del(fd int) error
	// Wait fills dst with what is ready and returns the number of events.
	Wait(dst []Event, max time.Duration) (int, error)
	// Wake makes Wait return. It may be called from any goroutine.
	Wake() error
	// Close frees the poller.
	Close() error
}

// AddExclusive is p.Add(fd, t, Read) for a listener that several pollers watch. Where the system can do so
// (epoll), a connection that arrives wakes one of those that wait, or a few, and not all. To change the interest
// take Del and Add: Mod may be refused with EINVAL.
func AddExclusive(p Poller, fd int, t Token) error {
	if p, ok := p.(interface{ addExclusive(int, Token) error }); ok {
		return p.addExclusive(fd, t)
	}
	return p.Add(fd, t, Read)
}

// A backend is a name, and the way to open it where the system has it.
type backend struct {
	name string
	open func() (Poller, error)
}

// backends lists all that there are, best first. The file of each fills in its open where the
// system has it.
var backends = [...]backend{{name: "epoll"}, {name: "kqueue"}, {name: "devpoll"}, {name: "poll"}, {name: "select"}, {name: "wsapoll"}}

// provide is for the init functions of the backends' files.
func provide(name string, open func() (Poller, error)) {
	for i := range backends {
		if backends[i].name == name {
			backends[i].open = open
			return
		}
	}
	panic("poller: unlisted backend " + name)
}

// Names lists the backends that this system has, best first: what Open takes.
func Names() []string {
	var names []string
	for _, b := range backends {
		if b.open != nil {
			names = append(names, b.name)
		}
	}
	return names
}

// Open opens the backend of that name. The error for an unknown name lists the known ones.
func Open(name string) (Poller, error) {
	for _, b := range backends {
		if b.open != nil && b.name == name {
			return b.open()
		}
	}
	return nil, fmt.Errorf("poller: no backend %q here; this system has %q", name, Names())
}

// New opens the best backend that this system has, or the one that the environment variable
// LURCHER_POLLER names. A backend that turns out to be missing (a device that is not there, a
// system call that is not) gives way to the next; any other failure is returned.
func New() (Poller, error) {
	if name := os.Getenv("LURCHER_POLLER"); name != "" {
		p, err := Open(name)
		if err != nil {
			return nil, fmt.Errorf("LURCHER_POLLER: %w", err)
		}
		return p, nil
	}
	err := fmt.Errorf("poller: this system has no backend: %w", errors.ErrUnsupported)
	for _, b := range backends {
		if b.open == nil {
			continue
		}
		var p Poller
		if p, err = b.open(); err == nil {
			return p, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errors.ErrUnsupported) {
			return nil, err
		}
	}
	return nil, err
}

// check refuses what no backend takes.
func check(op string, t Token, want Ready) error {
	if want&^(Read|Write) != 0 || t == reserved {
		return os.NewSyscallError(op, syscall.EINVAL)
	}
	return nil
}

// milliseconds is max as poll(2) and its kin take it: rounded up, so that a wait never ends early
// and a loop waiting for the last microsecond of a timer does not spin; negative for ever.
func milliseconds(max time.Duration) int {
	if max < 0 {
		return -1
	}
	ms := max / time.Millisecond
	if max%time.Millisecond != 0 {
		ms++
	}
	return int(min(ms, math.MaxInt32))
}
