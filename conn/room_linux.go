// Room for descriptors. Linux doubles a process's table of descriptors when the next one
// does not fit. Whoever opens that one waits until every processor has scheduled
// (expand_fdtable, synchronize_rcu): 10 to 60 ms on a busy machine, in which a loop would
// serve nobody. So the table is made larger before it is full, by a goroutine that may wait.

package conn

import (
	"math"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// firstRoom is how many descriptors fit from the first listener on: in 64 KiB of the
// kernel's memory.
const firstRoom = 1 << 13

// roomUsed is the descriptor from which on the table is enlarged: half of it is in use.
var roomUsed atomic.Int64

var firstListener sync.Once

// opened notes that fd was opened, and makes room if descriptors come near to the end of
// the table.
func opened(fd int) {
	if at := roomUsed.Load(); int64(fd) >= at && roomUsed.CompareAndSwap(at, math.MaxInt64) {
		go makeRoom(fd)
	}
}

// openedFirst is opened for a listener: there is room when it returns.
func openedFirst(fd int) {
	firstListener.Do(func() {
		roomUsed.Store(math.MaxInt64)
		makeRoom(fd)
	})
	opened(fd)
}

// makeRoom makes room for four times as many descriptors as fd, or as many as the process
// may open: the table grows for a descriptor with a high number, and keeps its size when
// that is closed. It is one of its own, because a socket would not end while it is copied.
func makeRoom(fd int) {
	n := max(firstRoom, 4*fd)
	var most unix.Rlimit
	all := unix.Getrlimit(unix.RLIMIT_NOFILE, &most) == nil && most.Cur <= uint64(n)
	if all {
		n = int(most.Cur)
	}
	if own, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err == nil {
		if last, err := unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, n-1); err == nil {
			closeFD(last)
		}
		closeFD(own)
	}
	if !all { // else roomUsed stays as it is: there will be no more
		roomUsed.Store(int64(n / 2))
	}
}
