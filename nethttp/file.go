// Files: io.Copy and http.ServeContent call ReadFrom, which makes the kernel send them.

package nethttp

import (
	"cmp"
	"io"
	"net/http"
	"os"
	"sync"
)

const (
	// The kernel sends a file of at least sendFileLeast. A smaller one is read, because then
	// it leaves with the head.
	sendFileLeast = 64 << 10

	// If the handler is called on the loop, the kernel sends a file from sendHereLeast on. It
	// takes most of these at once, so that no descriptor has to be kept for the rest.
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

// readFile makes the kernel send src, if it is a file, or the beginning of one, that is
// large enough. It returns how much is sent. The caller copies the rest.
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

// sendFile sends n bytes of f from at on, and returns how many of them the kernel has taken
// or the loop will send. It sends none if the answer's type has still to be detected, from
// the bytes themselves.
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
	defer func() { r.written -= n - sent }() // room has counted all of it
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
// has set a Content-Length. It uses the handler's descriptor: one of our own would cost as
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

// filePart is a part of a file. The file is closed once that has been sent.
type filePart struct {
	f     *os.File
	at, n int64
}
