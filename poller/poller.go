// The contract, and the choice of a backend. Each backend has a file of its name; kqueue and /dev/poll
// keep their system calls in a second file, so that tests can run the first anywhere.

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

// Token is a value that the caller gives with a registration and gets back, unchanged, with each
// of its events: commonly the index of a slot and a generation. It must not be a pointer: the kernel
// keeps it where the garbage collector cannot look. ^Token(0) is reserved; Add and Mod return EINVAL
// for it.
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

// Event reports that the descriptor registered with Token is Ready.
type Event struct {
	Token Token
	Ready Ready
}

// Poller reports which of many file descriptors are ready. This comment is the contract; the
// tests in conformance_test.go hold every backend to it.
//
// # Guarantees
//
// Goroutines. Wake and Name may be called from any goroutine at any time. All other methods must be
// called by one goroutine at a time.
//
// Interest. want is Read, Write, both, or 0. Add takes a descriptor that is not registered
// (EEXIST), Mod and Del one that is (ENOENT); one that is not open is EBADF, other bits in want
// are EINVAL. Errors wrap the errno with the operation: errors.Is(err, syscall.EEXIST) holds on every
// backend. A failed call changes nothing. The descriptor should be non-blocking.
//
// Level-triggered. While a condition that was asked for lasts, every Wait reports it. Events are
// hints: the operation may still return EAGAIN.
//
// Ends. If Read was asked for, the peer's FIN is reported as Read. An error or a full hangup is
// reported as whichever of Read and Write was asked for, so that a caller who just does the operation
// gets the error. Hangup and Err are set too where the system can report them; together with either,
// Read and Write may be set beyond what was asked for.
//
// No spinning. With want 0 a registration reports at most one event, a Hangup or an Err, until the
// next Mod. If only Write was asked for, a peer's FIN is not reported.
//
// Tokens. An event carries the token of the last Add or Mod. After Del returned nil, no Wait
// returns an event of that registration.
//
// Del before close. Closing a registered descriptor is a mistake, but does little harm: Wait neither
// fails nor spins on it. But when another file gets its number, it may be reported under the old
// token, or its Add return EEXIST; and a duplicate of the descriptor may go on reporting.
//
// Wait fills dst from the front and returns the number of events. It blocks until there is an event,
// a wake-up or a signal, or until max has passed. max < 0 means for ever, and 0 does not block. A
// positive max is rounded up to the system's granularity, so that Wait does not return early, and
// clamped to what the system takes (24 days at least). Wait returns 0, nil after a wake-up, after a
// signal (EINTR) or when max has passed. An empty dst is EINVAL. Wait does not allocate. When more
// descriptors are ready than dst holds, repeated Waits report all of them.
//
// Wake ends the Wait that is under way, or else the next one. A wake-up is not an event, so that Wait
// may return none. Wakes before that return count as one and cost one system call together. What
// happened before Wake was called happens before that Wait returns (in the sense of the Go memory
// model). Any Wait consumes the wake-up, even one with max 0: so after every Wait, look for what
// other goroutines have left.
//
// Close frees what the poller holds, and does not touch the registered descriptors. Afterwards every
// method returns net.ErrClosed. Wake may be called at the same time as Close: it never writes to a
// descriptor that has been reused.
//
// # What happens today, and may change
//
//   - The order of events, and how many of them a Wait returns: at most 256 under epoll, kqueue and
//     devpoll. One Wait returns one event of a descriptor.
//   - With want 0, whether a hangup is reported once (epoll, poll) or not at all until interest comes
//     back (kqueue, devpoll, select, wsapoll). A reset is then reported once, except under devpoll and
//     select.
//   - What is reported as Hangup and Err. select has neither: there ends and errors are Read and Write
//     only. poll reports a peer's FIN as Hangup on linux, freebsd and illumos only, devpoll on illumos only,
//     wsapoll once all bytes have been read. Under devpoll the error of a socket is Read and Write. epoll and
//     poll report a full hangup of sockets that never were connected.
//   - If kqueue cannot add a filter, because a device has none say, that is reported as Err with what was
//     asked for, once after each Add or Mod. devpoll does so with a descriptor that cannot be polled.
//   - With want 0, Wait may return 0 early under kqueue when something other than an end arrives.
//   - Interest that makes no sense, such as writing to the reading end of a pipe, is not an error, and the
//     backends report it differently.
//   - Regular files: always ready under poll and select; readable only before their end under kqueue;
//     EPERM under epoll.
//   - Add of a descriptor past select's limit: EMFILE, with a text that names the limit and what to use.
type Poller interface {
	// Name returns the backend's name, as Open takes it.
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

// AddExclusive is p.Add(fd, t, Read) for a listener that several pollers watch. Where the system supports it
// (epoll), a connection that arrives wakes one or a few of the pollers that wait, not all. To change the interest,
// call Del and Add: Mod may return EINVAL.
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

// backends lists all that there are, best first. The init function of each one's file sets open where
// the system has it.
var backends = [...]backend{{name: "epoll"}, {name: "kqueue"}, {name: "devpoll"}, {name: "poll"}, {name: "select"}, {name: "wsapoll"}}

// provide sets the open function of a backend: the init functions of the backends' files call it.
func provide(name string, open func() (Poller, error)) {
	for i := range backends {
		if backends[i].name == name {
			backends[i].open = open
			return
		}
	}
	panic("poller: unlisted backend " + name)
}

// Names returns the names of the backends that this system has, best first. Open takes them.
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
// LURCHER_POLLER names. If a backend turns out to be missing (its device or its system call is not
// there), the next is tried; any other failure is returned.
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

// check returns EINVAL for what no backend takes.
func check(op string, t Token, want Ready) error {
	if want&^(Read|Write) != 0 || t == reserved {
		return os.NewSyscallError(op, syscall.EINVAL)
	}
	return nil
}

// milliseconds converts max for poll(2) and the like: rounded up, so that a wait never ends early and
// a loop that waits for the last microsecond of a timer does not spin; negative means for ever.
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
