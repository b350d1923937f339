// Listener: accepts connections, for its own loop or, see spread.go, for several.

package conn

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/lurcher-net/lurcher/poller"
)

const (
	mostAccepts = 1024    // accepts in one turn, if its time is not used up before
	mostRefused = 16      // accepts that fail in a row before the listener rests
	maxBacklog  = 1 << 16 // connections that Close accepts at most: what a kernel may have queued

	// The least and the longest time for which a listener rests that cannot accept. If
	// it is out of descriptors, it goes on as soon as a connection of its loop closes.
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second

	warnEvery = 60_000 // ticks between two log lines about that
)

// A Listener accepts connections on its loop. Its methods belong to the loop's
// goroutine.
type Listener struct {
	loop    *Loop
	h       *Handler
	fd      int
	slot    uint32
	addr    net.Addr
	unlink  string        // path of a Unix socket that Close removes
	file    fs.FileInfo   // the file at unlink: another process may have replaced it by its own
	spread  *spread       // nil: what it accepts stays on its loop
	twins   []*Listener   // the listeners that Spread has made on other loops
	checks  *Timer        // see checkLater
	backoff time.Duration // how long it rested last; 0: accepting works
	refused int           // accepts that failed since one succeeded
	vain    int           // events without a connection since an accept succeeded
	rests   bool          // the poller does not watch fd: see pause
	ready   poller.Ready  // what the poller reported last
	inLine  bool          // it is in Loop.accepting
	goesOn  bool          // it was left there when its portion was used up
	silent  int64         // the loop's tick until which nothing is logged
}

// Listen accepts connections on addr, which is as in [net.Listen], for network
// "tcp", "tcp4", "tcp6" or "unix". Connections have TCP_NODELAY and keep-alive
// probes set.
func (l *Loop) Listen(network, addr string, h *Handler) (*Listener, error) {
	l.own("Loop.Listen")
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	nl, err := listen(network, addr)
	if err != nil {
		return nil, err
	}
	ln, err := l.AdoptListener(nl, h)
	if err != nil {
		if addr := nl.Addr(); network == "unix" && addr.String()[0] != '@' {
			os.Remove(addr.String())
		}
		return nil, err
	}
	ln.SetUnlinkOnClose(true)
	return ln, nil
}

// ReusePort is a [net.ListenConfig]'s Control function that sets SO_REUSEPORT,
// so that several sockets, in any number of processes of one user, listen on one
// port. What it makes is for [Loop.AdoptListener]:
//
//	lc := net.ListenConfig{Control: conn.ReusePort}
//	nl, err := lc.Listen(ctx, "tcp", ":8000")
//
// Linux deals new connections to the sockets by a hash of the addresses, and so
// does FreeBSD (SO_REUSEPORT_LB). On other systems the option may be missing, or
// mean that the socket opened last gets them all.
//
// The shares are equal only in the long run, and a connection stays with a process
// that is busy while others are idle. What waits in the queue of a socket that closes
// is reset: Listener.Close first accepts the connections that are complete, but cannot
// accept those whose TCP handshake is under way (Linux 5.14 has the sysctl
// net.ipv4.tcp_migrate_req for these). So use this for processes that live side by
// side. A process that takes another's place should inherit its socket: see
// [Listener.File].
func ReusePort(network, _ string, rc syscall.RawConn) error {
	var err error
	if strings.HasPrefix(network, "tcp") {
		cerr := rc.Control(func(fd uintptr) { err = reusePort(int(fd)) })
		if err == nil {
			err = cerr
		}
	}
	return os.NewSyscallError("setsockopt", err)
}

