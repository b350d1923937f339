// SendFile: ranges of files among bytes, in order, and closed whatever happens.

package conn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// file makes a file of those bytes, open for reading.
func (r *rig) file(b []byte) *os.File {
	r.Helper()
	f, err := os.CreateTemp("", "conn") // t.TempDir's end is a failure under wine
	if err != nil {
		r.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { f.Close(); os.Remove(f.Name()) })
	return f
}

// wantClosed checks that SendFile has closed its file.
func (r *rig) wantClosed(files ...*os.File) {
	r.Helper()
	for i, f := range files {
		r.until("the file to be closed", func() bool { return f.Fd() == ^uintptr(0) })
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			r.Errorf("file %d is still open", i)
		}
	}
}

func TestSendFile(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		big := flood(5 << 20)
		small := []byte("0123456789")
		files := []*os.File{r.file(small), r.file(big), r.file(small), r.file(small)}
		r.do(func() {
			c.WriteString("<")
			c.SendFile(files[0], 2, 5)
			if !c.Full() {
				r.Error("not full with a file to send")
			}
			c.WriteString("><")
			c.Write(big[:40<<10])
			c.SendFile(files[1], 100, int64(len(big)-200))
			c.SendFile(files[2], 0, 10)
			c.WriteString(">")
			c.SendFile(files[3], 10, 0)
			c.Write(nil)
			c.OnDrain(func() { c.WriteString("end"); c.Close() })
		})
		want := bytes.Join([][]byte{[]byte("<23456><"), big[:40<<10], big[100 : len(big)-100], small, []byte(">end")}, nil)
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, want) {
			r.Fatalf("%d bytes, %v; want %d", len(got), err, len(want))
		}
		r.wantClosed(files...)
	})
}

func TestSendFileErrors(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose})
		files := []*os.File{r.file([]byte("short")), r.file(nil), r.file(nil), r.file(nil), r.file(nil)}
		r.do(func() {
			if c.SendFile(files[1], -1, 2) == nil || c.SendFile(files[2], 0, -1) == nil {
				r.Error("a negative range was taken")
			}
			c.SendFile(files[0], 1, 100) // there are 4
			c.SendFile(files[3], 0, 1)   // after it, never reached
			c.WriteString("behind")
		})
		if got, err := io.ReadAll(p); string(got) != "hort" {
			r.Errorf("%q, %v", got, err)
		}
		r.wantErr(ch, io.ErrUnexpectedEOF)
		r.do(func() {
			if err := c.SendFile(files[4], 0, 1); !errors.Is(err, net.ErrClosed) {
				r.Error(err)
			}
		})
		r.wantClosed(files...)
	})
}

// A connection that dies closes the files that it has not sent.
func TestSendFileToAPeerWhoLeaves(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose})
		big := flood(8 << 20)
		files := []*os.File{r.file(big), r.file(big)}
		r.do(func() { c.SendFile(files[0], 0, 8<<20); c.SendFile(files[1], 0, 8<<20) })
		p.Read(make([]byte, 100))
		p.reset()
		if err := get(r, ch); err == nil {
			r.Error("closed as if all had been sent")
		}
		r.wantClosed(files...)
	})
}

// What sendfile(2) does not take is read: /proc has such files.
func TestSendFileByReading(t *testing.T) {
	want, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip("no file to try it with:", err)
	}
	n := int64(min(len(want), 1000))
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		f, err := os.Open("/dev/zero")
		if err != nil {
			r.Fatal(err)
		}
		g, err := os.Open("/proc/self/maps")
		if err != nil {
			r.Fatal(err)
		}
		r.do(func() { c.SendFile(f, 0, 1<<20); c.WriteString("|"); c.SendFile(g, 0, n); c.Close() })
		got, err := io.ReadAll(p)
		if err != nil || int64(len(got)) != 1<<20+1+n || got[1<<20] != '|' || bytes.Count(got[:1<<20], []byte{0}) != 1<<20 {
			r.Fatalf("%d bytes, %v", len(got), err)
		}
		r.wantClosed(f, g)
	})
}

// A large file does not keep the loop from the others.
func TestSendFileSharesTheLoop(t *testing.T) {
	each(t, func(r *rig) {
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		other := r.dial()
		c, p := r.serve(conn.Handler{})
		go io.Copy(io.Discard, p)
		f, err := os.Open("/dev/zero") // without an end
		if err != nil {
			r.Skip(err)
		}
		r.do(func() { c.SendFile(f, 0, 1<<60) })
		for range 20 {
			other.send("ping")
			other.want("ping")
		}
		r.do(func() { c.Abort() })
		r.wantClosed(f)
	})
}

// What a slow peer does not take of a file lies in the file: nothing of it is
// read into memory where there is sendfile(2), and of what is encrypted no more than
// is encrypted at once.
func TestSendFileHoldsNothing(t *testing.T) {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "dragonfly":
	default:
		t.Skip("no sendfile(2) here: a part of the file at a time is in memory")
	}
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{})
		big := flood(16 << 20) // more than the kernel's buffers ever grow to
		f := r.file(big)
		r.do(func() { c.SendFile(f, 0, int64(len(big))) })
		most := 0
		if r.secure {
			most = 128 << 10
		}
		got := make([]byte, len(big))
		for at := 0; at < len(got); {
			n := min(len(got)-at, 5<<20)
			if _, err := io.ReadFull(p, got[at:at+n]); err != nil {
				r.Fatal(err)
			}
			at += n
			r.do(func() {
				if n := c.Pending(); n > most {
					r.Errorf("%d bytes are in memory when %d have been read", n, at)
				}
			})
		}
		if !bytes.Equal(got, big) {
			r.Error("other bytes came than are in the file")
		}
		r.wantClosed(f)
	})
}
