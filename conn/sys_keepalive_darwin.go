// Keep-alive probes: macOS has another name for the time until the first.

package conn

import "golang.org/x/sys/unix"

// setProbes sets the time until the first keep-alive probe, and between two.
func setProbes(fd, seconds int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPALIVE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
}
