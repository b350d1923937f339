// WebSocket with others, each way: what the tests share. What is not installed is skipped, with the reason;
// with LURCHER_INTEROP=1 nothing may be missing.
package compat

import (
	_ "embed"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/lxzan/gws"

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

// python returns a Python that has a package: Debian's python3-websockets, python3-wsproto.
func python(t *testing.T, pkg string) string {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import "+pkg).Run() == nil {
			return p
		}
	}
	missing(t, "the package "+pkg+" of Python is not installed")
	return ""
}

// node returns a Node that is recent enough for a script, and has its packages.
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
