//go:build darwin || freebsd || netbsd || openbsd || dragonfly

// How much memory there is.

package conn

import "golang.org/x/sys/unix"

// machineMemory returns the memory of the machine.
func machineMemory() uint64 {
	for _, name := range []string{"hw.memsize", "hw.physmem64", "hw.physmem"} {
		if n, err := unix.SysctlUint64(name); err == nil && n > 0 {
			return n
		}
	}
	return 4 << 30
}
