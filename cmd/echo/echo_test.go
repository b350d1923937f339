package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
)

func TestMain(m *testing.M) { program.Main(m) }

const banner = "Echo server\r\n"

// start runs echo, and returns it and where it listens.
func start(t *testing.T, args ...string) (p *program.Process, network, addr string) {
	t.Helper()
	p = program.Start(t, args...)
	words := strings.Fields(p.Line)
	if len(words) != 4 || words[0] != "echo" || words[1] != "on" {
		t.Fatalf("it printed %q", p.Line)
	}
	return p, words[2], words[3]
}

func startTCP(t *testing.T, args ...string) (*program.Process, string) {
	t.Helper()
	p, _, addr := start(t, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	return p, addr
}

// startUnix listens in a directory of its own: t.TempDir may be too long a path
// for a socket.
func startUnix(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	_, network, addr := start(t, "-network", "unix", "-addr", filepath.Join(dir, "s"))
	if network != "unix" || addr != filepath.Join(dir, "s") {
		t.Fatalf("it listens on %s %s", network, addr)
	}
	return addr
}

// dial connects and reads the banner.
func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	got := make([]byte, len(banner))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != banner {
		t.Fatalf("the banner: %q, %v", got, err)
	}
	return c
}

func TestEcho(t *testing.T) {
	t.Parallel()
	_, addr := startTCP(t)
	for network, addr := range map[string]string{"tcp": addr, "unix": startUnix(t)} {
		c := dial(t, network, addr)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		go func() {
			c.Write(sent)
			c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(c) // to the end: ours brings about theirs
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: %d bytes came back of %d, %v", network, len(got), len(sent), err)
		}
	}
}

func TestUnixSocketIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	if len(path) > 100 {
		t.Skip("the directory for temporary files has too long a name for a socket: " + dir)
	}
	p, _, _ := start(t, "-network", "unix", "-addr", path)
	p.Signal(syscall.SIGTERM)
	p.Wait()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after its end: %v", err)
	}
}

func TestBanner(t *testing.T) {
	t.Parallel()
	_, addr := startTCP(t, "-banner", "")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "x")
	got := make([]byte, 1)
	if _, err := io.ReadFull(c, got); err != nil || got[0] != 'x' {
		t.Errorf("%q, %v", got, err)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	_, addr := startTCP(t, "-idle", "20ms")
	c := dial(t, "tcp", addr)
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("%d, %v", n, err)
	}
}

// A client that sends and never reads is told to wait, and costs little.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	_, addr := startTCP(t)
	c := dial(t, "tcp", addr)
	piece := make([]byte, 1<<20)
	sent := 0
	for {
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := c.Write(piece)
		if sent += n; err != nil {
			if !os.IsTimeout(err) {
				t.Fatal(err)
			}
			break
		}
		if sent > 64<<20 {
			t.Fatal("it takes all that it is sent, though nobody takes what it echoes")
		}
	}
	t.Logf("it took %d KiB, sockets' buffers included", sent>>10)
	// And once it is read, everything is there.
	go c.(*net.TCPConn).CloseWrite()
	if n, err := io.Copy(io.Discard, c); err != nil || n != int64(sent) {
		t.Errorf("%d bytes came back of %d, %v", n, sent, err)
	}
}

func TestNC(t *testing.T) {
	t.Parallel()
	// -N: shut down the sending side at the end of the input. What comes back
	// after that is the half-closed client's.
	_, addr := startTCP(t)
	host, port, _ := net.SplitHostPort(addr)
	text := strings.Repeat("a line for the echo\n", 50_000)
	if got := program.Run(t, strings.NewReader(text), "nc", "-N", host, port); got != banner+text {
		t.Errorf("tcp: %d bytes came back of %d", len(got), len(banner+text))
	}
	if got := program.Run(t, strings.NewReader(text), "nc", "-N", "-U", startUnix(t)); got != banner+text {
		t.Errorf("unix: %d bytes came back of %d", len(got), len(banner+text))
	}
}
