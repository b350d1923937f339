// What the tests share: a gateway on a port of its own, clients and upstreams that
// speak raw bytes.

package main

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// patience is how long a test waits for what has to happen.
const patience = loopback.Patience

// start runs a gateway before the upstreams until the test ends.
func start(t *testing.T, g *gateway, c *client.Client, upstreams ...string) (addr string) {
	t.Helper()
	addr, _ = serve(t, g, c, upstreams...)
	return addr
}

// serve is start, and returns the gateway's server too.
func serve(t *testing.T, g *gateway, c *client.Client, upstreams ...string) (addr string, srv *server.Server) {
	t.Helper()
	for _, u := range upstreams {
		g.upstreams = append(g.upstreams, &upstream{url: "http://" + u})
	}
	g.client, g.name = c, "gw"
	if g.leftTimeout == 0 {
		g.leftTimeout = patience // a test says so that is about it
	}
	if g.failTimeout == 0 {
		g.failTimeout = time.Minute
	}
	logs := new(bytes.Buffer)
	srv = &server.Server{Handler: g.serve, Loops: 1, MaxBody: -1, SlowCallback: -1, Log: slog.New(slog.NewTextHandler(logs, nil))}
	srv.OnShutdown = func(l *conn.Loop) { c.On(l).Close() }
	at, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve() }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if logs.Len() > 0 {
			t.Error(logs)
		}
	})
	return at.String(), srv
}

// A peer is one connection, of a client or of an upstream.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return &peer{c, bufio.NewReader(c)}
}

func (p *peer) say(s string) { io.WriteString(p, strings.ReplaceAll(s, "|", "\r\n")) }
func (p *peer) fin()         { p.Conn.(*net.TCPConn).CloseWrite() }

// head reads a head, lines ended by "|"; "" at the end.
func (p *peer) head() string {
	var b strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return b.String()
		}
		if line == "\r\n" {
			return b.String() + "|"
		}
		b.WriteString(strings.TrimSuffix(line, "\r\n") + "|")
	}
}

func (p *peer) read(n int) string {
	b := make([]byte, n)
	n, _ = io.ReadFull(p.in, b)
	return strings.ReplaceAll(string(b[:n]), "\r\n", "|")
}

func (p *peer) all() string {
	b, err := io.ReadAll(p.in)
	s := strings.ReplaceAll(string(b), "\r\n", "|")
	if err != nil {
		s += "(cut off)"
	}
	return s
}

// upstreamOf runs fn on each connection to an upstream.
func upstreamOf(t *testing.T, fn func(p *peer)) (addr string) {
	t.Helper()
	return loopback.Serve(t, func(p *loopback.Peer) {
		p.SetDeadline(time.Now().Add(patience))
		fn(&peer{p.Conn, p.In})
	}).String()
}
