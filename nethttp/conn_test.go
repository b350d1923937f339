// Handlers beside net/http: what a handler does with the connection, and files.

package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

var connectionPromises = []promise{
	{name: "100 Continue comes with the first Read", in: request("POST", "/", "Expect: 100-continue", "Content-Length: 3"),
		then: sendAfter100("abc"), h: read},
	{name: "100 Continue, chunked", in: request("POST", "/", "Expect: 100-continue", "Transfer-Encoding: chunked"),
		then: sendAfter100("3\r\nabc\r\n0\r\n\r\n"), h: read},
	{name: "no Read, no 100 Continue", in: request("POST", "/", "Expect: 100-continue", "Content-Length: 3"), h: write("x")},
	{name: "100 Continue when the body is there", in: post("/", "abc", "Expect: 100-continue"), h: read,
		differs: "A client that expects 100-continue and has sent its body nevertheless is not told to send it (RFC 9110 10.1.1)."},
	{name: "another expectation", in: get("/", "Expect: wonders"), h: write("x"), differs: refusals},
	{name: "a body that ends early", in: request("POST", "/", "Content-Length: 10") + "abc", then: (*caller).FIN, h: read, differs: broken},
	{name: "a chunk that is none", in: request("POST", "/", "Transfer-Encoding: chunked") + "3\r\nabc\r\nx\r\n", h: read, differs: broken},
	{name: "a client that sends and shuts down", in: get("/"), then: (*caller).FIN, h: func(w http.ResponseWriter, r *http.Request, say say) {
		<-r.Context().Done()
		say("%v", r.Context().Err())
		io.WriteString(w, "still")
	}},
	{name: "a panic", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) { io.WriteString(w, "x"); panic("test") }},
	{name: "ErrAbortHandler", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) { panic(http.ErrAbortHandler) }},
	{name: "ErrAbortHandler in the middle of chunks", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		flush("abc")(w, r, say)
		panic(http.ErrAbortHandler)
	}},
	{name: "ErrAbortHandler in the middle of a length", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		w.Header().Set("Content-Length", "10")
		flush("abc")(w, r, say)
		panic(http.ErrAbortHandler)
	}},
	{name: "Hijack", in: get("/") + "early", h: func(w http.ResponseWriter, r *http.Request, say say) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		defer c.Close()
		say("%d early", rw.Reader.Buffered())
		b := make([]byte, 5)
		io.ReadFull(rw, b)
		_, err = w.Write([]byte("x"))
		_, _, again := w.(http.Hijacker).Hijack()
		say("%v %v %v %v", err, errors.Is(again, http.ErrHijacked), r.Context().Err(), c.RemoteAddr().String() == r.RemoteAddr)
		io.WriteString(rw, "HTTP/1.1 200 OK\r\nX-Raw: "+string(b)+"\r\nContent-Length: 0\r\n\r\n")
		rw.Flush()
	}},
	{name: "Hijack, nothing early", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		_, plain := c.(*net.TCPConn)
		say("%d early, %v", rw.Reader.Buffered(), plain)
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		line, err := rw.ReadString('\n') // what the client asks after it
		say("%q %v", line, err)
		c.Close()
	}},
	{name: "Hijack behind a body", in: post("/", "body"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		io.Copy(io.Discard, r.Body)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c.Close()
	}},
	{name: "Hijack of a body", in: post("/", "body"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		b := make([]byte, 4)
		_, err = io.ReadFull(rw, b)
		say("%q %v", b, err)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c.Close()
	}},
	{name: "Hijack of a chunked body", in: chunks("/", "body"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("an error")
			return
		}
		b, _ := rw.ReadString('\n')
		say("%q", b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c.Close()
	}, differs: "Hijack before a chunked body has come to its end is an error: it is being decoded already."},
	{name: "Hijack behind a part of the answer", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		w.Header().Set("Content-Length", "5")
		flush("abc")(w, r, say)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		io.WriteString(c, "de")
		c.Close()
	}},
	{name: "CONNECT, hijacked", in: request("CONNECT", "example.com:443"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		say("%s %q %q %q", r.Method, r.URL.Host, r.URL.Scheme, r.Host)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			say("%v", err)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		c.Close()
	}},
	{name: "CONNECT, answered 200", in: request("CONNECT", "example.com:443"), h: write("x"),
		differs: "A 2xx to CONNECT is for Hijack: without it the answer is 501, as what follows such a head is a tunnel (RFC 9110 9.3.6)."},
	{name: "SetReadDeadline", timed: true, in: request("POST", "/", "Content-Length: 10") + "abc", h: func(w http.ResponseWriter, r *http.Request, say say) {
		say("%v", http.NewResponseController(w).SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		b, err := io.ReadAll(r.Body)
		say("%q %v", b, errors.Is(err, os.ErrDeadlineExceeded))
		w.Header().Set("Connection", "close")
		w.WriteHeader(408)
	}},
	{name: "SetWriteDeadline", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		say("%v", http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second)))
		io.WriteString(w, "abc")
		say("%v", errors.Is(http.NewResponseController(w).Flush(), os.ErrDeadlineExceeded))
	}},
	{name: "SetWriteDeadline, a small answer", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second))
		io.WriteString(w, "abc")
	}},
	{name: "deadlines that do not come", in: post("/", "abc"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		rc := http.NewResponseController(w)
		say("%v %v", rc.SetWriteDeadline(time.Now().Add(time.Hour)), rc.SetReadDeadline(time.Now().Add(time.Hour)))
		read(w, r, say)
		say("%v %v", rc.SetWriteDeadline(time.Time{}), rc.SetReadDeadline(time.Time{}))
	}},
	{name: "full duplex", in: request("POST", "/", "Transfer-Encoding: chunked") + "3\r\none\r\n",
		then: func(c *caller) {
			go func() { // when it has read "one" again: see the handler
				time.Sleep(time.Millisecond)
				io.WriteString(c, "3\r\ntwo\r\n0\r\n\r\n")
			}()
		},
		h: func(w http.ResponseWriter, r *http.Request, say say) {
			rc := http.NewResponseController(w)
			say("%v", rc.EnableFullDuplex())
			b := make([]byte, 3)
			for {
				_, err := io.ReadFull(r.Body, b)
				if err != nil {
					say("%v", err)
					return
				}
				w.Write(b)
				rc.Flush()
			}
		}},
	{name: "reading on without full duplex", in: post("/", "onetwo"),
		h: func(w http.ResponseWriter, r *http.Request, say say) {
			b := make([]byte, 3)
			io.ReadFull(r.Body, b)
			http.NewResponseController(w).Flush()
			_, err := io.ReadFull(r.Body, b)
			say("%q %v", b, err)
		}, differs: "A request's body can be read while the answer is written, without EnableFullDuplex too; net/http reads it up to its end, or gives it up, before it sends the answer's head."},
	{name: "a file", in: get("/"), h: serveFile(0)},
	{name: "a large file", in: get("/"), h: serveFile(1 << 20)},
	{name: "HEAD of a file", in: request("HEAD", "/"), h: serveFile(1 << 20)},
	{name: "a range of a file", in: get("/", "Range: bytes=10-300000"), h: serveFile(1 << 20)},
	{name: "the end of a file", in: get("/", "Range: bytes=-100000"), h: serveFile(1 << 20)},
	{name: "ranges of a file", in: get("/", "Range: bytes=10-19,30-100000"), h: serveFile(1 << 20)},
	{name: "a range that a file does not have", in: get("/", "Range: bytes=2000000-"), h: serveFile(1 << 20)},
	{name: "a file that has not changed", in: get("/", "If-Modified-Since: Fri, 01 Jan 2077 00:00:00 GMT"), h: serveFile(1 << 20)},
	{name: "a large file without a length", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		f := tempFile(1 << 20)
		defer f.Close()
		n, err := io.Copy(w, f)
		at, _ := f.Seek(0, io.SeekCurrent)
		say("%d %v %d", n, err, at)
	}},
	{name: "a part of a large file, between writes", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		f := tempFile(1 << 20)
		defer f.Close()
		f.Seek(1000, io.SeekStart)
		w.Header().Set("Content-Type", "text/x")
		io.WriteString(w, "before")
		n, err := io.CopyN(w, f, 300000)
		at, _ := f.Seek(0, io.SeekCurrent)
		say("%d %v %d", n, err, at)
		io.WriteString(w, long)
	}},
	{name: "more of a file than the length that was said", in: get("/"), h: func(w http.ResponseWriter, r *http.Request, say say) {
		f := tempFile(1 << 20)
		defer f.Close()
		w.Header().Set("Content-Length", "100")
		n, err := io.Copy(w, f)
		say("%d %v", n, err)
	}},
}

