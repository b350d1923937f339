//go:build unix && !darwin && !openbsd

// Keep-alive probes: the names of their times on most systems.

package conn

import "golang.org/x/sys/unix"

// setProbes sets the time until the first keep-alive probe, and between two.
func setProbes(fd, seconds int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
}
