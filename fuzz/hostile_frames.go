// A hostile WebSocket client.

package fuzz

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"time"
)

// HarassFrames opens a WebSocket connection to a server that echoes messages, and
// does one of the things that hostile or broken clients do: it stalls, resets,
// floods, sends without reading, or frames of which some are wrong. It returns what
// it did, and an error where an answer was not that which RFC 6455 asks for.
func (g *Gen) HarassFrames(network, addr, path string, patience time.Duration) (what string, err error) {
	a := frameAttacks[g.rand.Intn(len(frameAttacks))]
	c, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return a.name, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, addr)
	in := bufio.NewReader(c)
	if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != 101 {
		return a.name, fmt.Errorf("%s: no handshake: %v, %v", a.name, r, err)
	}
	if err := a.do(g, c, in, patience); err != nil {
		return a.name, fmt.Errorf("%s: %w", a.name, err)
	}
	return a.name, nil
}

var frameAttacks = []struct {
	name string
	do   func(g *Gen, c net.Conn, in io.Reader, patience time.Duration) error
}{
	{"frames, right and wrong", converse},
	{"frames that drip", func(g *Gen, c net.Conn, in io.Reader, patience time.Duration) error {
		return converse(g, slowConn{c, g}, in, patience)
	}},
	{"reset anywhere", func(g *Gen, c net.Conn, _ io.Reader, _ time.Duration) error {
		wire, _ := g.Frames(5)
		c.Write(wire[:g.rand.Intn(len(wire)+1)])
		return reset(c)
	}},
	{"stall anywhere", func(g *Gen, c net.Conn, _ io.Reader, patience time.Duration) error {
		wire, _ := g.Frames(5)
		c.Write(wire[:g.rand.Intn(len(wire)+1)])
		return g.stall(c, patience)
	}},
	{"send without reading", func(g *Gen, c net.Conn, _ io.Reader, patience time.Duration) error {
		flood(c, string(g.appendFrame(nil, pick(g.rand, "\x81", "\x89")[0], "not read", 0)), 2<<20)
		return g.stall(c, patience)
	}},
	{"fragments without end", func(g *Gen, c net.Conn, _ io.Reader, _ time.Duration) error {
		c.Write(g.appendFrame(nil, 0x01, "", 0))
		flood(c, string(g.appendFrame(nil, 0x00, pick(g.rand, "", "x", "ü"), 0)), 1<<20)
		return nil
	}},
	{"lie about the length", func(g *Gen, c net.Conn, _ io.Reader, patience time.Duration) error {
		io.WriteString(c, pick(g.rand, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", "\x82\xfe\xff\xff", "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00")+"mask and data")
		return g.stall(c, patience)
	}},
	{"close, and go on", func(g *Gen, c net.Conn, in io.Reader, _ time.Duration) error {
		c.Write(g.appendFrame(nil, 0x88, "\x03\xe8", 0))
		wire, _ := g.Frames(20)
		c.Write(wire)
		io.Copy(io.Discard, in)
		return nil
	}},
}

// slowConn writes in pieces.
type slowConn struct {
	net.Conn
	g *Gen
}

func (c slowConn) Write(p []byte) (n int, err error) {
	for _, piece := range c.g.Split(p) {
		k, err := c.Conn.Write(piece)
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// converse sends frames, and a close frame after them, and wants what an echo has
// to answer to them by the reference reader.
func converse(g *Gen, c net.Conn, in io.Reader, _ time.Duration) error {
	wire, what := g.Frames(1 + g.rand.Intn(8))
	wire = g.appendFrame(wire, 0x88, "\x03\xe8", 0)
	c.SetDeadline(time.Now().Add(time.Minute)) // as in answered
	go c.Write(wire)
	received, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("%w after %d bytes, of %x (%s)", err, len(received), wire, what)
	}
	if err := explainFrames(wire, received); err != nil {
		return fmt.Errorf("%w: %x (%s)", err, wire, what)
	}
	return nil
}

// explainFrames compares what an echo answered with what it should have.
func explainFrames(wire, received []byte) error {
	events, broken := FrameReader{}.Read(wire)
	got, wrong := FrameReader{FromServer: true}.Read(received)
	if wrong != "" {
		return fmt.Errorf("the answer breaks %s: %x", wrong, received)
	}
	var want []FrameEvent
	closed := false
	for _, e := range events {
		switch e.Op {
		case 1, 2:
			want = append(want, e)
		case 9:
			want = append(want, FrameEvent{Op: 10, Payload: e.Payload})
		case 8:
			want = append(want, FrameEvent{Op: 8, Payload: e.Payload[:min(2, len(e.Payload))]})
			closed = true
		}
		if closed {
			break
		}
	}
	if !closed && broken != "" {
		code := "\x03\xea" // 1002
		if broken == "8.1" {
			code = "\x03\xef" // 1007
		}
		want = append(want, FrameEvent{Op: 8, Payload: code})
	}
	for i, e := range got {
		if e.Op == 8 {
			got[i].Payload = e.Payload[:min(2, len(e.Payload))]
			if broken == "5.5.1" && i == len(want)-1 && !closed {
				got[i].Payload = want[i].Payload // 1002 for its length, 1007 for its text
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the answer is %v, want %v", got, want)
	}
	return nil
}
