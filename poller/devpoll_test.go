// The /dev/poll backend over a model of the device, which follows the sources of illumos (devpoll.c)
// and the manual page, with poll(2) as its eyes. It has never yet run on SunOS.

//go:build unix && !aix

package poller

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	fakes = append(fakes,
		subject{name: "devpoll-illumos", open: func() (Poller, error) { return newDevpoll(&modelDevice{}) }, halfs: pollRDHUP != 0, limit: 1 << 30},
		subject{name: "devpoll-solaris", open: func() (Poller, error) { return newDevpoll(&modelDevice{solaris: true}) }, limit: 1 << 30})
}

// modelDevice is one open /dev/poll. It keeps numbers, not files: one that is closed stays in the set as
// POLLNVAL, and one that is reused is polled under its old entry.
type modelDevice struct {
	set     []unix.PollFd  // in the order of descriptors
	next    int            // where the scan goes on: an index of set
	solaris bool           // there is no POLLRDHUP
	odd     map[int32]bool // whose driver fails
	writes  []string       // when recording
	record  bool
	fail    error // what the next call returns
	closed  bool
}

func (d *modelDevice) write(entries []unix.PollFd) error {
	if d.record {
		var s []string
		for _, e := range entries {
			s = append(s, fmt.Sprintf("%d:%#x", e.Fd, e.Events))
		}
		d.writes = append(d.writes, strings.Join(s, " "))
	}
	if err := d.fail; err != nil {
		d.fail = nil
		return err
	}
	for _, e := range entries {
		if d.solaris {
			e.Events &^= pollRDHUP
		}
		i, found := slices.BinarySearchFunc(d.set, e, func(a, b unix.PollFd) int { return int(a.Fd - b.Fd) })
		switch {
		case e.Events == pollRemove: // exactly
			if found {
				d.set = slices.Delete(d.set, i, i+1)
			}
		case !isOpen(int(e.Fd)): // skipped in silence
		case found:
			d.set[i].Events |= e.Events
		default:
			d.set = slices.Insert(d.set, i, unix.PollFd{Fd: e.Fd, Events: e.Events})
		}
	}
	return nil
}

func (d *modelDevice) poll(dst []unix.PollFd, ms int) (int, error) {
	if err := d.fail; err != nil {
		d.fail = nil
		return 0, err
	}
	for _, e := range d.set {
		if d.odd[e.Fd] {
			return 0, unix.EIO
		}
	}
	if _, err := unix.Poll(d.set, ms); err != nil {
		return 0, err
	}
	n := 0
	for range d.set {
		if n == len(dst) {
			break
		}
		if d.next >= len(d.set) {
			d.next = 0
		}
		if e := d.set[d.next]; e.Revents != 0 {
			if e.Revents&unix.POLLERR != 0 { // so_poll: "errors are represented as input/output events"
				e.Revents = e.Revents&^unix.POLLERR | e.Events&(unix.POLLIN|unix.POLLOUT)
			}
			dst[n] = e
			n++
		}
		d.next++
	}
	return n, nil
}

func (d *modelDevice) try(entry unix.PollFd) error {
	if d.odd[entry.Fd] {
		return unix.EIO
	}
	return nil
}

func (d *modelDevice) close() error {
	d.closed = true
	return nil
}

