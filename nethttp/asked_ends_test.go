// The tables of how requests end, and of connections.

package nethttp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bidi is a CONNECT whose body goes after the answer.
func bidi(c *http.Client, url string, say say) {
	pr, pw := io.Pipe()
	defer pw.Close()
	req, _ := http.NewRequest("CONNECT", url, pr)
	req.URL.Opaque = "backend:443"
	resp, err := c.Do(req)
	if err != nil {
		say("%v", err)
		return
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for _, s := range []string{"foo\n", "bar\n"} {
		io.WriteString(pw, s)
		line, err := in.ReadString('\n')
		say("%s %q %v", resp.Status, line, err)
	}
}

// blocked is a body whose Read blocks until Close.
type blocked struct {
	closed chan bool
	once   sync.Once
}

func (b *blocked) Read([]byte) (int, error) { <-b.closed; return 0, io.ErrClosedPipe }
func (b *blocked) Close() error             { b.once.Do(func() { close(b.closed) }); return nil }

// haveRead says that the program has read what there was of a body.
var haveRead = make(chan bool, 1)

// silent reads a head and says nothing.
func silent(c net.Conn, in lineReader) { in.head(); in.ReadByte() }

var askedEnds = []asked{
	{name: "cancelled before", h: echo, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled while it waits", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled with a cause", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("why")
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
		_, err := c.Transport.RoundTrip(req)
		say("%v", err == why)
	}},
	{name: "a deadline", raw: silent, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		_, err := c.Do(req)
		var n net.Error
		say("%s %v", kind(err), errors.As(err, &n) && n.Timeout())
	}},
	{name: "Client.Timeout", raw: silent, do: func(c *http.Client, url string, say say) {
		c.Timeout = 20 * time.Millisecond
		_, err := c.Get(url)
		say("%v", err.(net.Error).Timeout())
		say("%v", strings.Contains(err.Error(), "Client.Timeout"))
	}},
	{name: "TLSHandshakeTimeout", set: settings{TLSHandshakeTimeout: 50 * time.Millisecond}, raw: silent, do: func(c *http.Client, url string, say say) {
		_, err := c.Get(strings.Replace(url, "http:", "https:", 1))
		say("%v %v", err.(net.Error).Timeout(), err)
	}},
	{name: "a reset in the body", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		<-haveRead
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}, do: func(c *http.Client, url string, say say) {
		resp, err := c.Get(url)
		if err != nil {
			say("%v", err)
			return
		}
		defer resp.Body.Close()
		b := make([]byte, 2)
		_, err = io.ReadFull(resp.Body, b)
		say("%s %v", b, err)
		haveRead <- true
		_, err = resp.Body.Read(b)
		var op *net.OpError
		var errno syscall.Errno
		const wsaReset = 10054 // as package net has it on Windows, where lurcher has the error of other systems
		reset := errors.As(err, &errno) && (errno == syscall.ECONNRESET || errno == wsaReset)
		say("%v %v", reset, errors.As(err, &op) && op.Op == "read")
	}},
	{name: "Client.Timeout in the body", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		c.Timeout = 2 * time.Second // the head has to come within it
		resp, err := c.Get(url)
		if err != nil {
			say("%v", err)
			return
		}
		_, err = io.ReadAll(resp.Body)
		say("%v", err.(net.Error).Timeout())
	}},
	{name: "Request.Cancel", raw: silent, do: func(c *http.Client, url string, say say) {
		req, _ := http.NewRequest("GET", url, nil)
		ch := make(chan struct{})
		req.Cancel = ch //lint:ignore SA1019 http.Client sets it
		// Before it is written net/http has other words.
		sent := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(ch) }}
		_, err := c.Transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(context.Background(), sent)))
		say("%v", err)
	}},
	{name: "cancelled in the body", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := c.Do(req)
		if err != nil {
			say("%v", err)
			return
		}
		b := make([]byte, 2)
		n, err := io.ReadFull(resp.Body, b)
		say("%d %v", n, err)
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err = resp.Body.Read(b)
		say("%v", err == context.Canceled)
	}},
	{name: "cancelled behind the body", h: echo, do: func(c *http.Client, url string, say say) {
		for range 2 {
			ctx, cancel := context.WithCancel(context.Background())
			req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
			resp, err := c.Do(req)
			show(say, resp, err)
			cancel()
		}
	}},
	{name: "cancelled in an upload that nobody takes", raw: func(c net.Conn, in lineReader) { in.head(); time.Sleep(patience) }, do: func(c *http.Client, url string, say say) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", url, endless{})
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := c.Do(req)
		say("%s", kind(err))
	}},
	{name: "an answer while Read blocks", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		body := &blocked{closed: make(chan bool)}
		defer body.Close()
		resp, err := c.Post(url, "text/plain", body)
		show(say, resp, err)
	}},
	{name: "an early answer to a long upload", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		io.Copy(io.Discard, in)
	}, do: func(c *http.Client, url string, say say) {
		resp, err := c.Post(url, "text/plain", endless{})
		show(say, resp, err)
	}},
	{name: "an answer that goes on while the request does", h: func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		b := make([]byte, 3)
		for {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			w.Write(b)
			w.(http.Flusher).Flush()
		}
	}, do: func(c *http.Client, url string, say say) {
		for range 2 {
			pr, pw := io.Pipe()
			go io.WriteString(pw, "one")
			resp, err := c.Post(url, "text/plain", pr)
			if err != nil {
				say("%v", err)
				return
			}
			b := make([]byte, 3)
			for _, next := range []string{"two", "six", ""} {
				_, err := io.ReadFull(resp.Body, b)
				say("%q %v", b, err)
				if next == "" {
					pw.Close()
				} else {
					io.WriteString(pw, next)
				}
			}
			_, err = resp.Body.Read(b)
			say("%v", err)
		}
	}},
	{name: "ResponseHeaderTimeout", set: settings{ResponseHeaderTimeout: 50 * time.Millisecond}, raw: silent, do: func(c *http.Client, url string, say say) {
		_, err := c.Get(url)
		say("%v %v", err.(net.Error).Timeout(), errors.Is(err, context.DeadlineExceeded))
		say("%v", err)
	}},
	{name: "ResponseHeaderTimeout counts from the request's end", set: settings{ResponseHeaderTimeout: time.Second}, h: echo, do: func(c *http.Client, url string, say say) {
		pr, pw := io.Pipe()
		go func() {
			for range 4 {
				time.Sleep(300 * time.Millisecond)
				io.WriteString(pw, "x")
			}
			pw.Close()
		}()
		resp, err := c.Post(url, "text/plain", pr)
		show(say, resp, err)
	}},
	{name: "100-continue", set: settings{ExpectContinueTimeout: patience}, h: echo, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue of a stream", set: settings{ExpectContinueTimeout: patience}, h: echo, do: askFor("POST", stream(long), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue that does not come", set: settings{ExpectContinueTimeout: 20 * time.Millisecond}, raw: func(c net.Conn, in lineReader) {
		in.head()
		b := make([]byte, 5)
		io.ReadFull(in, b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+string(b))
	}, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue without a timeout", raw: func(c net.Conn, in lineReader) {
		in.head()
		b := make([]byte, 5)
		io.ReadFull(in, b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+string(b))
	}, do: askFor("POST", text("hello"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") })},
	{name: "100-continue that is refused", set: settings{ExpectContinueTimeout: patience}, raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n\r\nno")
	}, do: func(c *http.Client, url string, say say) {
		var read atomic.Int64
		req, _ := http.NewRequest("POST", url, struct{ io.Reader }{&counting{strings.NewReader("hello"), &read}})
		req.Header.Set("Expect", "100-continue")
		resp, err := c.Do(req)
		show(say, resp, err)
		say("%d bytes read", read.Load())
	}},
	{name: "closed before the end", raw: func(c net.Conn, in lineReader) {
		in.head()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		in.ReadByte()
	}, do: func(c *http.Client, url string, say say) {
		for range 2 {
			resp, err := c.Get(url)
			if err != nil {
				say("%v", err)
				return
			}
			say("%v", resp.Body.Close())
			_, err = resp.Body.Read(make([]byte, 1))
			say("%v", err)
			say("%v", resp.Body.Close())
		}
	}},
	{name: "Read of nothing", h: echo, do: func(c *http.Client, url string, say say) {
		resp, err := c.Get(url)
		if err != nil {
			say("%v", err)
			return
		}
		defer resp.Body.Close()
		for range 2 {
			n, err := resp.Body.Read(nil)
			say("%d %v", n, err)
			b, err := io.ReadAll(resp.Body)
			say("%v %v", len(b) > 0, err)
		}
	}},
	{name: "nobody listens", h: echo, do: func(c *http.Client, url string, say say) {
		_, err := c.Get("http://127.0.0.1:1/")
		op, ok := err.(net.Error).(interface{ Unwrap() error }).Unwrap().(*net.OpError)
		say("%s %v", kind(err), ok && op.Op == "dial")
	}},
	{name: "a name that nobody has", h: echo, do: func(c *http.Client, url string, say say) {
		_, err := c.Get("http://nobody.invalid/")
		var dns *net.DNSError
		say("%v", errors.As(err, &dns))
	}},
	{name: "a connection that is reset", raw: func(c net.Conn, in lineReader) {
		in.head()
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}, do: askFor("GET", nil, nil)},
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
