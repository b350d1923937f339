// Look-ups: shared, bounded, cancelled and remembered.

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// An oracle is a resolver whose answers the test gives.
type oracle struct {
	mu      sync.Mutex
	asked   []string
	running int
	most    int
	ended   int                                     // by their context
	answer  func(host string) ([]netip.Addr, error) // nil: when free is closed, 127.0.0.1
	free    chan struct{}
	err     error // when free is closed
}

func (o *oracle) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	o.mu.Lock()
	o.asked = append(o.asked, network+" "+host)
	o.running++
	o.most = max(o.most, o.running)
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.running--
		o.mu.Unlock()
	}()
	if o.answer != nil {
		return o.answer(host)
	}
	select {
	case <-o.free:
		if o.err != nil {
			return nil, o.err
		}
		return addrs("127.0.0.1"), nil
	case <-ctx.Done():
		o.mu.Lock()
		o.ended++
		o.mu.Unlock()
		return nil, ctx.Err()
	}
}

// state returns the number of look-ups asked for, running, and ended by their context.
func (o *oracle) state() [3]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return [3]int{len(o.asked), o.running, o.ended}
}

// refused returns a port that nobody listens at.
func (r *rig) refused() string {
	r.Helper()
	_, port, _ := net.SplitHostPort(loopback.Refused(r))
	return port
}

// 10,000 dials of one name, on two loops, are one look-up.
func TestLookupIsShared(t *testing.T) {
	eachPoller(t, func(r *rig) {
		notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
		o := &oracle{free: make(chan struct{}), err: notFound}
		other := newRig(r.T, r.name, "tcp")
		const n = 10_000
		ch := make(chan error, n)
		for i, l := range []*rig{r, other} {
			l.do(func() {
				for range n / 2 {
					name := []string{"shared.test:1", "SHARED.test:1"}[i]
					(&conn.Dialer{Resolver: o}).Dial(l.loop, "tcp", name, &conn.Handler{Close: func(_ *conn.Conn, err error) { ch <- err }})
				}
			})
		}
		close(o.free)
		for range n {
			r.wantErr(ch, notFound)
		}
		if o.asked[0] != "ip shared.test" || len(o.asked) != 1 {
			r.Error(len(o.asked), "look-ups:", o.asked)
		}
	})
}

// Questions that are not equal are not answered by each other's answers.
func TestLookupsThatDiffer(t *testing.T) {
	eachPoller(t, func(r *rig) {
		port := r.refused()
		loopback.Until(r, "four look-ups to suffice", func() bool { // answers are remembered for some seconds
			o := &oracle{free: make(chan struct{})}
			close(o.free)
			for range 2 { // the second time by what is remembered
				for _, k := range [][2]string{{"tcp", "a.test:" + port}, {"tcp4", "a.test:" + port}, {"tcp", "b.test:" + port}, {"tcp", "a.test:discard"}} {
					_, _, closed := r.dialBy(&conn.Dialer{Resolver: o}, k[0], k[1])
					get(r, closed)
				}
			}
			if got := o.state()[0]; got < 4 {
				r.Fatal(got, "look-ups:", o.asked)
			}
			return o.state()[0] == 4
		})
	})
}

// 64 look-ups run at a time in the process, and the others have their turn. It is not parallel: there is one bound for all tests.
func TestLookupsAreBounded(t *testing.T) {
	r := newRig(t, "poll", "tcp")
	o := &oracle{free: make(chan struct{})}
	const n = 200
	ch := make(chan error, n)
	var cs []*conn.Conn
	port := r.refused()
	r.do(func() {
		for i := range n {
			c, err := (&conn.Dialer{Resolver: o}).Dial(r.loop, "tcp", fmt.Sprintf("n%d.test:%s", i, port), &conn.Handler{Close: func(_ *conn.Conn, err error) { ch <- err }})
			if err != nil {
				r.Fatal(err)
			}
			cs = append(cs, c)
		}
	})
	r.until("64 run", func() bool { return o.state()[1] == 64 })
	r.turns(10)
	r.do(func() {
		for _, c := range cs[100:150] { // of the queue
			c.Close()
		}
		cs[0].Close() // one that runs: its place goes to the first of the queue
	})
	for range 51 {
		r.wantErr(ch, net.ErrClosed)
	}
	r.until("the next runs", func() bool { return o.state() == [3]int{65, 64, 1} })
	close(o.free)
	for range n - 51 {
		r.wantErr(ch, syscall.ECONNREFUSED)
	}
	if got := o.state(); got[0] != n-50 || o.most != 64 {
		r.Error(got, o.most)
	}
}

// A look-up ends with the last connection that waits for it, and not before.
func TestLookupIsCancelled(t *testing.T) {
	eachPoller(t, func(r *rig) {
		o := &oracle{free: make(chan struct{})}
		d := &conn.Dialer{Resolver: o}
		var cs []*conn.Conn
		var ends []chan error
		for range 3 {
			c, _, closed := r.dialBy(d, "tcp", "cancelled.test:1")
			cs, ends = append(cs, c), append(ends, closed)
		}
		for i, k := range []int{1, 0, 2} {
			r.until("it runs", func() bool { return o.state() == [3]int{1, 1, 0} })
			r.do(func() { cs[k].Close() })
			r.wantErr(ends[k], net.ErrClosed)
			if i < 2 {
				r.turns(3)
			}
		}
		r.until("it has ended", func() bool { return o.state() == [3]int{1, 0, 1} })
		// Who asks next is not given the error of the one that was cancelled.
		_, _, closed := r.dialBy(d, "tcp", "cancelled.test:"+r.refused())
		close(o.free)
		r.wantErr(closed, syscall.ECONNREFUSED)
	})
}

// A resolver that fails, panics or ends its goroutine fails those who wait, and takes no place with it.
func TestLookupFailures(t *testing.T) {
	eachPoller(t, func(r *rig) {
		notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
		later := &net.DNSError{Err: "try again", IsTemporary: true}
		for _, k := range []struct {
			name   string
			answer func(string) ([]netip.Addr, error)
			want   error // nil: any
			asked  int   // in two dials, one after the other
		}{
			{"not found is remembered", func(string) ([]netip.Addr, error) { return nil, notFound }, notFound, 1},
			{"another error is not", func(string) ([]netip.Addr, error) { return nil, later }, later, 2},
			{"no address is not", func(string) ([]netip.Addr, error) { return nil, nil }, nil, 2},
			{"panic", func(string) ([]netip.Addr, error) { panic("in the resolver") }, nil, 2},
			{"Goexit", func(string) ([]netip.Addr, error) { runtime.Goexit(); return nil, nil }, nil, 2},
		} {
			o := &oracle{answer: k.answer}
			for range 2 {
				_, _, closed := r.dialBy(&conn.Dialer{Resolver: o}, "tcp", "fails.test:1")
				err := get(r, closed)
				var op *net.OpError
				if !errors.As(err, &op) || k.want != nil && !errors.Is(err, k.want) {
					r.Errorf("%s: %v", k.name, err)
				}
			}
			if got := o.state(); got != [3]int{k.asked, 0, 0} {
				r.Errorf("%s: %v look-ups asked for, running, ended", k.name, got)
			}
		}
		// More of them than may run at a time.
		o := &oracle{answer: func(string) ([]netip.Addr, error) { runtime.Goexit(); return nil, nil }}
		for i := range 100 {
			_, _, closed := r.dialBy(&conn.Dialer{Resolver: o}, "tcp", fmt.Sprintf("gone%d.test:1", i))
			get(r, closed)
		}
	})
}
