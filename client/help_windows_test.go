package client

import "syscall"

// listenAgain leaves a listener as little room for connections as can be.
func listenAgain(fd uintptr) { syscall.Listen(syscall.Handle(fd), 0) }
