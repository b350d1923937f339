package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lurcher-net/lurcher/examples/internal/group"
	"github.com/lurcher-net/lurcher/internal/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// TestActivation passes two sockets the way systemd does: as descriptors 3 and 4,
// with their number in LISTEN_FDS and the process they are for in LISTEN_PID. A
// request that was sent before the program ran is answered.
func TestActivation(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "sock")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()

	early, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	io.WriteString(early, "GET / HTTP/1.0\r\n\r\n")

	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0"`, program.Command().Path) // exec keeps the number
	cmd.Env = append(os.Environ(), "LISTEN_FDS=2")
	for _, ln := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), unix.(*net.UnixListener)} {
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	p := group.Run(t, cmd)
	var at string
	p.Scan(t, "serves %s", &at)
	if at != tcp.Addr().String() {
		t.Errorf("it serves %s, not %s", at, tcp.Addr())
	}
	p.Scan(t, "serves %s", &at)
	if at != path {
		t.Errorf("it serves %s, not %s", at, path)
	}
	b, err := io.ReadAll(early)
	if err != nil || len(b) < 12 || string(b[len(b)-12:]) != "Hello World\n" {
		t.Errorf("who came early read %q, %v", b, err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://hello/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); string(b) != "Hello World\n" || err != nil {
		t.Errorf("by the Unix socket: %q, %v", b, err)
	}
}
