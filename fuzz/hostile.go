// A hostile client: what is done to servers, apart from malformed bytes.

package fuzz

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"strings"
	"time"
)

// Harass does to the server at addr one of the things that hostile or broken clients do: it stalls
// in the middle, resets the connection in some state, sends without reading, reads a byte now and
// then, lies about a body's length, half-closes, floods. It returns what it did, and an error where a
// well-behaved part of that was not answered as it should have been (see Explain). It takes no
// longer than about patience, after which it leaves whatever the server did; but it waits a minute
// for answers that are due, because the machine may be busy.
func (g *Gen) Harass(network, addr string, patience time.Duration) (what string, err error) {
	a := attacks[g.rand.Intn(len(attacks))]
	conn, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return a.name, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if err := a.do(g, conn, patience); err != nil {
		return a.name, fmt.Errorf("%s: %w", a.name, err)
	}
	return a.name, nil
}

var attacks = []struct {
	name string
	do   func(g *Gen, c net.Conn, patience time.Duration) error
}{
	{"connect and leave", func(*Gen, net.Conn, time.Duration) error { return nil }},
	{"connect and reset", func(_ *Gen, c net.Conn, _ time.Duration) error { return reset(c) }},
	{"say nothing", func(g *Gen, c net.Conn, patience time.Duration) error { return g.stall(c, patience) }},
	{"drip and half-close", drip},
	{"half-close early", halfClose},
	{"stall anywhere", func(g *Gen, c net.Conn, patience time.Duration) error {
		c.Write(g.part())
		return g.stall(c, patience)
	}},
	{"reset anywhere", func(g *Gen, c net.Conn, _ time.Duration) error {
		c.Write(g.part())
		return reset(c)
	}},
	{"reset in the answer", func(g *Gen, c net.Conn, _ time.Duration) error {
		wire, _ := g.Pipeline(1 + g.rand.Intn(20))
		c.Write(wire)
		io.ReadFull(c, make([]byte, 1+g.rand.Intn(200)))
		return reset(c)
	}},
	{"leave without reading", func(g *Gen, c net.Conn, _ time.Duration) error {
		wire, _ := g.Pipeline(1 + g.rand.Intn(20))
		c.Write(wire)
		return nil
	}},
	{"send without reading", func(g *Gen, c net.Conn, patience time.Duration) error {
		wire, _ := g.Pipeline(1)
		flood(c, string(wire), 4<<20)
		return g.stall(c, patience)
	}},
	{"read slowly", readSlowly},
	{"flood", func(g *Gen, c net.Conn, _ time.Duration) error {
		io.WriteString(c, pick(g.rand, "", "GET /", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX:",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"))
		flood(c, pick(g.rand, "\r\n", "a", "\x00", "x: y\r\n", "1;a=b\r\na\r\n", "1\r\na\r\n", " ", "0"), 1<<20)
		return nil
	}},
	{"lie about the length", lie},
	{"speak another protocol", func(g *Gen, c net.Conn, patience time.Duration) error {
		io.WriteString(c, pick(g.rand, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSH-2.0-x\r\n",
			"\x00\x00\x00\x00", some256(g.rand)))
		return g.stall(c, patience)
	}},
}

// part is some requests, mutated or not, and cut off at any place.
func (g *Gen) part() []byte {
	wire, _ := g.Pipeline(1 + g.rand.Intn(3))
	if g.rand.Intn(3) == 0 {
		wire, _ = g.Mutate(wire)
	}
	return wire[:g.rand.Intn(len(wire)+1)]
}

// stall waits for as long as patience allows, or leaves early: how, is for chance to say.
func (g *Gen) stall(c net.Conn, patience time.Duration) error {
	c.SetReadDeadline(time.Now().Add(patience / time.Duration(1+g.rand.Intn(10))))
	c.Read(make([]byte, 1))
	if g.rand.Intn(2) == 0 {
		return reset(c)
	}
	return nil
}

// answered reads until the server closes, and wants what it receives to be explained by wire. A
// reset is right where wire breaks off in a body of HTTP/1.0: an answer that has begun has nothing
// else to show that it is not whole.
func answered(c net.Conn, wire []byte) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	received, err := io.ReadAll(c)
	if err != nil && !(closedByPeer(err) && cutsOldBody(wire)) {
		return err
	}
	return Explain(wire, received, nil)
}

// cutsOldBody reports whether wire ends within the body of a request of HTTP/1.0.
func cutsOldBody(wire []byte) bool {
	for len(wire) > 0 {
		m, n, err := ReadRequest(wire)
		if err != nil {
			return errors.Is(err, io.ErrUnexpectedEOF) && m.Head > 0 && m.Minor == 0
		}
		wire = wire[n:]
	}
	return false
}

// reset closes with an RST.
func reset(c net.Conn) error {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	return nil
}

// drip sends a pipeline in pieces, with the sending side shut down after it, and wants its answers.
func drip(g *Gen, c net.Conn, patience time.Duration) error {
	wire, _ := g.Pipeline(1 + g.rand.Intn(5))
	go func() {
		pieces := g.Split(wire)
		pause := patience / 20 / time.Duration(len(pieces))
		for _, p := range pieces {
			if _, err := c.Write(p); err != nil {
				return
			}
			time.Sleep(pause)
		}
		if w, ok := c.(interface{ CloseWrite() error }); ok {
			w.CloseWrite()
		}
	}()
	return answered(c, wire)
}

// halfClose shuts down the sending side at any place, and reads on.
func halfClose(g *Gen, c net.Conn, _ time.Duration) error {
	wire, _ := g.Pipeline(1 + g.rand.Intn(3))
	wire = wire[:g.rand.Intn(len(wire)+1)]
	if err := send(c, [][]byte{wire}); err != nil {
		return nil // the server may have refused already
	}
	return answered(c, wire)
}

// readSlowly asks for much, and takes it a few bytes at a time, for a while.
func readSlowly(g *Gen, c net.Conn, patience time.Duration) error {
	wire, _ := g.Pipeline(50)
	go c.Write(wire)
	for range 20 {
		if _, err := io.ReadFull(c, make([]byte, 1+g.rand.Intn(8))); err != nil {
			return nil
		}
		time.Sleep(patience / 200)
	}
	return g.stall(c, patience)
}

// lie says that a body is longer than it is, and ends the connection; or shorter, so that the rest of
// it poses as the next request.
func lie(g *Gen, c net.Conn, patience time.Duration) error {
	rest := pick(g.rand, "", "a", "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n")
	wire := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", g.rand.Intn(100), rest)
	if g.rand.Intn(3) == 0 {
		wire = fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", 1+g.rand.Intn(1<<30), rest)
	}
	if g.rand.Intn(3) == 0 {
		io.WriteString(c, wire)
		return g.stall(c, patience)
	}
	if send(c, [][]byte{[]byte(wire)}) != nil {
		return nil
	}
	return answered(c, []byte(wire))
}

// flood writes s again and again, until most bytes were taken or none are.
func flood(c net.Conn, s string, most int) {
	s = strings.Repeat(s, 1+4096/len(s))
	for n := 0; n < most; n += len(s) {
		if _, err := io.WriteString(c, s); err != nil {
			return
		}
	}
}

func some256(r *rand.Rand) string {
	b := make([]byte, 1+r.Intn(256))
	r.Read(b)
	return string(b)
}
