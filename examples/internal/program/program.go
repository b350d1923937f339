// Package program lets the test of an example build it and run it, with the
// processes that it starts in turn.
package program

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var binary string

// Main is a TestMain for the package in the current directory.
func Main(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lurcher")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "program")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// Path is where the program is.
func Path() string { return binary }

// A Process is the program at work.
type Process struct {
	lines chan string
}

// Start runs the program.
func Start(t *testing.T, args ...string) *Process {
	t.Helper()
	return Run(t, exec.Command(binary, args...))
}

// Run runs a command. What it and the processes that it starts print on stdout is
// for Scan. It is killed when the test ends.
func Run(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	p := &Process{lines: make(chan string, 1000)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
	})
	return p
}

// Scan waits for a line of that format, which has to be the next.
func (p *Process) Scan(t *testing.T, format string, args ...any) {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			t.Fatalf("it has ended, instead of printing %q", format)
		}
		if n, err := fmt.Sscanf(line, format, args...); err != nil {
			t.Fatalf("it printed %q, want %q (%d, %v)", line, format, n, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("it did not print %q", format)
	}
}

// Kill kills a process that the program started, when the test ends.
func (p *Process) Kill(t *testing.T, pid int) {
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
}
