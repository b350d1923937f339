// Package poller reports which of many file descriptors are ready for I/O, over every readiness
// interface that Unix has: epoll, kqueue, /dev/poll, poll and select. All are level-triggered, and keep
// one contract, the comment on [Poller]. On Windows there is WSAPoll, for development; on systems with
// none of these [New] returns an error that is [errors.ErrUnsupported].
//
//	p, err := poller.New()                      // the best that this system has
//	err = p.Add(fd, token, poller.Read)         // fd is non-blocking; token comes back with its events
//	events := make([]poller.Event, 128)
//	for {
//		n, err := p.Wait(events, -1)            // or at most a time.Duration
//		for _, ev := range events[:n] {
//			...                                 // ev.Token, ev.Ready
//		}
//	}
//
// Any goroutine may end a Wait with p.Wake(). LURCHER_POLLER=select in the environment overrides the
// choice of New. The package knows descriptors and nothing else: no connections, buffers, timers or
// goroutines. Package conn adds those.
//
// # Backends
//
// New takes the first of these that the system has. The columns with numbers show the cost of a Wait that
// finds nothing, over 10, 1000 and 10,000 idle UDP sockets: the least of eight runs on a 2-core virtual
// machine with Linux 6.18. To measure it: go test -bench IdleWait ./poller.
//
//	          systems                         10       1000    10,000   limits
//	epoll     linux, android                  0.2 µs   0.3 µs  0.3 µs   no regular files (EPERM)
//	kqueue    darwin, freebsd, netbsd,        not measured              a filter that is refused shows at the
//	          openbsd, dragonfly                                        next Wait, not at Add
//	devpoll   solaris, illumos                not measured
//	poll      every Unix                      0.6 µs   45 µs   700 µs
//	select    every Unix                      0.6 µs   40 µs   -        descriptors below FD_SETSIZE: 1024,
//	                                                                    256 on netbsd, 65536 on solaris and
//	                                                                    illumos, 65534 on aix; no Hangup, no Err
//	wsapoll   windows                         not measured              sockets only; see below
//
// A registered descriptor takes no memory here under epoll, 16 bytes under the others, and 8 more under
// poll. Add, Mod and Del are a system call each under epoll and /dev/poll; kqueue hands changes
// over with the next Wait; Mod and Del are free under poll and select, and Add costs an fcntl there and
// under kqueue and /dev/poll.
//
// WSAPoll reports a peer's FIN even if Read is not asked for. From then on such a socket is polled every 10 ms
// instead of waited for: room to write, and a reset, may be reported that late.
//
// # What has run
//
// On Linux: epoll, poll and select, on amd64, 386, and under qemu-user on arm64, riscv64 and s390x (which
// is big-endian). The conformance tests and a randomised check against a model run over all backends, also
// under the race detector.
//
// kqueue's logic passes the same tests on Linux over a fake kernel. That takes the same records as the system
// call, and follows the manual pages and sources of the BSDs and darwin; a table compares the records with the
// numbers of each system. The system calls compile on all of these systems, but have not run on any yet. /dev/poll
// was tested on a model of the device, written after the sources of illumos, and not yet on SunOS. poll and select
// have not run outside Linux.
//
// The conformance tests, the model and the load run over WSAPoll under wine 8 ("make wine"), and have not run on
// Windows itself.
package poller
