// What this system counts, reports, or lacks.

package loopback

import (
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/lurcher-net/lurcher/poller"
)

// Main is TestMain of packages whose tests run over every poller. select(2) takes
// descriptors up to 1023 only, and on a machine of many processors the tests that run
// at the same time would have more open.
func Main(m *testing.M) {
	flag.Parse()
	if n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && n > 4 {
		flag.Set("test.parallel", "4")
	}
	os.Exit(m.Run())
}

// Descriptors returns how many are open, and skips the test where they cannot be
// counted. Wine has those of its own threads in /proc/self/fd too, about two each.
func Descriptors(t testing.TB) int {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("descriptors cannot be counted on Windows")
	}
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("descriptors cannot be counted here: ", err)
	}
	return len(dir)
}

// Poller returns the name of the backend that loops get here: LURCHER_POLLER
// chooses it.
func Poller(t testing.TB) string {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.Name()
}

// SeesResets reports whether the poller reports a reset while reading is paused.
func SeesResets(t testing.TB) bool {
	t.Helper()
	name := Poller(t)
	return name == "epoll" || name == "poll" || name == "kqueue" || name == "wsapoll"
}

// UnseenReset is why some cases cannot be tested without SeesResets.
const UnseenReset = "this poller reports nothing of a connection whose reading is paused, so its reset is seen only by the next write: see package poller"

// TempDir is t.TempDir, but that under wine files in it cannot be removed, which is
// no failure here.
func TempDir(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "lurcher")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// NeedUnix skips the test where there are no Unix sockets, as under wine.
func NeedUnix(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(TempDir(t), "s"))
	if err != nil {
		t.Skip("no Unix sockets here: ", err)
	}
	ln.Close()
}

// NeedResets skips the test where package net takes a reset for an end, as under
// wine, now and then.
func NeedResets(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "windows" {
		return
	}
	for range 50 {
		a, b := Pair(t)
		b.SetLinger(0)
		b.Close()
		_, err := a.Read(make([]byte, 1))
		if a.Close(); err == io.EOF {
			t.Skip("package net takes a reset for an end here")
		}
	}
}

// Refused returns an address at which nobody listens as long as the test runs. The port
// is that of a connection, so that nobody else is given it meanwhile.
func Refused(t testing.TB) string {
	t.Helper()
	a, b := Pair(t)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.LocalAddr().String()
}

// Pair returns both ends of a connection. The caller closes them.
func Pair(t testing.TB) (dialled, accepted *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*net.TCPConn), b.(*net.TCPConn)
}
