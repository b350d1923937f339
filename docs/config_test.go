// The configurations of deployment.md, run as they are but for the addresses: a
// proxy in front of a server of ours, which it has to keep connections to.

package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
	"github.com/lurcher-net/lurcher/server"
)

// config returns the one block in that language, with its addresses replaced.
func config(t *testing.T, lang string, replace ...string) string {
	t.Helper()
	var found string
	for _, b := range blocks("deployment.md", read(t, "deployment.md")) {
		if b.lang == lang {
			found += b.text
		}
	}
	for i := 0; i < len(replace); i += 2 {
		if strings.Count(found, replace[i]) != 1 {
			t.Fatalf("%q stands in the %s block %d times", replace[i], lang, strings.Count(found, replace[i]))
		}
		found = strings.Replace(found, replace[i], replace[i+1], 1)
	}
	return found
}

// behind starts a server of ours, and a proxy that knows it: conf makes its
// configuration from the address of the one and the socket of the other.
func behind(t *testing.T, name string, args []string, conf func(addr, dir, socket string) string) {
	path := program.Tool(t, name)
	srv := &server.Server{Handler: func(w server.Response, r server.Request) { r.Pipe(w) }}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})

	dir, err := os.MkdirTemp("", name) // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "front")
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf(addr.String(), dir, socket)), 0o600); err != nil {
		t.Fatal(err)
	}
	runProxy(t, name, socket, exec.Command(path, append(args, file)...))

	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true, // for many clients, which are to share connections
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	const requests = 100
	before := srv.Stats().Accepted
	for i := range requests {
		path := [...]string{"/", "/live/"}[i%2]
		resp, err := client.Post("http://front"+path, "text/plain", strings.NewReader("there and back"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || string(body) != "there and back" || err != nil {
			t.Fatalf("status %d, %q, %v", resp.StatusCode, body, err)
		}
	}
	if n := srv.Stats().Accepted - before; n > requests/10 {
		t.Errorf("%s needed %d connections for %d requests", name, n, requests)
	}
}

// runProxy runs a proxy until the test ends, and returns once it listens on socket.
func runProxy(t *testing.T, name, socket string, cmd *exec.Cmd) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-exited
		if t.Failed() {
			t.Logf("%s says:\n%s", name, &said)
		}
	})
	for end := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
			break
		}
		select {
		case <-exited:
			t.Fatalf("%s ended", name)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	behind(t, "nginx", []string{"-e", "stderr", "-c"}, func(addr, dir, socket string) string {
		return fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr warn;
events { worker_connections 256; }
http {
access_log off;
client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
%[2]s}
`, dir, config(t, "nginx", "127.0.0.1:8000", addr, "127.0.0.1:8080", "unix:"+socket))
	})
}

func TestHaproxy(t *testing.T) {
	t.Parallel()
	behind(t, "haproxy", []string{"-db", "-f"}, func(addr, dir, socket string) string {
		return config(t, "haproxy", "127.0.0.1:8000", addr, "127.0.0.1:8080", "unix@"+socket, "maxconn 20000", "maxconn 100")
	})
}

// TestSystemd has systemd look at the unit.
func TestSystemd(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skipf("not a system with systemd: %v", err)
	}
	unit := filepath.Join(t.TempDir(), "app.service")
	if err := os.WriteFile(unit, []byte(config(t, "ini", "/usr/local/bin/app", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte(unit)) {
		t.Errorf("%v\n%s", err, out)
	}
}
