// Package group lets the test of an example run a program and the processes that
// it starts in turn.
package group

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A Process is the program at work, with those that it has started.
type Process struct {
	lines chan string
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
