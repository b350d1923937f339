package conn

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/poller"
)

// Who opens a descriptor that does not fit into the process's table waits until all
// processors have scheduled. A loop must not: there is room when the first listener
// listens, and more as soon as half of it is used. The kernel's FDSize is the size.
func TestRoomForDescriptors(t *testing.T) {
	t.Parallel()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Listen("tcp", "127.0.0.1:0", nil); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	l.Run(ended)
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		t.Fatal(err)
	}
	size := func() int {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := bytes.Cut(status, []byte("FDSize:"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		n, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	was := size()
	if want := min(firstRoom, int(most.Cur)); was < want {
		t.Fatalf("there is a listener, and room for %d descriptors: want %d", was, want)
	}
	if most.Cur < uint64(2*was) {
		return // the process may not open so many that half of them are more than there are now
	}
	for end := time.Now().Add(20 * time.Second); size() < 2*was; time.Sleep(time.Millisecond) {
		opened(was / 2) // as if an accept had returned it
		if time.Now().After(end) {
			t.Fatalf("half of %d descriptors are open, and the table does not grow", was)
		}
	}
}
