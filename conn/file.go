// File: an open file that many connections send from.

package conn

import (
	"os"
	"sync/atomic"
)

// A File is an open file that many connections may send from at the same time, by
// [Conn.SendShared]. To open, to look at and to close a file for each answer costs as
// much as a fifth of sending 64 KiB. Its methods may be called from any goroutine.
type File struct {
	file   *os.File
	closed atomic.Bool
	uses   atomic.Int64 // what is under way, and one until Close
}

// NewFile returns a File of f. It owns f from now on.
func NewFile(f *os.File) *File {
	shared := &File{file: f}
	shared.uses.Store(1)
	return shared
}

// Close closes the file once all that is under way has been sent. SendShared sends
// nothing more of it. A second call returns os.ErrClosed.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return os.ErrClosed
	}
	return f.release()
}

// hold keeps the file open until release. It reports false if the file is closed.
func (f *File) hold() bool {
	for n := f.uses.Load(); n > 0 && !f.closed.Load(); n = f.uses.Load() {
		if f.uses.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (f *File) release() error {
	if f.uses.Add(-1) > 0 {
		return nil
	}
	return f.file.Close()
}

// SendShared is [Conn.SendFile] of a file that others may be sending too, and that stays
// open. It returns os.ErrClosed, and sends nothing, after [File.Close].
func (c *Conn) SendShared(f *File, off, n int64) error {
	c.own("SendShared")
	if err := c.writable(); err != nil {
		return err
	}
	if off < 0 || n < 0 {
		return errRange
	}
	if !f.hold() {
		return os.ErrClosed
	}
	c.enqueue(segment{file: f.file, shared: f, off: off, n: n})
	return nil
}
