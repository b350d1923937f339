//go:build darwin || freebsd || netbsd || openbsd || dragonfly

// How much memory there is.

package conn

import "golang.org/x/sys/unix"

// machineMemory is the machine's.
func machineMemory() uint64 {
	for _, name := range []string{"hw.memsize", "hw.physmem64", "hw.physmem"} {
		if n, err := unix.SysctlUint64(name); err == nil && n > 0 {
			return n
		}
	}
	return 4 << 30
}
