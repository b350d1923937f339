//go:build !plan9

// Package program lets the tests of a command or an example build it, run it as a
// process of its own, and look at that process from outside.
package program

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string

// Main is a TestMain for the package in the current directory: it builds that,
// with the race detector if the test has it, and runs the tests.
func Main(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lurcher")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "program")
		args := []string{"build", "-o", binary}
		if Race {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// Command returns the program, to be run by the caller.
func Command(args ...string) *exec.Cmd { return exec.Command(binary, args...) }

// A Process is the program at work.
type Process struct {
	Line string // the first that it printed
	Pid  int

	t      testing.TB
	cmd    *exec.Cmd
	stdout io.ReadCloser
	stderr lockedBuffer
	exited chan struct{}
	err    error // what Wait said
	silent bool
}

// Start runs the program until the test ends. That it stops then, when told to
// by SIGTERM, without complaint and with status 0, is part of every test.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: Command(args...), exited: make(chan struct{}), silent: true}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Pid = p.cmd.Process.Pid
	out := bufio.NewReader(p.stdout)
	p.Line, err = out.ReadString('\n')
	go func() {
		io.Copy(io.Discard, out)
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.Signal(syscall.SIGTERM)
		if err := p.Wait(); err != nil && p.silent {
			t.Errorf("stopped by SIGTERM: %v", err)
		}
		for line := range strings.Lines(p.Stderr()) {
			if p.silent && !strings.Contains(line, "blocks its loop") { // as a machine does that is busy
				t.Errorf("on stderr:\n%s", line)
			}
		}
	})
	if err != nil {
		<-p.exited
		t.Fatalf("it printed no line: %v, %v\n%s", err, p.err, p.Stderr())
	}
	return p
}

// MayComplain says that an exit status or words on stderr are expected.
func (p *Process) MayComplain() { p.silent = false }

// Signal sends a signal to a process that may have ended.
func (p *Process) Signal(s os.Signal) { p.cmd.Process.Signal(s) }

// Wait waits for the process to end, and kills it if that takes too long.
func (p *Process) Wait() error {
	select {
	case <-p.exited:
	case <-time.After(time.Minute):
		p.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines go to stderr
		<-p.exited
		p.t.Errorf("it did not stop within a minute:\n%s", p.Stderr())
	}
	return p.err
}

// Stderr returns what the process has complained of.
func (p *Process) Stderr() string { return p.stderr.String() }

// Memory returns the process's resident memory in bytes, what it is and what it was
// at most. It skips the test where there is no /proc.
func (p *Process) Memory() (now, peak int64) {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	if err != nil {
		p.t.Skipf("no /proc to read the memory from: %v", err)
	}
	return field(b, "VmRSS:"), field(b, "VmHWM:")
}

// ResetPeak makes the peak of Memory what it is now.
func (p *Process) ResetPeak() {
	p.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.Pid), []byte("5"), 0); err != nil {
		p.t.Logf("the peak of memory counts from the start of the program: %v", err)
	}
}

func field(status []byte, name string) int64 {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			kb, _ := strconv.ParseInt(strings.Fields(string(rest))[0], 10, 64)
			return kb << 10
		}
	}
	return -1
}

// Show reports whether the whole measurement was asked for, by LURCHER_SHOW=1, and
// says so if it was not.
func Show(t testing.TB) bool {
	if os.Getenv("LURCHER_SHOW") == "1" {
		return true
	}
	t.Log("a small version; the whole measurement: make show")
	return false
}

// Tool finds a program that a test talks to, or skips the test; with
// LURCHER_INTEROP=1 it must not be missing.
func Tool(t testing.TB, name string) string {
	t.Helper()
	for _, name := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("LURCHER_INTEROP") == "1" {
		t.Fatalf("%s is not installed, and LURCHER_INTEROP=1 says that it has to be", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// Run runs a tool, with input from in, and returns what it printed on stdout.
func Run(t testing.TB, in io.Reader, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, Tool(t, name), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
