// ws.Dial on the WebSocket servers of others.
package compat

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/ws"
)

// dialEcho has ws.Dial send messages of all sizes to an echo, and close.
func dialEcho(t *testing.T, url string, deflate bool) {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	h := &ws.Handler{MaxMessage: 8 << 20}
	if deflate {
		h.Deflate = &ws.Deflate{Least: 1}
	}
	ops, i := []ws.Op{ws.Text, ws.Binary}, 0
	send := func(c *ws.Conn) {
		if i == 2*len(sizes) {
			c.Close(4000, "done")
		} else if err := c.Write(ops[i%2], message(sizes[i/2])); err != nil {
			t.Error(err)
		}
	}
	h.Open = func(c *ws.Conn) { c.Ping([]byte("ping")); send(c) }
	pongs := 0
	h.Pong = func(*ws.Conn, []byte) { pongs++ }
	h.Message = func(c *ws.Conn, op ws.Op, p []byte) {
		if op != ops[i%2] || !bytes.Equal(p, message(sizes[i/2])) {
			t.Errorf("%d bytes came back as %d, %v", sizes[i/2], len(p), op)
			c.Abort()
		}
		i++
		send(c)
	}
	ended := false
	h.Close = func(c *ws.Conn, err *ws.CloseError) {
		if ended = true; err.Code != 4000 || err.Err != nil || pongs != 1 {
			t.Errorf("%v after %d pongs", err, pongs)
		}
	}
	ws.Dial(l, url, h, func(c *ws.Conn, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.Run(ctx); err != nil || !ended || i != 2*len(sizes) {
		t.Errorf("%v after %d messages", err, i)
	}
}

func TestDialGorilla(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		u := gorilla.Upgrader{EnableCompression: deflate}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := u.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for {
				op, p, err := c.ReadMessage()
				if err != nil || c.WriteMessage(op, p) != nil {
					return
				}
			}
		}))
		defer s.Close()
		dialEcho(t, "ws"+strings.TrimPrefix(s.URL, "http"), deflate)
	})
}

func TestDialCoder(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		mode := coder.CompressionDisabled
		if deflate {
			mode = coder.CompressionContextTakeover
		}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.CloseNow()
			c.SetReadLimit(-1)
			for {
				op, p, err := c.Read(context.Background())
				if err != nil || c.Write(context.Background(), op, p) != nil {
					return
				}
			}
		}))
		defer s.Close()
		dialEcho(t, "ws"+strings.TrimPrefix(s.URL, "http"), deflate)
	})
}

func TestDialGws(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		h := &gwsEcho{message: func(c *gws.Conn, m *gws.Message) { c.WriteMessage(m.Opcode, m.Bytes()) }}
		u := gws.NewUpgrader(pingPong{h}, &gws.ServerOption{
			ReadMaxPayloadSize: 8 << 20, CheckUtf8Enabled: true,
			PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, Threshold: 1},
		})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := u.Upgrade(w, r)
			if err != nil {
				t.Error(err)
				return
			}
			go c.ReadLoop()
		}))
		defer s.Close()
		dialEcho(t, "ws"+strings.TrimPrefix(s.URL, "http"), deflate)
	})
}

// gws leaves it to the program to answer pings.
type pingPong struct{ *gwsEcho }

// dialProgram starts a server that prints its port, and has ws.Dial talk to it.
func dialProgram(t *testing.T, deflate bool, args ...string) {
	t.Helper()
	if deflate {
		args = append(args, "deflate")
	}
	cmd := exec.Command(args[0], args[1:]...)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil || err1 != nil || err2 != nil {
		t.Fatal(err, err1, err2)
	}
	defer cmd.Wait()
	defer in.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	dialEcho(t, "ws://127.0.0.1:"+strings.TrimSpace(line)+"/", deflate)
}

func TestDialPython(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) { dialProgram(t, deflate, python(t, "websockets"), "python/server.py") })
}

func TestDialNode(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) { dialProgram(t, deflate, node(t, 18, "ws"), "node/server.mjs") })
}
