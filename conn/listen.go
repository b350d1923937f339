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

	"github.com/lurcher-net/lurcher/poller"
)

const (
	mostAccepts = 1024    // in one turn, if its time is not used up before
	mostRefused = 16      // accepts that fail, one after the other, before the listener rests
	maxBacklog  = 1 << 16 // most connections that Close takes: what a kernel may have queued

	// How long a listener rests that cannot accept, unless it wants for a
	// descriptor and a connection of its own loop closes first.
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second

	warnEvery = 60_000 // ticks between two words in the log on that
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
	file    fs.FileInfo   // what stood there: another process may have put its own in its place
	spread  *spread       // nil: what it accepts stays on its loop
	twins   []*Listener   // that Spread has made
	checks  *Timer        // see checkLater
	backoff time.Duration // the last one; 0: accepting works
	refused int           // accepts that failed since one succeeded
	vain    int           // events since then that brought nobody
	rests   bool          // the poller does not watch fd: see pause
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
// mean that the socket opened last gets them all. Two things are to be known.
// The shares are equal only in the long run, and a connection stays with a
// process that is busy while others are idle. And what waits in the queue of a
// socket that closes is reset: Close takes the connections that are complete
// first, but not those whose handshake is under way (Linux 5.14 has the sysctl
// net.ipv4.tcp_migrate_req for these). So this is for processes that live side
// by side; one that takes another's place inherits its socket, see File.
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

// AdoptListener takes over a listener of package net, one that was inherited
// from another process say, and closes it: the socket goes on here. The file of
// a Unix socket is left to whoever made it.
func (l *Loop) AdoptListener(nl net.Listener, h *Handler) (*Listener, error) {
	l.own("Loop.AdoptListener")
	ln := &Listener{loop: l, h: h, addr: nl.Addr()}
	if ul, ok := nl.(*net.UnixListener); ok {
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
		// Accepted sockets inherit these: no system call for each.
		setTCPOptions(ln.fd)
	}
	ln.slot = l.slots.alloc(ln)
	if err := ln.watch(); err != nil {
		l.slots.release(ln.slot)
		closeFD(ln.fd)
		return nil, err
	}
	return ln, nil
}

// Addr is where the listener listens.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// File answers a duplicate of the listener's descriptor, for another process:
// one that is started with it goes on to accept what arrives on the same queue,
// so that nothing is lost when this listener closes. The two share the
// non-blocking mode, and the loop stops if that is taken away: os.File.Fd does
// not, where the file came from here. Of a Unix socket see SetUnlinkOnClose.
func (ln *Listener) File() (*os.File, error) {
	ln.loop.own("Listener.File")
	if ln.fd < 0 {
		return nil, net.ErrClosed
	}
	return duplicateFile(ln.fd, ln.addr.Network()+":"+ln.addr.String())
}

// SetUnlinkOnClose says whether Close removes the file of a Unix socket, as it
// does unless told otherwise if [Loop.Listen] made it: not when another process
// goes on with the socket. A file that has taken its place since is left alone.
func (ln *Listener) SetUnlinkOnClose(unlink bool) {
	ln.loop.own("Listener.SetUnlinkOnClose")
	ln.unlink = ""
	if addr, ok := ln.addr.(*net.UnixAddr); ok && unlink && addr.Name != "" && addr.Name[0] != '@' {
		ln.unlink = addr.Name
		ln.file, _ = os.Lstat(addr.Name)
	}
}

// Close stops listening. What the kernel has accepted already is taken first,
// for a closed listener would reset it.
func (ln *Listener) Close() error {
	ln.loop.own("Listener.Close")
	if ln.fd < 0 {
		return net.ErrClosed
	}
	for range maxBacklog { // and no more, however fast they come
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

func (ln *Listener) event(r poller.Ready) {
	for n := range mostAccepts {
		if n > 0 && ln.loop.Late() {
			return
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
		case !again && n == 0:
			ln.nobody(r)
			return
		case !again:
			return
		}
	}
}

// nobody is an event that brought no connection. It may have gone to another
// loop, or process. Or another holder of the socket has shut it down: that is a
// hangup for good, and to select a socket that is ready and has nobody.
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

// accept takes one connection, or none (-1), and reports whether to try for
// another.
func (ln *Listener) accept() (int, bool) {
	fd, errno := acceptFD(ln.fd)
	switch errno {
	case 0:
		ln.backoff, ln.refused, ln.vain = 0, 0, 0
		return fd, true
	case syscall.EINTR:
		return -1, true
	case syscall.EAGAIN:
		return -1, false
	}
	ln.loop.stats.AcceptErrors++
	switch errno {
	case syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM:
		// The peer left, or a firewall said no: the next, please, but not for ever.
		if ln.refused++; ln.refused < mostRefused {
			return -1, true
		}
		ln.refused = 0
	}
	ln.pause(errno)
	return -1, false
}

// accepted makes a connection of what was accepted. It is still to be opened;
// nil: that cannot be.
func (l *Loop) accepted(fd int, h *Handler) *Conn {
	if l.ending {
		closeFD(fd)
		return nil
	}
	c := l.newConn(fd, h, opening)
	if err := c.watch(poller.Read); err != nil {
		l.stats.AcceptErrors++ // past select's FD_SETSIZE, say
		c.fail(err)
		return nil
	}
	return c
}

// pause has the listener rest: it is out of descriptors or of memory, shut down
// by another holder of its socket, or told no by the system. Asking again at once
// would only spin. Who wants to connect waits in the kernel's queue. The poller
// forgets the socket meanwhile, for with no interest in it, it would still report
// a hangup.
func (ln *Listener) pause(errno syscall.Errno) {
	l := ln.loop
	if l.Log != nil && l.elapsed >= ln.silent {
		ln.silent = l.elapsed + warnEvery
		l.Log.Warn("conn: accept failed, waiting", "addr", ln.addr.String(), "error", errno)
	}
	ln.rest(ln.backOff())
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		if !slices.Contains(l.hungry, ln) {
			l.hungry = append(l.hungry, ln)
		}
	}
}

// backOff is how long to rest, longer each time.
func (ln *Listener) backOff() time.Duration {
	ln.backoff = min(max(2*ln.backoff, firstBackoff), lastBackoff)
	return ln.backoff
}

// rest accepts nothing for d.
func (ln *Listener) rest(d time.Duration) {
	l := ln.loop
	if !ln.rests {
		ln.rests = true
		l.poll.Del(ln.fd)
	}
	l.wheel.remove(ln.slot)
	l.wheel.add(ln.slot, l.tickIn(ticks(d)))
}

// resume ends a pause.
func (ln *Listener) resume() {
	if ln.fd >= 0 && ln.rests {
		ln.loop.wheel.remove(ln.slot)
		ln.expire()
	}
}

func (ln *Listener) expire() {
	if err := ln.watch(); err != nil {
		ln.pause(syscall.ENOMEM)
	}
}

// watch has the poller report when there is somebody to accept.
func (ln *Listener) watch() error {
	err := poller.AddExclusive(ln.loop.poll, ln.fd, ln.loop.slots.token(ln.slot))
	ln.rests = err != nil
	return err
}
