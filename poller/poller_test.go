//go:build unix || windows

package poller

import (
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	names := Names()
	for _, name := range everywhere {
		if !slices.Contains(names, name) {
			t.Errorf("got %q, without %s", names, name)
		}
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
	if p != nil || err == nil || !strings.Contains(err.Error(), strconv.Quote(everywhere[0])) {
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
	if _, err := New(); err == nil || !strings.Contains(err.Error(), "LURCHER_POLLER") || !strings.Contains(err.Error(), strconv.Quote(everywhere[0])) {
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
		{os.NewSyscallError("open", syscall.ENOENT), true},
		{os.NewSyscallError("epoll_create1", syscall.ENOSYS), true},
		{os.NewSyscallError("epoll_create1", syscall.EMFILE), false},
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
