// Package poller tells which of many file descriptors are ready for I/O, over every readiness
// interface that Unix has: epoll, kqueue, /dev/poll, poll and select, all level-triggered and all
// under one contract (see Poller).
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
// what New picks.
package poller
