// What differs between systems, on Windows.

package nethttp

import (
	"os"

	"golang.org/x/sys/windows"
)

// reopen returns a handle of its own for f.
func reopen(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var h windows.Handle
	var errno error
	if err := raw.Control(func(old uintptr) {
		p := windows.CurrentProcess()
		errno = windows.DuplicateHandle(p, windows.Handle(old), p, &h, 0, false, windows.DUPLICATE_SAME_ACCESS)
	}); err != nil {
		return nil, err
	}
	if errno != nil {
		return nil, os.NewSyscallError("DuplicateHandle", errno)
	}
	return os.NewFile(uintptr(h), f.Name()), nil
}
