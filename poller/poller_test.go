//go:build unix

package poller

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNames(t *testing.T) {
	names := Names()
	if len(names) < 2 || !slices.Contains(names, "poll") || !slices.Contains(names, "select") {
		t.Fatalf("got %q: every Unix has poll and select", names)
	}
	for _, name := range names {
		p, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name() != name {
			t.Errorf("Open(%q) opened %q", name, p.Name())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	p, err := Open("iocp")
	if p != nil || err == nil || !strings.Contains(err.Error(), `"poll"`) {
		t.Errorf("an unknown name: got %v, %v", p, err)
	}
}

func TestNew(t *testing.T) {
	t.Setenv("LURCHER_POLLER", "")
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Name() != Names()[0] {
		t.Errorf("got %q, the best is %q", p.Name(), Names()[0])
	}
	for _, name := range Names() {
		t.Setenv("LURCHER_POLLER", name)
		p, err := New()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if p.Name() != name {
			t.Errorf("LURCHER_POLLER=%s: got %q", name, p.Name())
		}
	}
	t.Setenv("LURCHER_POLLER", "iocp")
	if _, err := New(); err == nil || !strings.Contains(err.Error(), "LURCHER_POLLER") || !strings.Contains(err.Error(), `"select"`) {
		t.Error("LURCHER_POLLER=iocp: got", err)
	}
}

// TestNewFallsBack: a backend that is missing gives way, one that fails does not.
func TestNewFallsBack(t *testing.T) {
	t.Setenv("LURCHER_POLLER", "")
	saved := backends
	defer func() { backends = saved }()
	for _, c := range []struct {
		err  error
		gone bool
	}{
		{os.NewSyscallError("open", unix.ENOENT), true},
		{os.NewSyscallError("epoll_create1", unix.ENOSYS), true},
		{os.NewSyscallError("epoll_create1", unix.EMFILE), false},
	} {
		backends = saved
		backends[0].open = func() (Poller, error) { return nil, c.err }
		p, err := New()
		if c.gone {
			if err != nil || p.Name() == backends[0].name {
				t.Errorf("%v: got %v, %v", c.err, p, err)
			} else {
				p.Close()
			}
		} else if !errors.Is(err, c.err) {
			t.Errorf("%v: got %v", c.err, err)
		}
	}
	backends = saved
	for i := range backends {
		backends[i].open = nil
	}
	if _, err := New(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error("without backends:", err)
	}
}

func TestReadyString(t *testing.T) {
	for r, want := range map[Ready]string{0: "none", Read: "read", Read | Hangup: "read|hangup", Read | Write | Hangup | Err: "read|write|hangup|err"} {
		if got := r.String(); got != want {
			t.Errorf("%d: got %q, want %q", r, got, want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1: -1, math.MinInt64: -1, 0: 0, 1: 1, time.Millisecond - 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2,
		time.Hour: 3600_000, math.MaxInt32 * time.Millisecond: math.MaxInt32, math.MaxInt64: math.MaxInt32,
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
}

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
