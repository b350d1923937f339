package conn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// An address that swallows packets does not use up the time of the others: each
// has its share. The clock is moved by hand, and the poller is not asked: as far as
// the loop knows no address answers.
func TestDialSharesItsTime(t *testing.T) {
	t.Parallel()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	var addrs []netip.AddrPort
	for range 3 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		addrs = append(addrs, ln.Addr().(*net.TCPAddr).AddrPort())
	}
	d := &dial{network: "tcp", addrs: slices.Clone(addrs), cancel: func() {}}
	c := l.connect(d, nil)
	c.dialNext(nil)
	tries := func() string { return d.addr.String() }
	if tries() != addrs[0].String() {
		t.Fatal(tries())
	}
	for _, step := range []struct {
		at  time.Duration
		try int
	}{
		{9 * time.Second, 0}, {11 * time.Second, 1}, {19 * time.Second, 1}, {21 * time.Second, 2}, {29 * time.Second, 2},
	} {
		if l.moveTo(step.at); tries() != addrs[step.try].String() || c.is(closed) {
			t.Errorf("after %v of 30 s it tries %s (closed %v), want %s", step.at, tries(), c.is(closed), addrs[step.try])
		}
	}
	if l.moveTo(31 * time.Second); !c.is(closed) || !errors.Is(c.more.err, os.ErrDeadlineExceeded) {
		t.Error("not over after 31 s")
	}
	l.settle()
	l.closeFDs()
}
