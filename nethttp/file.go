// Files: what io.Copy and http.ServeContent find to send them by
// the kernel.

package nethttp

import (
	"cmp"
	"io"
	"net/http"
	"os"
	"sync"
)

const (
	// A file of at least sendFileLeast is sent by the kernel; a smaller one leaves with the
	// head if it is read.
	sendFileLeast = 64 << 10

	// If the handler is called on the loop, that is cheaper from sendHereLeast on: the kernel
	// takes all of it as a rule before the handler closes the file.
	sendHereLeast = 16 << 10
)

// ReadFrom writes all that src has. The kernel sends files itself, and the handler does
// not wait for that.
func (r *response) ReadFrom(src io.Reader) (n int64, err error) {
	if n, err = r.readFile(src); err != nil {
		return n, err
	}
	buf := copyBuffers.Get().(*[mostWritten]byte)
	defer copyBuffers.Put(buf)
	m, err := io.CopyBuffer(onlyWriter{r}, src, buf[:])
	return n + m, err
}

var copyBuffers = sync.Pool{New: func() any { return new([mostWritten]byte) }}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// readFile sends src if it is a file, or a part of one, that is worth it, and returns how
// much it has sent. What is left is to be copied.
func (r *response) readFile(src io.Reader) (n int64, err error) {
	limited, _ := src.(*io.LimitedReader)
	if limited != nil {
		if limited.N < sendHereLeast {
			return 0, nil
		}
		src = limited.R
	}
	f, ok := src.(*os.File)
	if !ok {
		return 0, nil
	}
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return 0, nil // reading it will return the error
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil
	}
	n = st.Size() - at
	if limited != nil {
		n = min(n, limited.N)
	}
	if n, err = r.sendFile(f, at, n); n == 0 {
		return 0, err
	}
	if limited != nil {
		limited.N -= n
	}
	_, lost := f.Seek(at+n, io.SeekStart)
	return n, cmp.Or(err, lost)
}

// sendFile sends n bytes of f, and returns how many of them the loop or the kernel has
// taken.
func (r *response) sendFile(f *os.File, at, n int64) (sent int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status == 0 && !r.done && !r.hijacked {
		r.writeHeader(http.StatusOK)
	}
	if n < sendHereLeast || r.call.headOnly() || !r.committed && !r.notes.typed && !r.notes.coded || r.length >= 0 && r.written+n > r.length {
		return 0, nil
	}
	if err := r.room(int(n)); err != nil {
		return 0, err
	}
	defer func() { r.written -= n - sent }()
	if sent, err = r.sendHere(f, at, n); err != nil || n-sent < sendFileLeast {
		return sent, err
	}
	own, err := reopen(f)
	if err != nil {
		return sent, nil
	}
	if !r.committed {
		r.commit(false, nil)
	}
	if err := r.push(outgoing{file: filePart{own, at + sent, n - sent}}); err != nil {
		own.Close()
		return sent, err
	}
	return n, nil
}

// sendHere sends what the kernel takes at once, if the handler is called on the loop and
// has said how long the answer is. That needs no descriptor of our own, which costs as
// much as opening the file does. r.mu is held.
func (r *response) sendHere(f *os.File, at, n int64) (sent int64, err error) {
	c := r.call
	if r.length < 0 || c.lease == nil || c.lease.Lost() {
		return 0, nil
	}
	if !r.committed {
		r.commit(false, nil)
	}
	if err := r.push(outgoing{}); err != nil {
		return 0, err
	}
	c.mu.Lock()
	here := !c.posted && c.lease.Hold()
	c.mu.Unlock()
	if here {
		c.held(func() {
			if x := c.exchange(); x != nil {
				sent = x.SendFile(f, at, n)
			}
		})
	}
	return sent, nil
}

// filePart is a part of a file to send, which is then closed.
type filePart struct {
	f     *os.File
	at, n int64
}
