//go:build solaris

// SO_REUSEPORT where there is none.

package conn

import "golang.org/x/sys/unix"

func reusePort(int) error { return unix.ENOPROTOOPT }
