package conn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// idleLoop returns a loop that the test turns by hand. Its poller is not asked: as far as it knows no
// connect comes to anything.
func idleLoop(t *testing.T) *Loop {
	t.Helper()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dialTo begins to dial these addresses of one host.
func dialTo(t *testing.T, l *Loop, d *Dialer, ips ...string) *Conn {
	t.Helper()
	c, err := d.Dial(l, "tcp", "127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	x := c.dial()
	x.ips = nil
	for _, ip := range ips {
		x.ips = append(x.ips, netip.MustParseAddr(ip))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	x.port = uint16(ln.Addr().(*net.TCPAddr).Port)
	c.again()
	return c
}

// underWay is where the attempts of c go.
func underWay(c *Conn) string {
	if c.is(closed) {
		return "closed"
	}
	s := ""
	for a := c.dial().attempts; a != nil; a = a.next {
		s += a.to.Addr().String() + " "
	}
	return s
}

// RFC 8305 section 5: an address that takes longer than the delay gets company, and is not given up.
// With a negative FallbackDelay each address has its share of the time in place of that.
func TestDialAttemptsFollowTheirDelay(t *testing.T) {
	t.Parallel()
	const a, b, c = "127.0.0.1", "127.0.0.2", "127.0.0.3"
	const ms, s = time.Millisecond, time.Second
	type step struct {
		at   time.Duration
		want string
	}
	for _, k := range []struct {
		name  string
		d     Dialer
		steps []step
	}{
		{"default", Dialer{}, []step{{200 * ms, a + " "}, {260 * ms, a + " " + b + " "}, {480 * ms, a + " " + b + " "}, {530 * ms, a + " " + b + " " + c + " "}, {29 * s, a + " " + b + " " + c + " "}, {31 * s, "closed"}}},
		{"a second", Dialer{FallbackDelay: s, Timeout: 2500 * ms}, []step{{900 * ms, a + " "}, {1100 * ms, a + " " + b + " "}, {2400 * ms, a + " " + b + " " + c + " "}, {2600 * ms, "closed"}}},
		{"none", Dialer{FallbackDelay: -1}, []step{{9 * s, a + " "}, {11 * s, b + " "}, {19 * s, b + " "}, {21 * s, c + " "}, {29 * s, c + " "}, {31 * s, "closed"}}},
		{"for ever", Dialer{Timeout: -1}, []step{{31 * s, a + " " + b + " "}, {32 * s, a + " " + b + " " + c + " "}, {3600 * s, a + " " + b + " " + c + " "}}},
	} {
		t.Run(k.name, func(t *testing.T) {
			l := idleLoop(t)
			conn := dialTo(t, l, &k.d, a, b, c)
			for _, step := range k.steps {
				if l.moveTo(step.at); underWay(conn) != step.want {
					t.Errorf("after %v: %s, want %s", step.at, underWay(conn), step.want)
				}
			}
			if conn.is(closed) && !errors.Is(conn.more.err, os.ErrDeadlineExceeded) {
				t.Error(conn.more.err)
			}
			conn.Abort()
			l.settle()
			l.closeFDs()
			if l.slots.live != 0 {
				t.Error(l.slots.live, "slots are left")
			}
		})
	}
}

// A name of many addresses has a bounded number of sockets.
func TestDialAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	l := idleLoop(t)
	var ips []string
	for i := range 40 {
		ips = append(ips, fmt.Sprintf("127.0.0.%d", i+1))
	}
	c := dialTo(t, l, &Dialer{}, ips...)
	for at := range 30 {
		l.moveTo(time.Duration(at) * time.Second)
		n := 0
		for a := c.dial().attempts; a != nil; a = a.next {
			n++
		}
		if n > maxAttempts || l.slots.live != n+1 {
			t.Fatalf("%d attempts, %d slots", n, l.slots.live)
		}
		l.closeFDs()
	}
	c.Abort()
	l.settle()
	l.closeFDs()
	if l.slots.live != 0 {
		t.Error(l.slots.live, "slots are left")
	}
}

// RFC 8305 section 4: the families alternate, and within each the order stays.
func TestAddressesAlternate(t *testing.T) {
	t.Parallel()
	for _, k := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"1.1.1.1"}, []string{"1.1.1.1"}},
		{[]string{"::1", "::2", "::3", "1.1.1.1"}, []string{"::1", "1.1.1.1", "::2", "::3"}},
		{[]string{"1.1.1.1", "1.1.1.2", "::1", "::2", "::3"}, []string{"1.1.1.1", "::1", "1.1.1.2", "::2", "::3"}},
		{[]string{"::ffff:1.1.1.1", "::1"}, []string{"1.1.1.1", "::1"}},
		{[]string{"::1", "::2"}, []string{"::1", "::2"}},
	} {
		var in []netip.Addr
		for _, s := range k.in {
			in = append(in, netip.MustParseAddr(s))
		}
		var got []string
		for _, ip := range interleave(in) {
			got = append(got, ip.String())
		}
		if !reflect.DeepEqual(got, k.want) {
			t.Errorf("%v: %v, want %v", k.in, got, k.want)
		}
	}
	many := make([]netip.Addr, 3*maxAddrs)
	for i := range many {
		many[i] = netip.IPv6Loopback()
	}
	if got := interleave(many); len(got) != maxAddrs {
		t.Error(len(got), "addresses")
	}
}

// A zone is an interface's name or number (RFC 4007 section 11.2); none that is unknown is taken for no zone.
func TestZones(t *testing.T) {
	t.Parallel()
	ifs, err := net.Interfaces()
	if err != nil || len(ifs) == 0 {
		t.Skip("no interfaces: ", err)
	}
	for _, k := range []struct {
		name string
		want uint32
		ok   bool
	}{
		{"", 0, true}, {ifs[0].Name, uint32(ifs[0].Index), true}, {"1", 1, true}, {"4294967295", 1<<32 - 1, true},
		{"0", 0, false}, {"4294967296", 0, false}, {"-1", 0, false}, {"no-such-interface", 0, false}, {"1x", 0, false},
	} {
		if n, err := zone(k.name); n != k.want || (err == nil) != k.ok {
			t.Errorf("%q: %d, %v", k.name, n, err)
		}
	}
}
