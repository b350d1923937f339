// What the tests share: a server on a port of its own, and peers that write raw
// frames and read them by code of their own.

package ws

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// What package loopback has, in short.
const patience = loopback.Patience

var until = loopback.Until

func wait[T any](t testing.TB, ch <-chan T) T { t.Helper(); return loopback.Wait(t, ch) }

// A rig is a server that runs until the test ends: every request is upgraded.
type rig struct {
	*server.Server
	t    testing.TB
	addr net.Addr
	logs *loopback.Log
}

func start(t testing.TB, h *Handler) *rig {
	t.Helper()
	unhurried(h)
	return startWith(t, &server.Server{Loops: 1}, func(w server.Response, r server.Request) { Upgrade(w, r, h) })
}

// unhurried has h send no pings, and wait for a close frame as long as tests wait for anything, unless the
// test sets the times: where the machine is busy peers are too late for those that h has by itself.
func unhurried(h *Handler) {
	if h.PingAfter == 0 {
		h.PingAfter = -1
	}
	if h.CloseTimeout == 0 {
		h.CloseTimeout = patience
	}
}

func startWith(t testing.TB, s *server.Server, h server.Handler) *rig {
	t.Helper()
	r := &rig{Server: s, t: t, logs: &loopback.Log{Aside: mistake}}
	s.Handler = h
	s.SlowCallback = -1
	s.Log = slog.New(r.logs)
	var err error
	if r.addr, err = s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		r.logs.WantEmpty(t)
	})
	return r
}

// mistake reports whether a message is of a mistake that tests make on purpose.
func mistake(message string) bool { return strings.Contains(message, "a mistake of the program") }

// A peer is a client that this package has no part in.
type peer struct{ *loopback.Peer }

// request returns a handshake, with further lines.
func request(lines ...string) string {
	return "GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

func (r *rig) raw() *peer {
	r.t.Helper()
	return &peer{loopback.Dial(r.t, r.addr)}
}

// dial opens a WebSocket connection.
func (r *rig) dial(lines ...string) *peer {
	r.t.Helper()
	p := r.raw()
	p.send([]byte(request(lines...)))
	if a := p.answer(); a.StatusCode != 101 {
		r.t.Fatalf("status %s", a.Status)
	}
	return p
}

func (p *peer) send(b []byte) {
	p.T.Helper()
	if _, err := p.Write(b); err != nil {
		p.T.Fatal(err)
	}
}

func (p *peer) answer() *http.Response {
	p.T.Helper()
	a, err := http.ReadResponse(p.In, nil)
	if err != nil {
		p.T.Fatal(err)
	}
	return a
}

// A frame as it was read.
type frame struct {
	head   byte
	masked bool
	data   []byte
}

func (p *peer) read() (f frame, err error) {
	var b [8]byte
	if _, err = io.ReadFull(p.In, b[:2]); err != nil {
		return f, err
	}
	f.head, f.masked = b[0], b[1]&maskBit != 0
	n := uint64(b[1] &^ maskBit)
	switch n {
	case 126:
		_, err = io.ReadFull(p.In, b[6:8])
		n = uint64(binary.BigEndian.Uint16(b[6:]))
	case 127:
		_, err = io.ReadFull(p.In, b[:8])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil || n > 1<<30 {
		return f, fmt.Errorf("length %d, %v", n, err)
	}
	if f.masked {
		_, err = io.ReadFull(p.In, b[:4])
	}
	f.data = make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(p.In, f.data)
	}
	if f.masked {
		Mask(f.data, binary.LittleEndian.Uint32(b[:]))
	}
	return f, err
}

// String returns a frame in short; a compressed one is inflated.
func (f frame) String() string {
	data, s := f.data, ""
	if f.head&rsv1Bit != 0 {
		var err error
		if data, err = io.ReadAll(flate.NewReader(strings.NewReader(string(data) + endOfMessage))); err != nil {
			return err.Error()
		}
		s = "zip "
	}
	if f.head&finBit == 0 {
		s += "part "
	}
	op := Op(f.head & 0x0f)
	s += op.String()
	if op == Close && len(data) >= 2 {
		return fmt.Sprintf("%s %d", s, binary.BigEndian.Uint16(data))
	}
	if len(data) > 100 {
		return fmt.Sprintf("%s of %d", s, len(data))
	}
	return fmt.Sprintf("%s %q", s, data)
}

// all reads frames until the server ends the connection.
func (p *peer) all() string {
	p.T.Helper()
	var list []string
	for {
		f, err := p.read()
		if err == io.EOF {
			return strings.Join(list, ", ")
		}
		if err != nil {
			return strings.Join(append(list, err.Error()), ", ")
		}
		list = append(list, f.String())
	}
}

func (p *peer) want(short string) {
	p.T.Helper()
	f, err := p.read()
	if err != nil {
		p.T.Fatalf("want %s: %v", short, err)
	}
	if f.String() != short {
		p.T.Fatalf("read %s, want %s", f, short)
	}
}

// Frames of a client. The mask is that of RFC 6455 5.7.
const key = 0x3d21fa37

func frameOf(first byte, payload string) []byte {
	b := appendHead(nil, first, maskBit, len(payload))
	b = binary.LittleEndian.AppendUint32(b, key)
	b = append(b, payload...)
	Mask(b[len(b)-len(payload):], key)
	return b
}

func text(s string) []byte         { return frameOf(finBit|byte(Text), s) }
func bin(s string) []byte          { return frameOf(finBit|byte(Binary), s) }
func begin(op Op, s string) []byte { return frameOf(byte(op), s) }
func more(s string) []byte         { return frameOf(0, s) }
func end(s string) []byte          { return frameOf(finBit, s) }
func ping(s string) []byte         { return frameOf(finBit|byte(Ping), s) }
func pong(s string) []byte         { return frameOf(finBit|byte(Pong), s) }
func zip(op Op, s string) []byte   { return frameOf(finBit|rsv1Bit|byte(op), s) }
func bye(code int, reason string) []byte {
	return frameOf(finBit|byte(Close), string([]byte{byte(code >> 8), byte(code)})+reason)
}

// squeeze compresses as a client does.
func squeeze(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	io.WriteString(w, s)
	w.Flush()
	return strings.TrimSuffix(b.String(), flushed)
}

// echo sends every message back.
func echo() *Handler {
	return &Handler{Message: func(c *Conn, op Op, p []byte) { c.Write(op, p) }}
}

// on runs fn on a loop, and waits for it.
func on(t testing.TB, c *Conn, fn func()) {
	t.Helper()
	done := make(chan struct{})
	if err := c.Post(func() { defer close(done); fn() }); err != nil {
		t.Fatal(err)
	}
	wait(t, done)
}