// TestDevpollWrites: what each operation writes. Events are ORed by the device, so less is a
// removal and an addition in one write; and a removal goes out before the descriptor can be
// closed.
func TestDevpollWrites(t *testing.T) {
	d := &modelDevice{}
	g := newRig(t, subject{name: "devpoll", open: func() (Poller, error) { return newDevpoll(d) }})
	d.record = true
	a, _ := g.unix()
	in, out := unix.POLLIN|pollRDHUP, int16(unix.POLLOUT)
	for _, step := range []struct {
		name string
		err  error
		want []any // events
	}{
		{"Add for nothing", g.p.Add(a, 1, 0), nil},
		{"more", g.p.Mod(a, 1, Read), []any{in}},
		{"the same", g.p.Mod(a, 2, Read), nil},
		{"more", g.p.Mod(a, 2, Read|Write), []any{in | out}},
		{"less", g.p.Mod(a, 2, Write), []any{pollRemove, out}},
		{"the other", g.p.Mod(a, 2, Read), []any{pollRemove, in}},
		{"nothing", g.p.Mod(a, 2, 0), []any{pollRemove}},
		{"Del of nothing", g.p.Del(a), nil},
		{"Add", g.p.Add(a, 3, Read|Write), []any{in | out}},
		{"Del", g.p.Del(a), []any{pollRemove}},
	} {
		if step.err != nil {
			t.Fatal(step.name, step.err)
		}
		if step.want == nil {
			continue
		}
		var s []string
		for _, ev := range step.want {
			s = append(s, fmt.Sprintf("%d:%#x", a, ev))
		}
		want := strings.Join(s, " ")
		if len(d.writes) == 0 || d.writes[0] != want {
			t.Fatalf("%s: wrote %q, want %q", step.name, d.writes, want)
		}
		d.writes = d.writes[1:]
	}
	if len(d.writes) != 0 {
		t.Errorf("wrote %q more", d.writes)
	}
}

// TestDevpollClosedUnderneath: the device would report what was closed at every poll, so it is
// taken out of the set.
func TestDevpollClosedUnderneath(t *testing.T) {
	d := &modelDevice{}
	g := newRig(t, subject{name: "devpoll", open: func() (Poller, error) { return newDevpoll(d) }})
	a, _ := g.unix()
	g.must(g.p.Add(a, 1, Read))
	g.close(a)
	g.quiet(0)
	if len(d.set) != 1 {
		t.Errorf("the set is %v, want the wake-up pipe alone", d.set)
	}
	// The number comes back, and the caller never knew that it was gone.
	b, c := g.unix()
	if b != a {
		t.Fatalf("%d was not free after close", a)
	}
	g.write(c, "x")
	g.must(g.p.Mod(b, 2, Read))
	g.one(2, Read, 0)
}

// TestDevpollOdd: a descriptor whose driver fails is reported as an error, and the others go on.
func TestDevpollOdd(t *testing.T) {
	d := &modelDevice{odd: map[int32]bool{}}
	g := newRig(t, subject{name: "devpoll", open: func() (Poller, error) { return newDevpoll(d) }})
	a, _ := g.unix()
	b, c := g.unix()
	g.must(g.p.Add(a, 1, Read|Write))
	g.must(g.p.Add(b, 2, Read))
	d.odd[int32(a)] = true
	g.one(1, Read|Write|Err, 0)
	g.quiet(0)
	g.write(c, "x")
	g.one(2, Read, 0)
	g.empty(b)
	g.must(g.p.Mod(a, 3, Write))
	g.one(3, Write|Err, 0)
	g.must(g.p.Del(a))
	g.quiet(0)
}

// TestDevpollFailures: a write that fails changes nothing here, and is told.
func TestDevpollFailures(t *testing.T) {
	d := &modelDevice{}
	g := newRig(t, subject{name: "devpoll", open: func() (Poller, error) { return newDevpoll(d) }})
	a, b := g.unix()
	g.write(b, "x")
	fails := func(what string, do func() error) {
		t.Helper()
		d.fail = unix.ENOMEM
		if err := do(); !errors.Is(err, unix.ENOMEM) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	fails("Add", func() error { return g.p.Add(a, 1, Read) })
	g.quiet(0)
	g.must(g.p.Add(a, 1, Read))
	fails("Mod", func() error { return g.p.Mod(a, 2, Write) })
	g.one(1, Read, 0)
	fails("Del", func() error { return g.p.Del(a) })
	g.one(1, Read, 0)
	fails("Wait", func() error { _, err := g.p.Wait(make([]Event, 1), 0); return err })
	g.one(1, Read, 0)
	g.must(g.p.Del(a))
	g.quiet(0)

	d = &modelDevice{fail: unix.ENOMEM}
	if p, err := newDevpoll(d); p != nil || !errors.Is(err, unix.ENOMEM) || !d.closed {
		t.Errorf("open: got %v, %v, closed %v", p, err, d.closed)
	}
}
