// Package loopback has what the tests of servers and clients share: peers that send
// raw bytes over the loopback interface and compare what comes back, certificates
// for them, a log that is kept, and waiting without sleeping. It imports no package of
// this module but poller, so that tests within conn, server and the others can use it.
package loopback

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A Peer is one end of a connection, in the hands of a test. Most of its methods
// fail the test if they cannot do what their name says.
type Peer struct {
	net.Conn
	In *bufio.Reader // what comes
	T  testing.TB
}

// Dial connects a Peer, which is closed when the test ends.
func Dial(t testing.TB, addr net.Addr) *Peer {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(3 * Patience)) // for all that the test does with it
	t.Cleanup(func() { c.Close() })
	return New(t, c)
}

// New makes a Peer of a connection, whose deadline and end are the caller's business.
func New(t testing.TB, c net.Conn) *Peer { return &Peer{c, bufio.NewReader(c), t} }

// Send sends all of s.
func (p *Peer) Send(s string) {
	p.T.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.T.Fatal(err)
	}
}

// Say is Send for those who do not care whether the connection is still there.
func (p *Peer) Say(s string) { io.WriteString(p, s) }

// FIN ends what the Peer sends.
func (p *Peer) FIN() { p.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// Reset closes the connection with an RST.
func (p *Peer) Reset() {
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
}

// An Answer is a response that was read to its end.
type Answer struct {
	*http.Response
	Text string // its body
}

// String returns the answer in short: the status, and the body of a 200.
func (a Answer) String() string {
	if a.StatusCode != 200 {
		return fmt.Sprint(a.StatusCode)
	}
	return strings.TrimSpace("200 " + a.Text)
}

// Answer reads one answer to a request with that method.
func (p *Peer) Answer(method string) (Answer, error) {
	resp, err := http.ReadResponse(p.In, &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return Answer{resp, string(body)}, err
}

// Want reads one answer to a GET or POST, and compares it in short.
func (p *Peer) Want(short string) Answer {
	p.T.Helper()
	a, err := p.Answer("GET")
	if err != nil {
		p.T.Fatalf("no answer: %v; want %q", err, short)
	}
	if a.String() != short {
		p.T.Fatalf("the answer is %q, want %q; its body is %q", a, short, a.Text)
	}
	return a
}

// WantEnd wants the end of the connection: a FIN, and nothing before.
func (p *Peer) WantEnd() {
	p.T.Helper()
	if rest, err := io.ReadAll(p.In); err != nil || len(rest) > 0 {
		p.T.Fatalf("read %q and %v, want the end", rest, err)
	}
}

// WantGone wants the end of the connection, in whatever way.
func (p *Peer) WantGone() {
	p.T.Helper()
	if _, err := io.Copy(io.Discard, p.In); os.IsTimeout(err) {
		p.T.Fatal("the connection is still there")
	}
}

// All reads answers until the connection ends, and returns them in short.
func (p *Peer) All() string {
	p.T.Helper()
	var list []string
	for {
		if _, err := p.In.Peek(1); err == io.EOF {
			return strings.Join(list, ", ")
		}
		a, err := p.Answer("GET")
		if err != nil {
			p.T.Errorf("after %.200q: %v", list, err)
			return strings.Join(append(list, err.Error()), ", ")
		}
		list = append(list, a.String())
	}
}

// Head reads the head of a message, and returns its lines without the empty one;
// "" at the end of the connection.
func (p *Peer) Head() string {
	var b strings.Builder
	for {
		line, err := p.In.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}
