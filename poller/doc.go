// Package poller tells which of many file descriptors are ready for I/O, over every readiness
// interface that Unix has: epoll, kqueue, /dev/poll, poll and select, all level-triggered and all
// under one contract, which is the comment on [Poller]. On Windows there is WSAPoll, for development; on systems
// with none of these [New] returns an error that is [errors.ErrUnsupported].
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
// Any goroutine may end a Wait with p.Wake(). LURCHER_POLLER=select in the environment overrides
// what New picks. The package knows descriptors and nothing else: no connections, buffers, timers or
// goroutines. Package conn builds those on it.
//
// # Backends
//
// New takes the first that the system has. The cost is that of a Wait that finds nothing, over 10,
// 1000 and 10,000 idle UDP sockets, the least of eight runs on a 2-core virtual machine with Linux 6.18:
// go test -bench IdleWait ./poller repeats it.
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
// WSAPoll reports that a peer has shut its sending side whether that is asked for or not. So sockets that are not
// read from are looked at every 10 ms from then on: the room to write, and a reset, may be reported that late.
//
// # What has run
//
// On Linux: epoll, poll and select, on amd64, 386, and under qemu-user on arm64, riscv64 and s390x (which
// is big-endian). The conformance tests and a randomised check against a model run over all backends; the
// race detector is content.
//
// kqueue's logic passes the same tests on Linux over a fake kernel, which is given the records that the system
// call would be, and follows the manual pages and sources of the BSDs and darwin. A table holds these records to
// the numbers of each system. The system calls compile on all of them, and have not run on any yet. So with
// /dev/poll: tested on a model of the device, written after the sources of illumos, never yet on SunOS. poll and
// select have not run outside Linux.
//
// The conformance tests, the model and the load run over WSAPoll under wine 8 ("make wine"), and have not run on
// Windows itself.
package poller
