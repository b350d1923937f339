// WebSocket clients of others on ws.Upgrade.
package compat

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
)

func TestGorillaClient(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		url, _ := echoServer(t, deflate)
		d := gorilla.Dialer{EnableCompression: deflate, Subprotocols: []string{"chat", "echo"}}
		c, _, err := d.Dial("ws"+url+"ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.Subprotocol() != "echo" {
			t.Errorf("subprotocol %q", c.Subprotocol())
		}
		for _, n := range sizes {
			want := message(n)
			if err := c.WriteMessage(gorilla.TextMessage, want); err != nil {
				t.Fatal(err)
			}
			op, got, err := c.ReadMessage()
			if err != nil || op != gorilla.TextMessage || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back as %d, op %d, %v", n, len(got), op, err)
			}
		}
		c.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(4000, "done"))
		if _, _, err := c.ReadMessage(); !gorilla.IsCloseError(err, 4000) {
			t.Error(err)
		}
	})
}

func TestCoderClient(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		url, _ := echoServer(t, deflate)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		mode := coder.CompressionDisabled
		if deflate {
			mode = coder.CompressionContextTakeover
		}
		c, _, err := coder.Dial(ctx, "ws"+url+"ws", &coder.DialOptions{CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"echo"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for _, n := range sizes {
			want := message(n)
			if err := c.Write(ctx, coder.MessageBinary, want); err != nil {
				t.Fatal(err)
			}
			if op, got, err := c.Read(ctx); err != nil || op != coder.MessageBinary || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back as %d, %v, %v", n, len(got), op, err)
			}
		}
		if err := c.Close(4000, "done"); err != nil {
			t.Error(err)
		}
	})
}

func TestGwsClient(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		url, _ := echoServer(t, deflate)
		got := make(chan []byte, 1)
		h := &gwsEcho{closed: make(chan error, 1)}
		h.message = func(c *gws.Conn, m *gws.Message) { got <- bytes.Clone(m.Bytes()) }
		c, _, err := gws.NewClient(h, &gws.ClientOption{
			Addr: "ws" + url + "ws", ReadMaxPayloadSize: 8 << 20, CheckUtf8Enabled: true,
			PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, ServerContextTakeover: true, ClientContextTakeover: true, Threshold: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		go c.ReadLoop()
		for _, n := range sizes {
			want := message(n)
			if err := c.WriteMessage(gws.OpcodeText, want); err != nil {
				t.Fatal(err)
			}
			select {
			case m := <-got:
				if !bytes.Equal(m, want) {
					t.Fatalf("%d bytes came back as %d", n, len(m))
				}
			case <-time.After(time.Minute):
				t.Fatal("no echo")
			}
		}
		c.WriteClose(4000, []byte("done"))
		<-h.closed // gws does not say what the server answered
	})
}

// client runs a client that prints the subprotocol, and "ok" with the code of the end.
func client(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "protocol echo\n") || !strings.Contains(string(out), "ok 4000") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPythonClient(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		url, _ := echoServer(t, deflate)
		client(t, python(t, "websockets"), "python/client.py", "ws"+url+"ws")
	})
}

func TestNodeClients(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		for _, kind := range []string{"ws", "undici"} {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				url, _ := echoServer(t, deflate)
				client(t, node(t, map[string]int{"ws": 18, "undici": 20}[kind], kind), "node/client.mjs", kind, "ws"+url+"ws")
			})
		}
		t.Run("native", func(t *testing.T) {
			t.Parallel()
			url, _ := echoServer(t, deflate)
			client(t, node(t, 20, ""), "--experimental-websocket", "node/client.mjs", "native", "ws"+url+"ws")
		})
	})
}

// A browser sends messages of all sizes to 1 MB.
func TestChromium(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) {
		browser := tool(t, "chromium")
		url, posted := echoServer(t, deflate)
		cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
			"--user-data-dir="+profile(t), "--remote-debugging-port=0", "http"+url)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
		want := "protocol echo, extensions "
		if deflate {
			want += "permessage-deflate"
		}
		select {
		case page := <-posted:
			if !strings.Contains(page, want) || !strings.Contains(page, "closed 4000 true after 20") {
				t.Errorf("the page says\n%s", page)
			}
		case <-time.After(2 * time.Minute):
			t.Errorf("the page says nothing\n%s", &errs)
		}
	})
}

// profile returns a directory for a browser, whose processes may write to it after the
// test has ended: it is removed as far as that can be done.
func profile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
