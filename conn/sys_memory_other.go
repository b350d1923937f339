//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

// How much memory there is.

package conn

// machineMemory returns a low guess: the memory of the machine is not known here.
func machineMemory() uint64 { return 4 << 30 }
