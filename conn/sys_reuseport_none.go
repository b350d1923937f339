//go:build solaris

package conn

import "golang.org/x/sys/unix"

func reusePort(int) error { return unix.ENOPROTOOPT }
