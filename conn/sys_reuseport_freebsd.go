// SO_REUSEPORT on FreeBSD.

package conn

import "golang.org/x/sys/unix"

// reusePort sets SO_REUSEPORT_LB, which spreads the connections: with SO_REUSEPORT the
// socket opened last would get them all.
func reusePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT_LB, 1) }