// AdoptListener takes over the socket of a listener of package net, one that was
// inherited from another process say, and closes nl. The file of a Unix socket is left
// to whoever made it: see [Listener.SetUnlinkOnClose].
func (l *Loop) AdoptListener(nl net.Listener, h *Handler) (*Listener, error) {
	l.own("Loop.AdoptListener")
	ln := &Listener{loop: l, h: h, addr: nl.Addr()}
	if ul, ok := nl.(interface{ SetUnlinkOnClose(bool) }); ok { // a *net.UnixListener
		ul.SetUnlinkOnClose(false)
	}
	defer nl.Close()
	sc, ok := nl.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("conn: a %T has no descriptor to wait for", nl)
	}
	var err error
	if ln.fd, err = dupFD(sc); err != nil {
		return nil, fmt.Errorf("conn: AdoptListener of a %T, which has to be one of streams: %w", nl, err)
	}
	if l.ending {
		closeFD(ln.fd)
		return nil, net.ErrClosed
	}
	if _, ok := ln.addr.(*net.TCPAddr); ok {
		// Accepted sockets inherit these, which saves a system call for each.
		setTCPOptions(ln.fd)
	}
	openedFirst(ln.fd)
	ln.slot = l.slots.alloc(ln)
	if err := ln.watch(); err != nil {
		l.slots.release(ln.slot)
		closeFD(ln.fd)
		return nil, err
	}
	return ln, nil
}

// Addr returns the address that the listener listens on.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// File returns a duplicate of the listener's descriptor, for another process. A
// process that is started with it accepts from the same queue, so that nothing is lost
// when this listener closes. They share O_NONBLOCK; clearing it blocks the loop. Fd on
// this file does not clear it. For Unix sockets see SetUnlinkOnClose.
func (ln *Listener) File() (*os.File, error) {
	ln.loop.own("Listener.File")
	if ln.fd < 0 {
		return nil, net.ErrClosed
	}
	return duplicateFile(ln.fd, ln.addr.Network()+":"+ln.addr.String())
}

// SetUnlinkOnClose sets whether Close removes the file of a Unix socket. The default
// is true for sockets of [Loop.Listen], and false for others. Set it to false when
// another process takes the socket over. A file that has replaced the socket's since
// is left alone.
func (ln *Listener) SetUnlinkOnClose(unlink bool) {
	ln.loop.own("Listener.SetUnlinkOnClose")
	ln.unlink = ""
	if addr, ok := ln.addr.(*net.UnixAddr); ok && unlink && addr.Name != "" && addr.Name[0] != '@' {
		ln.unlink = addr.Name
		ln.file, _ = os.Lstat(addr.Name)
	}
}

// Close stops listening. It first takes the connections that the kernel has accepted
// already, because closing the socket would reset them.
func (ln *Listener) Close() error {
	ln.loop.own("Listener.Close")
	if ln.fd < 0 {
		return net.ErrClosed
	}
	for range maxBacklog { // a bound, however fast they come
		fd, again := ln.accept()
		if fd >= 0 {
			if c := ln.deal(fd); c != nil {
				c.later() // open
			}
		}
		if !again {
			break
		}
	}
	ln.stop(nil)
	return nil
}

func (ln *Listener) stop(error) {
	l := ln.loop
	ln.unite()
	ln.checks.Stop()
	l.wheel.remove(ln.slot)
	l.slots.release(ln.slot)
	if !ln.rests {
		l.poll.Del(ln.fd)
	}
	l.fds = append(l.fds, ln.fd)
	ln.fd = -1
	if ln.unlink != "" {
		if file, err := os.Lstat(ln.unlink); err == nil && ln.file != nil && os.SameFile(file, ln.file) {
			os.Remove(ln.unlink)
		}
	}
}

// event puts the listener in line. Accepting has a portion of its own in each turn: a
// listener that had to wait for its event behind those of thousands of connections each
// time would fall behind.
func (ln *Listener) event(r poller.Ready) {
	ln.ready = r
	if !ln.inLine {
		ln.inLine = true
		ln.loop.accepting = append(ln.loop.accepting, ln)
	}
}

// acceptSome accepts until there is nobody or the portion is used up. Then the
// listener goes back in line.
func (ln *Listener) acceptSome() {
	more := ln.goesOn
	ln.inLine, ln.goesOn = false, false
	if ln.fd < 0 || ln.rests {
		return
	}
	for n := range mostAccepts {
		if n > 0 && ln.loop.Late() {
			break
		}
		fd, again := ln.accept()
		if fd >= 0 {
			if c := ln.deal(fd); c != nil {
				ln.loop.running = c
				c.open()
			}
			ln.loop.settle()
		}
		switch {
		case ln.fd < 0 || ln.rests:
			return
		case !again && n == 0 && !more:
			ln.nobody(ln.ready)
			return
		case !again && ln.loop.taken == ln.loop.count:
			return
		case !again: // the poller is not asked in the next turn
			ln.event(ln.ready)
			ln.goesOn = true
			return
		}
	}
	ln.event(ln.ready)
	ln.goesOn = true
}

