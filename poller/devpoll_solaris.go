// The device under devpoll.go, on solaris and illumos.

package poller

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() { provide("devpoll", openDevpoll) }

const dpPoll = 0xD001 // DP_POLL of <sys/devpoll.h>

// dvpoll is struct dvpoll, of which DP_POLL reads the first three fields.
type dvpoll struct {
	fds     *unix.PollFd
	nfds    uint64
	timeout int32
	_       int32
	_       uintptr // dp_setp, for DP_PPOLL
}

type sunDevice struct {
	fd  int
	dvp dvpoll
}

func openDevpoll() (Poller, error) {
	fd, err := unix.Open("/dev/poll", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENXIO || err == unix.ENODEV { // the driver is missing, not the node
		return nil, fmt.Errorf("open /dev/poll: %w: %w", err, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, os.NewSyscallError("open /dev/poll", err)
	}
	return newDevpoll(&sunDevice{fd: fd})
}

// write is a pwrite at offset 0, because the offset of a plain write grows and old kernels refuse it at
// 2 GB.
func (d *sunDevice) write(entries []unix.PollFd) error {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&entries[0])), len(entries)*int(unsafe.Sizeof(entries[0])))
	n, err := unix.Pwrite(d.fd, b, 0)
	if err == nil && n != len(b) {
		err = unix.EIO
	}
	return err
}

// poll passes DP_POLL through the one helper of x/sys that takes a pointer and hands the result back. It
// is meant for another struct, but does no more than pass the pointer on.
func (d *sunDevice) poll(dst []unix.PollFd, ms int) (int, error) {
	d.dvp.fds, d.dvp.nfds, d.dvp.timeout = &dst[0], uint64(len(dst)), int32(ms)
	return unix.IoctlSetStrioctlRetInt(d.fd, dpPoll, (*unix.Strioctl)(unsafe.Pointer(&d.dvp)))
}

func (d *sunDevice) try(entry unix.PollFd) error {
	_, err := unix.Poll([]unix.PollFd{entry}, 0)
	return err
}

func (d *sunDevice) close() error { return os.NewSyscallError("close", unix.Close(d.fd)) }
