//go:build darwin || dragonfly || netbsd || openbsd || aix

// SO_REUSEPORT on the other Unixes.

package conn

import "golang.org/x/sys/unix"

func reusePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }
