// The limits of poll and select.

//go:build unix

package poller

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSelectLimit: a descriptor that does not fit in an fd_set is refused in words that help.
func TestSelectLimit(t *testing.T) {
	p, err := Open("select")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, fd := range []int{unix.FD_SETSIZE, unix.FD_SETSIZE + 1, math.MaxInt32} {
		err := p.Add(fd, 1, Read)
		if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "FD_SETSIZE") || !strings.Contains(err.Error(), Names()[0]) {
			t.Errorf("Add(%d): got %v", fd, err)
		}
		if err := p.Mod(fd, 1, Read); err == nil {
			t.Errorf("Mod(%d) went through", fd)
		}
		if err := p.Del(fd); err == nil {
			t.Errorf("Del(%d) went through", fd)
		}
	}
}

// TestPollBeyondLimit: poll(2) takes no more entries than RLIMIT_NOFILE. A process that lowers it below what is
// registered goes on. Not parallel: nobody else can open anything meanwhile.
func TestPollBeyondLimit(t *testing.T) {
	g := newRig(t, subject{name: "poll", open: openPoll, limit: 1 << 30})
	const n = 40
	var near, far []int
	for i := range n {
		a, b := g.unix()
		g.must(g.p.Add(a, Token(i), Read))
		near, far = append(near, a), append(far, b)
	}
	var saved unix.Rlimit
	g.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &saved))
	lowered := saved
	lowered.Cur = 16
	g.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &saved)

	g.quiet(0)
	for _, i := range []int{0, 17, n - 1} {
		g.write(far[i], "x")
	}
	if got := g.allReady(n, 2); len(got) != 3 || got[0] != Read || got[17] != Read || got[n-1] != Read {
		t.Error("got", got)
	}
	start := time.Now()
	var buf [8]Event
	if k, err := g.p.Wait(buf[:], -1); k != 3 || err != nil || time.Since(start) >= patience {
		t.Error("got", k, err)
	}
	g.must(g.p.Wake())
	for _, near := range near {
		g.must(g.p.Mod(near, 1, 0))
	}
	g.woken()
}
