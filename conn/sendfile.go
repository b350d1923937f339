// SendFile: output from a file, and the queue for what is written after it.

package conn

import (
	"fmt"
	"io"
	"os"

	"github.com/lurcher-net/lurcher/internal/sys"
	"github.com/valyala/bytebufferpool"
)

// segment is output that follows Conn.out: a range of a file, or bytes.
type segment struct {
	shared *File // if others send file too
	file   *os.File
	off, n int64 // the range; with buf, off counts the bytes that have been sealed
	buf    *bytebufferpool.ByteBuffer
}

// SendFile sends n bytes of f from off on, after what has been written, with
// sendfile(2) where the system has it. It owns f from now on, and closes it when it has
// been sent or the connection has ended. Full returns true until the kernel has all of
// it. If the file turns out to be shorter, the connection closes with
// io.ErrUnexpectedEOF.
func (c *Conn) SendFile(f *os.File, off, n int64) error {
	c.own("SendFile")
	if err := c.writable(); err != nil {
		f.Close()
		return err
	}
	if off < 0 || n < 0 {
		f.Close()
		return errRange
	}
	c.enqueue(segment{file: f, off: off, n: n})
	return nil
}

var errRange = fmt.Errorf("conn: SendFile wants an offset and a length that are not negative: %w", os.ErrInvalid)

// enqueue makes s follow all that has been written.
func (c *Conn) enqueue(s segment) {
	x := c.extra()
	x.queue = append(x.queue, s)
	c.touch()
}

// tail returns the buffer for bytes after the last file.
func (x *extra) tail() *[]byte {
	if n := len(x.queue); n == 0 || x.queue[n-1].buf == nil {
		x.queue = append(x.queue, segment{buf: getBuffer(0)})
	}
	return &x.queue[len(x.queue)-1].buf.B
}

// dropFirst removes the first segment from the queue and gives back what it holds.
func (x *extra) dropFirst() {
	s := x.queue[0]
	switch {
	case s.shared != nil:
		s.shared.release()
	case s.file != nil:
		s.file.Close()
	}
	if s.buf != nil {
		putBuffer(s.buf)
	}
	x.popFirst()
}

func (x *extra) popFirst() {
	n := copy(x.queue, x.queue[1:])
	x.queue[n] = segment{}
	x.queue = x.queue[:n]
}

// lentFile is what segments share whose file belongs to somebody else: nobody closes it.
var lentFile = NewFile(nil)

// sendLent sends at once what the kernel takes now of a file that stays the caller's, and
// returns how much that is.
func (c *Conn) sendLent(f *os.File, off, n int64) int64 {
	c.own("SendFile")
	if n <= 0 || c.sec != plain || c.writable() != nil || c.is(blocked|connecting) || c.queued() {
		return 0
	}
	lentFile.hold()
	c.enqueue(segment{file: f, shared: lentFile, off: off, n: n})
	c.send()
	if !c.queued() {
		return n
	}
	left := c.more.queue[0].n // the connection has failed, or the kernel takes no more
	c.more.dropFirst()
	return n - left
}

// sendQueued goes on with the first segment of the queue.
func (c *Conn) sendQueued() {
	if c.sec != plain {
		c.sealQueued()
		return
	}
	x := c.more
	s := &x.queue[0]
	switch {
	case s.buf != nil:
		c.out, c.outOff = s.buf, 0
		x.popFirst()
	case s.n == 0:
		x.dropFirst()
	default:
		c.sendFile(s)
	}
}

// sendFile sends a part of a file.
func (c *Conn) sendFile(s *segment) {
	if c.is(deaf) {
		c.more.dropFirst()
		return
	}
	want := min(s.n, int64(c.loop.mostSend()))
	if want >= corkSize {
		c.bound()
	}
	c.loop.called()
	n, errno := sendfile(int(c.fd), s.file, s.off, want)
	c.loop.stats.Writes++
	switch {
	case errno == sys.EAGAIN || errno == sys.EINTR:
		// BSD's sendfile may have sent n bytes nevertheless.
	case errno == sys.EINVAL || errno == sys.ENOSYS || errno == sys.EOPNOTSUPP || errno == sys.ENOTSUP:
		c.readFile(s) // sendfile does not support this file, or this system does not have it
		return
	case errno != 0:
		if !c.deafened("sendfile", errno) {
			c.fail(os.NewSyscallError("sendfile", errno))
		}
		return
	case n == 0:
		c.fail(io.ErrUnexpectedEOF)
		return
	}
	s.off += int64(n)
	s.n -= int64(n)
	if int64(n) < want {
		c.set(blocked)
	}
	c.sent(n)
}

// fileIsLong reports whether what is to be sent now is a file, or bytes and then a file,
// that takes more than one call in any case.
func (c *Conn) fileIsLong() bool {
	return c.queued() && c.sec == plain && c.more.queue[0].n > maxSend && !c.is(blocked|connecting)
}

// readFile makes the next part of a file the pending output.
func (c *Conn) readFile(s *segment) {
	size := int(min(s.n, readSize))
	b := getBuffer(size)
	b.B = b.B[:size]
	n, err := s.file.ReadAt(b.B, s.off)
	if n == 0 {
		putBuffer(b)
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		c.fail(err)
		return
	}
	b.B = b.B[:n]
	s.off += int64(n)
	s.n -= int64(n)
	c.out, c.outOff = b, 0
}