const broken = "When a request's body breaks off, is malformed or too large, the server answers (400, 408, 413) and closes, and the handler's Read fails with io.ErrUnexpectedEOF, or os.ErrDeadlineExceeded; under net/http the handler answers."

func sendAfter100(body string) func(c *caller) {
	return func(c *caller) {
		head, err := c.In.Peek(len("HTTP/1.1 100"))
		if err != nil || string(head) != "HTTP/1.1 100" {
			c.T.Errorf("no 100 but %q, %v", head, err)
		}
		c.Send(body)
	}
}

// tempFile returns a file of n bytes that is gone when it is closed.
func tempFile(n int) *os.File {
	f, err := os.CreateTemp("", "lurcher")
	if err == nil {
		os.Remove(f.Name())
		_, err = f.Write(loopback.Pattern(n))
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		panic(err)
	}
	return f
}

func serveFile(n int) func(w http.ResponseWriter, r *http.Request, say say) {
	return func(w http.ResponseWriter, r *http.Request, say say) {
		f := tempFile(n)
		defer f.Close()
		w = fixedBoundary{w}
		http.ServeContent(w, r, "a.bin", time.Unix(1e9, 0), f)
	}
}

// fixedBoundary makes the random boundary of multipart answers comparable.
type fixedBoundary struct{ http.ResponseWriter }

