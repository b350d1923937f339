// What a client hears of a server that does not read all, and what it is told of
// what was not sent.

package conn_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestEarlyWord has a peer say something, and close without reading: its RST comes
// after what it said, which has to be heard all the same.
func TestEarlyWord(t *testing.T) {
	eachPlain(t, func(r *rig) {
		const word = "413 too large"
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				io.ReadFull(c, make([]byte, 100))
				io.WriteString(c, word)
				c.Close() // unread input makes it a reset
			}
		}()
		rounds := 50
		if testing.Short() {
			rounds = 10
		}
		for range rounds {
			heard := make(chan string, 1)
			r.do(func() {
				var got bytes.Buffer
				var more func(c *conn.Conn)
				more = func(c *conn.Conn) {
					for !c.Full() {
						if _, err := c.Write(make([]byte, 10_000)); err != nil {
							return
						}
					}
					c.OnDrain(func() { more(c) })
				}
				_, err := r.loop.Dial("tcp", ln.Addr().String(), &conn.Handler{
					Open: more,
					Data: func(_ *conn.Conn, p []byte) int { got.Write(p); return len(p) },
					Close: func(c *conn.Conn, err error) {
						if err == nil || err == io.EOF {
							got.WriteString(" and no error")
						}
						heard <- got.String()
					},
				})
				if err != nil {
					r.Error(err)
				}
			})
			if s := get(r, heard); s != word {
				r.Fatalf("heard %q", s)
			}
		}
	})
}

// TestUnsent is what Close is told of output that the kernel never took.
func TestUnsent(t *testing.T) {
	eachPlain(t, func(r *rig) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		peers := make(chan net.Conn, 1)
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				peers <- c
			}
		}()
		var c *conn.Conn
		unsent, open := make(chan int, 1), make(chan bool, 1)
		dial := func() net.Conn {
			r.do(func() {
				c, err = r.loop.Dial("tcp", ln.Addr().String(), &conn.Handler{
					Open:  func(*conn.Conn) { open <- true },
					Close: func(c *conn.Conn, err error) { unsent <- c.Unsent() },
				})
			})
			if err != nil {
				r.Fatal(err)
			}
			get(r, open)
			return get(r, peers)
		}
		peer := dial()
		r.do(func() {
			if !c.Quiet() {
				r.Error("not quiet when the peer has said nothing")
			}
			peer.(*net.TCPConn).SetLinger(0)
			peer.Close()
			for c.Quiet() { // loopback delivers the reset at once, or nearly
			}
			c.WriteString(strings.Repeat("x", 100))
		})
		if n := get(r, unsent); n != 100 {
			r.Errorf("to a peer that was gone %d of 100 bytes are said to be unsent", n)
		}
		peer = dial()
		r.do(func() { c.WriteString(strings.Repeat("x", 100)) })
		io.ReadFull(peer, make([]byte, 100))
		peer.Close()
		if n := get(r, unsent); n != 0 {
			r.Errorf("to a peer that read them all %d bytes are said to be unsent", n)
		}
	})
}
