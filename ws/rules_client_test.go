// The rules of rules_test.go as a client keeps them: the same frames, without masks, come
// from a server that keeps to none, and what the client sends has to be masked.

package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// unmasked returns a client's frame, or the beginning of one, as a server sends it.
func unmasked(frame []byte) []byte {
	if len(frame) < 2 || frame[1]&maskBit == 0 {
		return frame
	}
	b := slices.Clone(frame)
	b[1] &^= maskBit
	at := 2
	switch b[1] {
	case 126:
		at = 4
	case 127:
		at = 10
	}
	if len(b) < at+4 {
		return b
	}
	Mask(b[at+4:], binary.LittleEndian.Uint32(b[at:]))
	return slices.Delete(b, at, at+4)
}

// A puppet is a server for one connection, which sends what it is given.
type puppet struct {
	*peer
	ln net.Listener
}

func newPuppet(t testing.TB) *puppet {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &puppet{ln: ln, peer: &peer{&loopback.Peer{T: t}}}
}

func (p *puppet) url() string { return "ws://" + p.ln.Addr().String() + "/" }

// serve accepts the connection, and answers the handshake with these lines more.
func (p *puppet) serve(lines string) error {
	c, err := p.ln.Accept()
	if err != nil {
		return err
	}
	p.T.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	p.Conn, p.In = c, bufio.NewReader(c)
	q, err := http.ReadRequest(p.In)
	if err != nil {
		return err
	}
	answer := strings.NewReplacer("{accept}", acceptFor(q), "\n", "\r\n").Replace(switched + lines + "\n")
	_, err = c.Write([]byte(answer))
	return err
}

// heard returns the frames of the client up to its close frame, and then ends the
// connection, which a client leaves to the server (RFC 6455 7.1.1).
func (p *puppet) heard() string {
	var list []string
	for {
		f, err := p.read()
		if err != nil {
			return strings.Join(append(list, err.Error()), ", ")
		}
		if list = append(list, f.String()); !f.masked {
			list = append(list, "without a mask")
		}
		if Op(f.head&0x0f) == Close {
			break
		}
	}
	p.FIN()
	if f, err := p.read(); err == nil {
		list = append(list, "behind the close: "+f.String())
	}
	return strings.Join(list, ", ")
}

func TestRulesOfClient(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, c := range rules {
		if strings.HasPrefix(c.rule, "5.1") {
			continue // the one rule that differs
		}
		in, want, lines := []byte(nil), c.want, ""
		for _, f := range c.in {
			in = append(in, unmasked(f)...)
		}
		if !strings.Contains(want, "close") {
			in = append(in, unmasked(bye(1000, ""))...)
			want += ", close 1000"
		}
		var deflate *Deflate
		if c.deflate != "" {
			deflate = &Deflate{}
			lines = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover" +
				strings.Replace(strings.TrimPrefix(c.deflate, "permessage-deflate"), "server_max", "client_max", 1) + "\n"
		}
		for _, piece := range []int{len(in), 1} {
			t.Run(c.rule, func(t *testing.T) {
				t.Parallel()
				if piece == 1 && len(in) > 2000 {
					t.Skip("too long to send a byte at a time")
				}
				p := newPuppet(t)
				got := make(chan string, 1)
				go func() {
					if err := p.serve(lines); err != nil {
						got <- err.Error()
						return
					}
					go func() {
						for b := range slices.Chunk(in, piece) {
							if _, err := p.Write(b); err != nil {
								return // the client has ended the connection
							}
						}
					}()
					got <- p.heard()
				}()
				h, ends := closing(echo())
				h.Deflate = deflate
				var d Dialer
				if r := d.on(t, l, p.url(), h); r.err != nil {
					t.Fatal(r.err)
				}
				if got := wait(t, got); got != want {
					t.Errorf("%s\nwant %s", got, want)
				}
				if e := wait(t, ends); e.Code != NoCode && !strings.HasSuffix(want, fmt.Sprintf("close %d", e.Code)) {
					t.Errorf("it ended in %v", e)
				}
			})
		}
	}
}

