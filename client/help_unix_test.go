//go:build unix

package client

import "syscall"

// listenAgain leaves a listener as little room for connections as can be.
func listenAgain(fd uintptr) { syscall.Listen(int(fd), 0) }
