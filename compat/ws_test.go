// WebSocket with others, each way: their clients on ws.Upgrade, ws.Dial on their servers. What is not
// installed is skipped, with the reason; with LURCHER_INTEROP=1 nothing may be missing.
package compat

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// sizes are those around every limit of a frame's length.
var sizes = []int{0, 1, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20}

func message(n int) []byte {
	const unit = "grüße 漢字 "
	return []byte(strings.Repeat(unit, n/len(unit)) + strings.Repeat("x", n%len(unit)))
}

//go:embed page.html
var page string

// echoServer echoes messages at /ws, shows the page at /, and passes on what that posts.
func echoServer(t *testing.T, deflate bool) (url string, posted chan string) {
	t.Helper()
	h := &ws.Handler{
		Message:    func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) },
		Protocols:  []string{"echo"},
		MaxMessage: 8 << 20,
	}
	if deflate {
		h.Deflate = &ws.Deflate{}
	}
	posted = make(chan string, 10)
	s := &server.Server{Loops: 1, Handler: func(w server.Response, r server.Request) {
		switch string(r.Path()) {
		case "/ws":
			ws.Upgrade(w, r, h)
		case "/done":
			r.Body(1<<20, func(body []byte) {
				posted <- string(body)
				w.End("")
			})
		default:
			w.Set("Content-Type", "text/html; charset=utf-8")
			w.End(page)
		}
	}}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "://" + addr.String() + "/", posted
}

// both runs a test with compression and without.
func both(t *testing.T, fn func(t *testing.T, deflate bool)) {
	t.Parallel()
	for _, deflate := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "deflate"}[deflate], func(t *testing.T) {
			t.Parallel()
			fn(t, deflate)
		})
	}
}

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

// gwsEcho is what a gws client or server does with messages.
type gwsEcho struct {
	gws.BuiltinEventHandler
	message func(c *gws.Conn, m *gws.Message)
	closed  chan error
}

func (e *gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) { defer m.Close(); e.message(c, m) }
func (e *gwsEcho) OnClose(c *gws.Conn, err error) {
	if e.closed != nil {
		e.closed <- err
	}
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

func (pingPong) OnPing(c *gws.Conn, p []byte) { c.WritePong(p) }

// tool finds a program, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("LURCHER_INTEROP") == "1" {
		t.Fatalf("%s, and LURCHER_INTEROP=1 says that it has to be", what)
	}
	t.Skip(what)
}

// python is one that has the package websockets: Debian's python3-websockets.
func python(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import websockets").Run() == nil {
			return p
		}
	}
	missing(t, "the package websockets of Python is not installed")
	return ""
}

// node is one that is recent enough for a script, and its packages are there.
func node(t *testing.T, least int, pkg string) string {
	t.Helper()
	prog := tool(t, "node")
	out, _ := exec.Command(prog, "-p", "process.versions.node").Output()
	major, _, _ := strings.Cut(string(out), ".")
	if n, _ := strconv.Atoi(major); n < least {
		t.Skipf("it takes node %d, and this is %s", least, out)
	}
	if _, err := os.Stat("node/node_modules/" + pkg); pkg != "" && err != nil {
		missing(t, "the npm package "+pkg+" is not installed: npm ci in compat/node")
	}
	return prog
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
		client(t, python(t), "python/client.py", "ws"+url+"ws")
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
	both(t, func(t *testing.T, deflate bool) { dialProgram(t, deflate, python(t), "python/server.py") })
}

func TestDialNode(t *testing.T) {
	both(t, func(t *testing.T, deflate bool) { dialProgram(t, deflate, node(t, 18, "ws"), "node/server.mjs") })
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

// profile is a directory for a browser, whose processes may write to it after the
// test has ended: it is removed as far as that can be done.
func profile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
