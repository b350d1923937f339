//go:build unix && !linux && !darwin && !freebsd && !netbsd

// How much of the output the kernel still holds for the peer: not known here.

package conn

const tellsUnsent = false

// unsent is not known here.
func unsent(int) int { return -1 }