// nobody handles an event that brought no connection. Another loop or process may have
// taken it. Or another holder of the socket has shut it down: the poller reports that
// as a hangup for ever; select, as a socket that is always ready and has no
// connection.
func (ln *Listener) nobody(r poller.Ready) {
	ln.vain++
	switch {
	case r&(poller.Err|poller.Hangup) != 0:
		ln.pause(errShutdown)
	case ln.vain > mostRefused && ln.spread != nil:
		ln.rest(firstBackoff) // others were faster each time
	case ln.vain > mostRefused:
		ln.rest(ln.backOff())
	}
}

// accept takes one connection, or none (-1), and reports whether to try again.
func (ln *Listener) accept() (int, bool) {
	fd, errno := acceptFD(ln.fd)
	switch errno {
	case 0:
		ln.backoff, ln.refused, ln.vain = 0, 0, 0
		return fd, true
	case sys.EINTR:
		return -1, true
	case sys.EAGAIN:
		return -1, false
	}
	ln.loop.stats.AcceptErrors++
	switch errno {
	case sys.ECONNABORTED, sys.EPROTO, sys.EPERM:
		// The peer left, or a firewall forbade it: try the next one, but not for ever.
		if ln.refused++; ln.refused < mostRefused {
			return -1, true
		}
		ln.refused = 0
	}
	ln.pause(errno)
	return -1, false
}

// accepted makes a connection of an accepted descriptor; the caller opens it. It
// returns nil if that fails.
func (l *Loop) accepted(fd int, h *Handler) *Conn {
	if l.ending {
		closeFD(fd)
		return nil
	}
	opened(fd)
	c := l.newConn(fd, h, opening)
	if err := c.watch(poller.Read); err != nil {
		l.stats.AcceptErrors++ // past select's FD_SETSIZE, say
		c.fail(err)
		return nil
	}
	return c
}

// pause makes the listener rest after an error: it is out of descriptors or of memory,
// or another holder has shut its socket down. Trying again at once would only spin.
// Meanwhile clients wait in the kernel's queue. The socket is removed from the poller,
// which would report a hangup even with no interest in it.
func (ln *Listener) pause(errno sys.Errno) {
	l := ln.loop
	if l.Log != nil && l.elapsed >= ln.silent {
		ln.silent = l.elapsed + warnEvery
		l.Log.Warn("conn: accept failed, waiting", "addr", ln.addr.String(), "error", errno)
	}
	ln.rest(ln.backOff())
	switch errno {
	case sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM:
		if !slices.Contains(l.hungry, ln) {
			l.hungry = append(l.hungry, ln)
		}
	}
}

// backOff returns how long to rest: longer each time.
func (ln *Listener) backOff() time.Duration {
	ln.backoff = min(max(2*ln.backoff, firstBackoff), lastBackoff)
	return ln.backoff
}

// rest stops accepting for d.
func (ln *Listener) rest(d time.Duration) {
	l := ln.loop
	if !ln.rests {
		ln.rests = true
		l.poll.Del(ln.fd)
	}
	l.wheel.remove(ln.slot)
	l.wheel.add(ln.slot, l.tickIn(ticks(d)))
}

// resume ends a rest early.
func (ln *Listener) resume() {
	if ln.fd >= 0 && ln.rests {
		ln.loop.wheel.remove(ln.slot)
		ln.expire()
	}
}

func (ln *Listener) expire() {
	if err := ln.watch(); err != nil {
		ln.pause(sys.ENOMEM)
	}
}

// watch makes the poller report when there is a connection to accept.
func (ln *Listener) watch() error {
	err := poller.AddExclusive(ln.loop.poll, ln.fd, ln.loop.slots.token(ln.slot))
	ln.rests = err != nil
	return err
}
