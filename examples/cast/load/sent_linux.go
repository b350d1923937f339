// When the server sent, as the kernel saw it: a client that is slow to read says little
// about that.

package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
)

// arrived returns when the last bytes came to a connection of the loop, to the millisecond
// or the few that a tick of the kernel's clock takes. It is called on the loop.
func arrived(l *conn.Loop) (last time.Time) {
	for c := range l.Conns() {
		rc, err := c.SyscallConn()
		if err != nil {
			continue
		}
		rc.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			if err != nil {
				return
			}
			if at := time.Now().Add(-time.Duration(info.Last_data_recv) * time.Millisecond); at.After(last) {
				last = at
			}
		})
	}
	return last
}
