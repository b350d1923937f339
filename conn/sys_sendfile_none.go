//go:build unix && !linux && !darwin && !freebsd && !dragonfly

// sendfile(2) where there is none.

package conn

import (
	"os"
	"syscall"
)

// sendfile is missing here, or not to be had without cgo: the file is read, a
// part at a time.
func sendfile(int, *os.File, int64, int64) (int, syscall.Errno) { return 0, syscall.ENOSYS }
