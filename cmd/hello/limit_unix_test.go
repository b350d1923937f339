//go:build unix

package main

import (
	"syscall"
	"testing"
)

// atMost returns n, or as many connections as the limit on descriptors allows.
func atMost(t *testing.T, n int) int {
	t.Helper()
	var limit syscall.Rlimit // Go has raised it to the hard limit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if room := int(min(limit.Cur, 1<<30)) - 100; n > room {
		t.Logf("%d connections instead of %d: ulimit -Hn is %d", room, n, limit.Max)
		return room
	}
	return n
}
