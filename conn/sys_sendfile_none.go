//go:build unix && !linux && !darwin && !freebsd && !dragonfly

// sendfile(2) where there is none.

package conn

import (
	"os"
	"syscall"
)

// sendfile returns that it is not supported: it is missing here, or needs cgo. Then the
// file is read, a part at a time.
func sendfile(int, *os.File, int64, int64) (int, syscall.Errno) { return 0, syscall.ENOSYS }
