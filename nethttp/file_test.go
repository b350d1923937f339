// Files that handlers send: by the kernel from the handler's descriptor or from one of our
// own, or read.

package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// TestFiles: a part of a file arrives whole, between what the handler writes before and after,
// and the file is then where reading would have left it, whoever calls the handler.
func TestFiles(t *testing.T) {
	t.Parallel()
	for _, here := range []bool{false, true} {
		for _, n := range []int{1, sendHereLeast, sendFileLeast, 8 << 20} {
			t.Run(fmt.Sprint(here, "/", n), func(t *testing.T) {
				t.Parallel()
				handled := make(chan error, 2)
				h := func(w http.ResponseWriter, r *http.Request) { handled <- sendPart(w, n) }
				s := startFiles(t, h, here)
				c := s.dial()
				c.Send(get("/") + get("/"))
				data := loopback.Pattern(n + 15)
				for range 2 {
					c.Want("200 " + "begin" + string(data[10:]))
					if err := <-handled; err != nil {
						t.Error(err)
					}
				}
				c.Close()
				s.idle()
			})
		}
	}
}

// startFiles starts a server whose loop calls all handlers itself, or none.
func startFiles(t *testing.T, h http.HandlerFunc, here bool) *rig {
	if here {
		return startHere(t, &server.Server{}, h, 0)
	}
	a := newAdapter(h, 0)
	a.quick = 0
	return start(t, &server.Server{}, a.serve)
}

// sendPart writes the beginning, n bytes of a file, and the next five.
func sendPart(w http.ResponseWriter, n int) error {
	f := tempFile(n + 15)
	defer f.Close()
	if _, err := io.CopyN(io.Discard, f, 10); err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(len("begin")+n+5))
	w.Header().Set("Content-Type", "text/x")
	io.WriteString(w, "begin")
	if sent, err := io.CopyN(w, f, int64(n)); sent != int64(n) || err != nil {
		return fmt.Errorf("%d bytes copied, %w", sent, err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); at != int64(n+10) {
		return fmt.Errorf("the file is at %d, %w", at, err)
	}
	var next [5]byte
	if _, err := io.ReadFull(f, next[:]); err != nil {
		return err
	}
	_, err := w.Write(next[:])
	return err
}

// TestFilesCutShort: an answer whose file has fewer bytes than was said ends with the
// connection, and the handler learns what it has sent.
func TestFilesCutShort(t *testing.T) {
	t.Parallel()
	for _, here := range []bool{false, true} {
		t.Run(fmt.Sprint(here), func(t *testing.T) {
			t.Parallel()
			const has = 100_000
			handled := make(chan error, 1)
			s := startFiles(t, func(w http.ResponseWriter, r *http.Request) {
				f := tempFile(has)
				defer f.Close()
				w.Header().Set("Content-Length", "200000")
				w.Header().Set("Content-Type", "text/x")
				n, err := io.CopyN(w, f, 200_000)
				if n != has || err != io.EOF {
					err = fmt.Errorf("%d bytes copied, %w", n, err)
				}
				handled <- err
			}, here)
			c := s.dial()
			c.Send(get("/"))
			resp, err := http.ReadResponse(c.In, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); n != has || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if err := <-handled; err != io.EOF {
				t.Error(err)
			}
		})
	}
}
