package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func readPid(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// hangUp has the process of a pid file replaced, and waits until it is.
func hangUp(t *testing.T, file string) {
	t.Helper()
	old := readPid(t, file)
	for late := time.Now().Add(time.Minute); readPid(t, file) == old; time.Sleep(20 * time.Millisecond) {
		syscall.Kill(old, syscall.SIGHUP) // one that comes while it is being replaced is refused
		if time.Now().After(late) {
			t.Fatal("the process was not replaced")
		}
		for range 50 {
			if readPid(t, file) != old {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// stopPid ends the process of a pid file and waits until it is gone.
func stopPid(t *testing.T, file string) {
	t.Helper()
	pid := readPid(t, file)
	syscall.Kill(pid, syscall.SIGTERM)
	for late := time.Now().Add(time.Minute); syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the process did not end")
		}
	}
}
