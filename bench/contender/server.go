// How a contender is started, found to answer as it should, and stopped.

package contender

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// A Server is a contender that runs, in a process group of its own.
type Server struct {
	Addr string
	cmd  *exec.Cmd
	heap chan [2]int64
	errs *tail
	end  chan struct{}
}

// Start starts c and waits until it answers as it should: one that does not is no contender.
func (e *Env) Start(ctx context.Context, c *Contender, mode string) (*Server, error) {
	prog, err := e.Find(ctx, c)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{prog, "-addr", addr, "-mode", mode}
	if slices.Contains(c.Does, File) {
		args = append(args, "-www", e.www())
	}
	if mode == TLS {
		args = append(args, "-cert", e.cert())
	}
	if c.args != nil {
		if args, err = c.args(e, prog, addr, mode); err != nil {
			return nil, err
		}
	}
	s, err := e.run(ctx, addr, append(append([]string{}, e.Pin...), args...))
	if err != nil {
		return nil, err
	}
	if err := s.answers(ctx, mode); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%s: %w %s", c.Name, err, s.errs)
	}
	return s, nil
}

func (e *Env) run(ctx context.Context, addr string, args []string) (*Server, error) {
	e.Log(strings.Join(args, " "))
	s := &Server{Addr: addr, heap: make(chan [2]int64, 1), errs: new(tail), end: make(chan struct{})}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS="+e.Procs)
	s.cmd.Stderr = s.errs
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	s.cmd.Stdout = w
	go s.readHeap(r)
	// The thread that starts a process has to outlive it, or Pdeathsig would end it early.
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait()
			w.Close()
			close(s.end)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { s.kill() })
	return s, nil
}

// Group is the process group of the server, for measure.
func (s *Server) Group() int { return s.cmd.Process.Pid }

// Stop ends the server and all that it started.
func (s *Server) Stop() {
	s.kill()
	<-s.end
}

func (s *Server) kill() {
	select {
	case <-s.end: // the number may be somebody else's by now
	default:
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// Heap asks a Go contender for its heap, after a collection: bytes and objects.
func (s *Server) Heap() (bytes, objects int64, err error) {
	if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGUSR1); err != nil {
		return 0, 0, err
	}
	select {
	case h := <-s.heap:
		return h[0], h[1], nil
	case <-s.end:
		return 0, 0, os.ErrProcessDone
	case <-time.After(10 * time.Second):
		return 0, 0, errors.New("it did not tell its heap")
	}
}

func (s *Server) readHeap(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var h [2]int64
		if n, _ := fmt.Sscanf(lines.Text(), "heap %d %d", &h[0], &h[1]); n == 2 {
			s.heap <- h
		}
	}
	io.Copy(io.Discard, r)
}

// answers waits until the server listens, and looks at one answer.
func (s *Server) answers(ctx context.Context, mode string) error {
	var c net.Conn
	for start := time.Now(); ; {
		var err error
		if c, err = net.Dial("tcp", s.Addr); err == nil {
			break
		}
		select {
		case <-s.end:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(start) > 10*time.Second {
			return fmt.Errorf("it does not listen: %w", err)
		}
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if mode == TLS {
		c = tls.Client(c, peer.ClientTLS())
	}
	switch mode {
	case WS, Cast:
		return switches(c)
	case Echo:
		got := make([]byte, 5)
		io.WriteString(c, "hello")
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
			return fmt.Errorf("not an echo: %q, %w", got, err)
		}
		return nil
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", s.Addr)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != 200 || string(body) != peer.Hello {
		return fmt.Errorf("the answer is %s %.100q, %w", res.Status, body, err)
	}
	return nil
}

// switches looks at the answer to a handshake. The floor of a broadcast has none: it echoes to all.
func switches(c net.Conn) error {
	io.WriteString(c, peer.Handshake)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 101 ") && !strings.HasPrefix(peer.Handshake, line) {
		return fmt.Errorf("not a WebSocket: %q, %w", line, err)
	}
	return nil
}

// Version is what a contender says of itself: the module's version, or the first line of its own.
func (e *Env) Version(ctx context.Context, c *Contender) string {
	prog, err := e.Find(ctx, c)
	if err != nil {
		return ""
	}
	if c.version != nil {
		out, _ := exec.CommandContext(ctx, prog, c.version...).CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		return line
	}
	info, err := buildinfo.ReadFile(prog)
	if err != nil {
		return ""
	}
	for _, d := range info.Deps {
		if strings.Contains(d.Path, "/"+c.pkg) && !strings.HasSuffix(d.Path, "bench") {
			v := d.Version
			if d.Replace != nil {
				v = "this checkout"
			}
			return d.Path + " " + v
		}
	}
	return info.GoVersion
}

// config writes a configuration: %[1]s is the scratch directory, %[2]s the address, %[3]s the JSON body.
func (e *Env) config(name, format, addr string) (string, error) {
	file := filepath.Join(e.Dir, name+".conf")
	json := strings.TrimSuffix(peer.JSON, "\n") + `\n`
	text := fmt.Sprintf(strings.TrimLeft(format, "\n")+"%.0[1]s%.0[2]s%.0[3]s", e.Dir, addr, json)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

func split(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr)
	return host, port
}

// freeAddr is an address on loopback that nobody listens on.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// CPU is what the server's processes have spent.
func (s *Server) CPU() measure.CPU {
	c, _ := measure.Group(s.Group())
	return c
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 2000 {
		t.b = append(t.b[:0], t.b[len(t.b)-1000:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
