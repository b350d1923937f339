//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

// How much memory there is.

package conn

// machineMemory is not to be had here: a guess on the safe side.
func machineMemory() uint64 { return 4 << 30 }
