// Much in both directions at once, and what the gateway holds of it.

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
)

// TestEcho passes much both ways at once: the answer comes of the request.
func TestEcho(t *testing.T) {
	size := 20 << 20
	if testing.Short() {
		size = 4 << 20
	}
	up := upstreamOf(t, func(p *peer) {
		p.head()
		p.say(fmt.Sprintf("HTTP/1.1 200 OK|Content-Length: %d||", size))
		io.CopyN(p.Conn, p.in, int64(size)) // an echo, no faster than its reader
	})
	k := dial(t, start(t, new(gateway), new(client.Client), up))
	k.say(fmt.Sprintf("POST / HTTP/1.1|Host: x|Content-Length: %d||", size))
	go io.CopyN(k.Conn, &counting{}, int64(size))
	if got := k.head(); !strings.HasPrefix(got, "HTTP/1.1 200 OK|") {
		t.Fatal(got)
	}
	want := &counting{}
	a, b := make([]byte, 16<<10), make([]byte, 16<<10)
	for n := 0; n < size; n += len(a) {
		if _, err := io.ReadFull(k.in, a); err != nil {
			t.Fatal(n, err)
		}
		io.ReadFull(want, b)
		if !bytes.Equal(a, b) {
			t.Fatal("another answer at", n)
		}
	}
}

// TestFlat passes much both ways between peers that read slowly, and looks at what the
// gateway holds meanwhile. With LURCHER_SHOW=1 it is 100 MB.
func TestFlat(t *testing.T) {
	const most = 1 << 20 // bytes that the two connections may hold
	size := int64(8 << 20)
	if os.Getenv("LURCHER_SHOW") == "1" {
		size = 100 << 20
	}
	for _, framing := range []struct{ name, length, chunked string }{
		{"sized", fmt.Sprintf("Content-Length: %d||", size), ""},
		{"chunked", "Transfer-Encoding: chunked||", fmt.Sprintf("%x|", size)},
	} {
		t.Run(framing.name, func(t *testing.T) {
			done, asked, answered, now := make(chan error, 2), make(chan bool), make(chan bool), make(chan bool)
			close(now)
			up := upstreamOf(t, func(p *peer) {
				p.Conn.(*net.TCPConn).SetReadBuffer(256 << 10)
				p.in.Peek(1) // no answer before the request
				p.say("HTTP/1.1 200 OK|" + framing.length + framing.chunked)
				done <- slowly(p, size, framing.chunked != "", asked, asked) // when the answer ends, so does the upload
			})
			addr, srv := serve(t, new(gateway), new(client.Client), up)
			k := dial(t, addr)
			k.Conn.(*net.TCPConn).SetReadBuffer(256 << 10)
			k.say("POST / HTTP/1.1|Host: x|" + framing.length + framing.chunked)
			go func() { done <- slowly(k, size, framing.chunked != "", answered, now) }()
			var held int64
			for left := 2; left > 0; {
				select {
				case err := <-done:
					if left--; err != nil {
						t.Error(err)
					}
				case <-time.After(time.Millisecond):
					held = max(held, srv.Stats().Held)
				}
			}
			if held > most {
				t.Errorf("the gateway held %d bytes", held)
			}
			t.Logf("%d MB each way: at most %d KB held", size>>20, held>>10)
		})
	}
}

// slowly reads a body of size bytes from p, and then closes whole. Meanwhile it writes one,
// but for the last byte, which waits for last.
func slowly(p *peer, size int64, chunked bool, whole chan<- bool, last <-chan bool) error {
	sent := make(chan error, 1)
	go func() {
		pattern := new(counting)
		_, err := io.CopyN(p.Conn, pattern, size-1)
		<-last
		io.CopyN(p.Conn, pattern, 1)
		if chunked {
			p.say("|0||")
		}
		sent <- err
	}()
	p.head()
	body := io.Reader(p.in)
	if chunked {
		body = httputil.NewChunkedReader(p.in)
	}
	want, a, b := new(counting), make([]byte, 64<<10), make([]byte, 64<<10)
	for n := int64(0); n < size; n += int64(len(a)) {
		if _, err := io.ReadFull(body, a); err != nil {
			return fmt.Errorf("after %d bytes: %w", n, err)
		}
		if want.Read(b); !bytes.Equal(a, b) {
			return fmt.Errorf("other bytes after %d", n)
		}
		time.Sleep(time.Millisecond) // that is how slow
	}
	close(whole)
	return <-sent
}

// counting is a pattern without an end.
type counting struct{ n uint32 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n >> (c.n % 24))
		c.n++
	}
	return len(p), nil
}
