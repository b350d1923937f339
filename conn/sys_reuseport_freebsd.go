// SO_REUSEPORT on FreeBSD.

package conn

import "golang.org/x/sys/unix"

// reusePort asks for the one that spreads the connections: with SO_REUSEPORT
// the last socket has them all.
func reusePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT_LB, 1) }
