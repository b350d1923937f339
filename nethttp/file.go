// Files: what io.Copy and http.ServeContent find to send them by
// the kernel.

package nethttp

import (
	"io"
	"net/http"
	"os"
	"sync"
)

// sendFileLeast is the size from which a file is sent by the kernel; a smaller
// one leaves with the head if it is read.
const sendFileLeast = 64 << 10

// ReadFrom writes all that src has. The kernel sends files itself, and the handler does
// not wait for that.
func (r *response) ReadFrom(src io.Reader) (n int64, err error) {
	if n, err = r.readFile(src); n > 0 || err != nil {
		return n, err
	}
	buf := copyBuffers.Get().(*[mostWritten]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(onlyWriter{r}, src, buf[:])
}

var copyBuffers = sync.Pool{New: func() any { return new([mostWritten]byte) }}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// readFile sends src if it is a file, or a part of one, that is worth it: else n
// is 0.
func (r *response) readFile(src io.Reader) (n int64, err error) {
	limited, _ := src.(*io.LimitedReader)
	if limited != nil {
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
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status == 0 && !r.done && !r.hijacked {
		r.writeHeader(http.StatusOK)
	}
	if n < sendFileLeast || r.call.headOnly() || !r.committed && !r.notes.typed && !r.notes.coded || r.length >= 0 && r.written+n > r.length {
		return 0, nil
	}
	if err := r.room(int(n)); err != nil {
		return 0, err
	}
	own, err := reopen(f)
	if err != nil {
		r.written -= n
		return 0, nil
	}
	if !r.committed {
		r.commit(false, nil)
	}
	if err := r.push(outgoing{file: filePart{own, at, n}}); err != nil {
		own.Close()
		return 0, err
	}
	if limited != nil {
		limited.N -= n
	}
	_, err = f.Seek(at+n, io.SeekStart)
	return n, err
}

// filePart is a part of a file to send, which is then closed.
type filePart struct {
	f     *os.File
	at, n int64
}