// How a server may end a connection, and what the client makes of it.
func TestEndsOfClient(t *testing.T) {
	t.Parallel()
	l := runLoop(t)
	for _, c := range []struct {
		name   string
		do     func(p *puppet) // what the server does after the handshake
		code   Code
		reason string
		err    error
	}{
		{"FIN", func(p *puppet) { p.FIN() }, Abnormal, "", io.EOF},
		{"FIN within a head", func(p *puppet) { p.send([]byte("\x81")); p.FIN() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"FIN within a frame", func(p *puppet) { p.send([]byte("\x81\x05he")); p.FIN() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"FIN within a message", func(p *puppet) { p.send([]byte("\x01\x02he")); p.FIN() }, Abnormal, "", io.ErrUnexpectedEOF},
		{"RST", func(p *puppet) { p.Reset() }, Abnormal, "", syscall.ECONNRESET},
		{"RST within a frame", func(p *puppet) { p.send([]byte("\x81\x7e")); p.Reset() }, Abnormal, "", syscall.ECONNRESET},
		{"close, and FIN at once", func(p *puppet) { p.send([]byte("\x88\x05\x03\xe9bye")); p.FIN() }, GoingAway, "bye", nil},
		{"close, and RST at once", func(p *puppet) { p.send([]byte("\x88\x02\x03\xe9")); p.want("close 1001"); p.Reset() }, GoingAway, "", nil},
		{"close, and no FIN", func(p *puppet) { p.send([]byte("\x88\x02\x03\xe9")); p.want("close 1001"); p.read() }, GoingAway, "", nil},
		{"close of no code", func(p *puppet) { p.send([]byte("\x88\x00")); p.want(`close ""`); p.FIN() }, NoCode, "", nil},
		{"two closes", func(p *puppet) { p.send([]byte("\x88\x02\x03\xe8\x88\x02\x03\xe9")); p.want("close 1000"); p.FIN() }, NormalClosure, "", nil},
		{"a close that is never answered", func(p *puppet) { p.send([]byte("\x81\x05close")); p.want("close 4001"); p.read() }, Abnormal, "", os.ErrDeadlineExceeded},
		{"a close that FIN answers", func(p *puppet) { p.send([]byte("\x81\x05close")); p.want("close 4001"); p.FIN() }, Abnormal, "", io.EOF},
		{"messages after the client's close", func(p *puppet) {
			p.send([]byte("\x81\x05close"))
			p.want("close 4001")
			p.send([]byte("\x81\x04lost\x89\x00\x01\x04lost\x88\x03\x0f\xa1x"))
			p.FIN()
		}, 4001, "x", nil},
		{"pings without end", func(p *puppet) {
			go p.Write(bytes.Repeat([]byte("\x89\x01p"), 20_000))
			for range 20_000 {
				p.want(`pong "p"`)
			}
			p.FIN()
		}, Abnormal, "", io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, ends := closing(&Handler{CloseTimeout: patience})
			if c.err == os.ErrDeadlineExceeded || strings.HasSuffix(c.name, "no FIN") {
				h.CloseTimeout = 50 * time.Millisecond
			}
			h.Message = func(c *Conn, op Op, m []byte) {
				if string(m) != "close" {
					t.Errorf("message %q", m)
				}
				c.Close(4001, "")
			}
			p := newPuppet(t)
			done := make(chan error, 1)
			go func() {
				err := p.serve("")
				if err == nil {
					c.do(p)
				}
				done <- err
			}()
			var d Dialer
			if r := d.on(t, l, p.url(), h); r.err != nil {
				t.Fatal(r.err)
			}
			e := wait(t, ends)
			if err := wait(t, done); err != nil {
				t.Fatal(err)
			}
			if e.Code != c.code || c.reason != "" && e.Reason != c.reason || !errors.Is(e.Err, c.err) {
				t.Errorf("it ended in %v, want %v, %v", e, c.code, c.err)
			}
		})
	}
}

// A client that has written more than the server has read goes on reading: messages come
// in the meantime, compressed ones too, and no limit on held input ends the connection.
func TestClientReadsOnWhileItsOutputWaits(t *testing.T) {
	t.Parallel()
	const sent, come = 8 << 20, 100
	for _, compressed := range []bool{false, true} {
		t.Run(fmt.Sprintf("compressed %v", compressed), func(t *testing.T) {
			t.Parallel()
			h, ends := closing(&Handler{Max: 2 * sent, Stall: -1})
			message, lines := unmasked(bin(k64)), ""
			if compressed {
				h.Deflate = &Deflate{Least: 2 * sent}
				message = unmasked(zip(Binary, squeeze(k64)))
				lines = "Sec-WebSocket-Extensions: " + deflateName + "; " + serverNoContext + "\n"
			}
			n := 0
			h.Open = func(c *Conn) { c.Write(Binary, make([]byte, sent)) }
			h.Message = func(c *Conn, op Op, m []byte) { n++ }
			p := newPuppet(t)
			done := make(chan error, 1)
			go func() {
				err := p.serve(lines)
				for i := 0; i < come && err == nil; i++ { // before anything is read
					_, err = p.Write(message)
				}
				if err == nil {
					_, err = p.Write([]byte("\x88\x02\x03\xe8"))
				}
				if f, e := p.read(); err == nil && (e != nil || len(f.data) != sent) {
					err = fmt.Errorf("%d bytes came: %v", len(f.data), e)
				}
				p.FIN()
				done <- err
			}()
			var d Dialer
			if r := d.on(t, runLoop(t), p.url(), h); r.err != nil {
				t.Fatal(r.err)
			}
			if err := wait(t, done); err != nil {
				t.Error(err)
			}
			if e := wait(t, ends); e.Code != NormalClosure || n != come {
				t.Errorf("%d messages, and then %v", n, e)
			}
		})
	}
}