func (w fixedBoundary) ReadFrom(src io.Reader) (int64, error) {
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/") {
		return w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
	}
	all, err := io.ReadAll(src)
	_, boundary, _ := strings.Cut(w.Header().Get("Content-Type"), "boundary=")
	w.ResponseWriter.Write(bytes.ReplaceAll(all, []byte(boundary), bytes.Repeat([]byte("b"), len(boundary))))
	return int64(len(all)), err
}

func (w fixedBoundary) WriteHeader(code int) {
	kind := w.Header().Get("Content-Type")
	if before, _, ok := strings.Cut(kind, "boundary="); ok {
		w.Header().Set("Content-Type", before)
		defer w.Header().Set("Content-Type", kind)
	}
	w.ResponseWriter.WriteHeader(code)
}

// TestFileHandlerReturns: a handler that sends a large file to a client that
// does not read returns at once, and its goroutine can serve the next.
func TestFileHandlerReturns(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(loopback.TempDir(t), "large"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s := start(t, &server.Server{}, Handler(http.FileServer(http.Dir(filepath.Dir(f.Name()))), 1))
	for range 3 {
		c := s.dial()
		c.Send(get("/large"))
		c.In.Peek(1)
		defer c.Close()
	}
	c := s.dial()
	c.Send(get("/none"))
	c.Want("404")
	c.Send(get("/large"))
	resp, err := http.ReadResponse(c.In, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestContext: it is cancelled when the client leaves, and when the server is
// closed.
func TestContext(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(s *rig, c *caller){
		"FIN":   func(s *rig, c *caller) { c.Close() },
		"RST":   func(s *rig, c *caller) { c.Reset() },
		"Close": func(s *rig, c *caller) { s.Close() },
		"Shutdown out of time": func(s *rig, c *caller) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			s.Shutdown(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, ended := make(chan bool), make(chan error, 1)
			s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				began <- true
				<-r.Context().Done()
				ended <- r.Context().Err()
			}), 1))
			c := s.dial()
			c.Send(get("/"))
			wait(t, began)
			leave(s, c)
			if err := wait(t, ended); err != context.Canceled {
				t.Error(err)
			}
		})
	}
}

// TestHijackLarge reads much that came early, and writes much to a client that
// is slow to read: nothing is lost on the way from the loop.
func TestHijackLarge(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	s := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(200)
		for range 20 {
			io.WriteString(w, long)
		}
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		b := make([]byte, len(long))
		if _, err := io.ReadFull(rw, b); err != nil || string(b) != long {
			t.Errorf("early bytes: %v", err)
		}
		io.WriteString(c, "the end")
	}), 1))
	c := s.dial()
	go io.WriteString(c, get("/")+long)
	all, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || !bytes.HasSuffix(all, []byte("the end")) || len(all) < 20*len(long) {
		t.Errorf("%d bytes, %v", len(all), err)
	}
}
