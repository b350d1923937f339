// What the backends of Unix whose kernel cannot keep a token share: a table of registrations, and the
// contract's checks on the way into it.

//go:build unix

package poller

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// table holds the registrations by descriptor. Unix hands out the lowest free number, so a slice is
// as dense as a map and needs no hashing.
type table struct {
	op     string // the operation that errors name
	closed bool
	regs   []registration
}

// registration takes 16 bytes; on is false for a descriptor that is not registered. The fields after the
// blank line belong to the backend, and add does not change them.
type registration struct {
	token Token
	want  Ready
	on    bool

	have  Ready  // what the kernel watches
	state uint8  // how certain that is
	slot  uint32 // where the backend keeps the rest
}

// add enters fd. It asks the kernel whether fd is open: otherwise these backends would learn that only at
// the next wait, too late for an error to the caller who made the mistake.
func (t *table) add(fd int, token Token, want Ready) (*registration, error) {
	if err := t.check(fd, token, want); err != nil {
		return nil, err
	}
	if !isOpen(fd) {
		return nil, os.NewSyscallError(t.op, unix.EBADF)
	}
	if fd >= len(t.regs) {
		t.regs = append(t.regs, make([]registration, fd+1-len(t.regs))...)
	}
	r := &t.regs[fd]
	if r.on {
		return nil, os.NewSyscallError(t.op, unix.EEXIST)
	}
	r.token, r.want, r.on = token, want, true
	return r, nil
}

// mod returns the registration of fd, for the caller to change it to token and want.
func (t *table) mod(fd int, token Token, want Ready) (*registration, error) {
	if err := t.check(fd, token, want); err != nil {
		return nil, err
	}
	return t.find(fd)
}

// del returns the registration of fd, for the caller to clear it.
func (t *table) del(fd int) (*registration, error) {
	if err := t.check(fd, 0, 0); err != nil {
		return nil, err
	}
	return t.find(fd)
}

func (t *table) check(fd int, token Token, want Ready) error {
	if t.closed {
		return net.ErrClosed
	}
	return check(t.op, token, want)
}

func (t *table) find(fd int) (*registration, error) {
	if uint(fd) < uint(len(t.regs)) && t.regs[fd].on {
		return &t.regs[fd], nil
	}
	if !isOpen(fd) {
		return nil, os.NewSyscallError(t.op, unix.EBADF)
	}
	return nil, os.NewSyscallError(t.op, unix.ENOENT)
}

// waitable is the part of Wait that comes before the system call.
func (t *table) waitable(dst []Event) error {
	if t.closed {
		return net.ErrClosed
	}
	if len(dst) == 0 {
		return os.NewSyscallError(t.op, unix.EINVAL)
	}
	return nil
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return fd >= 0 && err != unix.EBADF
}
