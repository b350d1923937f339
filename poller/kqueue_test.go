// What the kqueue backend asks of its kernel, and what it makes of the answers that sockets in good
// order never give.

//go:build unix

package poller

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recordedKqueue returns a rig over a fake kernel that writes down what it is asked.
func recordedKqueue(t *testing.T) (*rig, *fakeKernel) {
	k, err := newFakeKernel("freebsd")
	if err != nil {
		t.Fatal(err)
	}
	k.recording = true
	g := newRig(t, subject{name: "kqueue", open: func() (Poller, error) { return newKqueue(k, k.filters) }})
	k.asked = nil
	return g, k
}

// asks returns what one Wait asks, as in "+a:read -b:write"; a bar parts its system calls.
func (k *fakeKernel) asks(g *rig, names map[int]string, room int) string {
	g.Helper()
	k.asked = nil
	_, err := g.p.Wait(make([]Event, room), 0)
	g.must(err)
	var calls []string
	for _, changes := range k.asked {
		var call []string
		for _, c := range changes {
			what := map[int32]string{k.filters.read: "read", k.filters.write: "write"}[c.filter]
			switch {
			case c.flags&evDelete != 0:
				call = append(call, "-"+names[c.ident]+":"+what)
			case c.flags&evClear != 0:
				call = append(call, "+"+names[c.ident]+":end")
			default:
				call = append(call, "+"+names[c.ident]+":"+what)
			}
		}
		calls = append(calls, strings.Join(call, " "))
	}
	return strings.Join(calls, " | ")
}

func TestKqueueChanges(t *testing.T) {
	g, k := recordedKqueue(t)
	a, _ := g.unix()
	b, _ := g.unix()
	names := map[int]string{a: "a", b: "b"}
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"nothing", func() {}, ""},
		{"Add for nothing", func() { g.must(g.p.Add(a, 1, 0)) }, "+a:end"},
		{"interest comes", func() { g.must(g.p.Mod(a, 1, Read)) }, "-a:read +a:read"},
		{"a wait later it is known", func() {}, ""},
		{"a new token is none of the kernel's business", func() { g.must(g.p.Mod(a, 2, Read)) }, ""},
		{"back and forth", func() { g.must(g.p.Mod(a, 2, Read|Write)); g.must(g.p.Mod(a, 2, Read)) }, ""},
		{"more", func() { g.must(g.p.Mod(a, 2, Read|Write)) }, "+a:write"},
		{"less", func() { g.must(g.p.Mod(a, 2, Write)) }, "-a:read +a:end"},
		{"the other", func() { g.must(g.p.Mod(a, 2, Read)) }, "-a:read +a:read -a:write"},
		{"paused", func() { g.must(g.p.Mod(a, 2, 0)) }, "-a:read +a:end"},
		{"Add and Del before the kernel hears", func() { g.must(g.p.Add(b, 3, Read)); g.must(g.p.Del(b)) }, ""},
		{"two at once", func() { g.must(g.p.Add(b, 3, Read|Write)); g.must(g.p.Mod(a, 2, Read)) }, "+b:read +b:write -a:read +a:read"},
		{"Del: closing comes next, and deletes", func() { g.must(g.p.Del(b)); g.close(b) }, ""},
		{"Del and Add: it may be another file", func() { g.must(g.p.Del(a)); g.must(g.p.Add(a, 4, Read)) }, "+a:read"},
		{"Del and Add for something else", func() { g.must(g.p.Del(a)); g.must(g.p.Add(a, 4, Write)) }, "-a:read +a:end +a:write"},
		{"Del of what stays open", func() { g.must(g.p.Del(a)) }, " | -a:write"},
	} {
		step.do()
		if got := k.asks(g, names, 10); got != step.want {
			t.Errorf("%s: asked %q, want %q", step.name, got, step.want)
		}
	}
}

// TestKqueueRoom: never more changes in a call than there is room for their errors, because one
// without room ends the call before the rest. And no call waits while there are more to come.
func TestKqueueRoom(t *testing.T) {
	g, k := recordedKqueue(t)
	names := map[int]string{}
	var fds []int
	for i := range 4 {
		a, _ := g.unix()
		names[a] = fmt.Sprint(i)
		fds = append(fds, a)
		g.must(g.p.Add(a, Token(i), Read))
	}
	if got, want := k.asks(g, names, 4), "+0:read +1:read | +2:read +3:read"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	if got := k.asks(g, names, 4); got != "" {
		t.Errorf("asked %q again", got)
	}

	for i, fd := range fds { // the last is ready
		g.must(g.p.Mod(fd, Token(i), []Ready{0, 0, 0, Write}[i]))
	}
	dst := make([]Event, 2)
	start := time.Now()
	n, err := g.p.Wait(dst, patience)
	if n != 1 || err != nil || dst[0] != (Event{3, Write}) || time.Since(start) >= patience {
		t.Errorf("got %v, %v", dst[:n], err)
	}

	for i, fd := range fds { // none is ready, but a wake-up comes with the first change
		g.must(g.p.Mod(fd, Token(i), []Ready{Read, Read, Read, 0}[i]))
	}
	g.must(g.p.Wake())
	start = time.Now()
	n, err = g.p.Wait(dst, patience)
	if n != 0 || err != nil || time.Since(start) >= patience {
		t.Errorf("got %v, %v", dst[:n], err)
	}
}

// TestKqueueTwoErrors: with room for one event, both filters of a descriptor fail, and the changes
// after them are applied all the same.
func TestKqueueTwoErrors(t *testing.T) {
	g, _ := recordedKqueue(t)
	a, _ := g.unix()
	b, c := g.unix()
	g.must(g.p.Add(a, 1, Read|Write))
	g.must(g.p.Add(b, 2, Read))
	g.close(a)
	g.write(c, "x")
	if got := g.allReady(1, 1); len(got) != 1 || got[2] != Read {
		t.Error("got", got)
	}
}

// TestKqueueRefused: a filter that the kernel will not add is reported once, as an error of what was
// asked for, and tried again after the next Mod.
func TestKqueueRefused(t *testing.T) {
	g, k := recordedKqueue(t)
	a, _ := g.unix()
	k.refuse = unix.EINVAL
	g.must(g.p.Add(a, 1, Write))
	g.one(1, Write|Err, 0)
	g.quiet(0)
	g.must(g.p.Mod(a, 2, Write))
	g.one(2, Write|Err, 0)
	k.refuse = 0
	g.must(g.p.Mod(a, 3, Write))
	g.one(3, Write, 0)
}

// TestKqueueNoReader: EPIPE is no failure of the change. It says that a write would not block, as long as it is
// asked for.
func TestKqueueNoReader(t *testing.T) {
	g, _ := recordedKqueue(t)
	r, w := g.pipe()
	g.close(r)
	g.must(g.p.Add(w, 1, Write))
	for range 3 {
		g.one(1, Write|Err, 0)
	}
	g.must(g.p.Mod(w, 2, 0))
	g.quiet(1)
	g.must(g.p.Mod(w, 2, Write))
	g.one(2, Write|Err, 0)
	g.must(g.p.Del(w))
	g.quiet(0)
}

// TestKqueueReaderLeaves: where the end of a full pipe's reader is an event of EVFILT_READ alone, it shows as
// Write, and goes on to.
func TestKqueueReaderLeaves(t *testing.T) {
	g, k := recordedKqueue(t)
	r, w := g.pipe()
	g.fill(w)
	g.must(g.p.Add(w, 1, Write))
	g.quiet(0)
	k.deaf = true
	g.close(r)
	for range 3 {
		g.one(1, Write|Hangup, 0)
	}
	g.must(g.p.Mod(w, 2, 0))
	g.quiet(1)
	g.quiet(0)
}

// TestKqueueVanished: a half-close means nothing to who does not read, and a reset after it is still told.
func TestKqueueVanished(t *testing.T) {
	for _, want := range []Ready{0, Write} {
		g, _ := recordedKqueue(t)
		a, b := g.tcp()
		g.must(g.p.Add(a, 1, Read))
		g.write(b, "x")
		g.one(1, Read, 0)
		g.fill(a)
		g.must(g.p.Mod(a, 1, want))
		g.quiet(0)
		g.write(b, "more")
		g.quiet(0)
		g.must(unix.Shutdown(b, unix.SHUT_WR))
		g.quiet(0)
		g.reset(b)
		if want == 0 {
			g.one(1, Err|Hangup, 0)
			g.quiet(0)
		} else {
			g.one(1, Write|Err, Hangup)
			g.one(1, Write|Err, Hangup)
		}
	}
}

// TestKqueueCloseIsFree: a descriptor that is deleted and then closed costs no change, and its number is added
// afresh when it comes back, whatever it was watched for before.
func TestKqueueCloseIsFree(t *testing.T) {
	g, k := recordedKqueue(t)
	names := map[int]string{}
	for _, c := range []struct {
		before, after Ready
		want          string
	}{
		{Read, Read, "+a:read"},
		{Read | Write, Read, "+a:read"},
		{Read | Write, Read | Write, "+a:read +a:write"},
		{0, 0, "+a:end"},
		{Write, Write, "+a:end +a:write"},
		{0, Read, "-a:read +a:read | "}, // the one deletion that may fail: nobody knows whether the file is another
	} {
		a, b := g.unix()
		g.must(g.p.Add(a, 1, c.before))
		g.allReady(1, 10)
		g.must(g.p.Del(a))
		g.close(a)
		if got := k.asks(g, names, 10); got != "" {
			t.Errorf("%v: asked %q at the end", c.before, got)
		}
		again, err := unix.FcntlInt(uintptr(b), unix.F_DUPFD, a)
		if g.own(again, err); again != a {
			t.Fatalf("%d was not free after close", a)
		}
		names[a] = "a"
		g.must(g.p.Add(a, 2, c.after))
		if got := k.asks(g, names, 10); got != c.want {
			t.Errorf("%v, then %v: asked %q, want %q", c.before, c.after, got, c.want)
		}
		g.must(g.p.Del(a))
		g.close(a)
		g.close(b)
	}
}

// TestKqueueTimedOut: darwin's kevent has returned ETIMEDOUT (golang/go#59679). It is no failure, and what
// should have been changed is asked for again.
func TestKqueueTimedOut(t *testing.T) {
	g, k := recordedKqueue(t)
	a, b := g.unix()
	g.write(b, "x")
	g.must(g.p.Add(a, 1, Read))
	k.fail = unix.ETIMEDOUT
	if n, err := g.p.Wait(make([]Event, 10), patience); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	g.one(1, Read, 0)
}

// TestKqueueFailure: after a call that failed, what it should have changed is changed by the next,
// whether it went through or not.
func TestKqueueFailure(t *testing.T) {
	g, k := recordedKqueue(t)
	a, _ := g.unix()
	b, _ := g.unix()
	names := map[int]string{a: "a", b: "b"}
	g.must(g.p.Add(a, 1, Read))
	k.asks(g, names, 10)
	g.must(g.p.Mod(a, 1, Write))
	g.must(g.p.Add(b, 2, Read))
	k.fail = unix.ENOMEM
	if n, err := g.p.Wait(make([]Event, 10), 0); n != 0 || !errors.Is(err, unix.ENOMEM) {
		t.Fatal(n, err)
	}
	if got, want := k.asks(g, names, 10), "-a:read +a:end +a:write +b:read"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	g.must(g.p.Mod(a, 1, Read))
	k.fail = unix.EINTR // comes after the changes were applied
	if n, err := g.p.Wait(make([]Event, 10), 0); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if got := k.asks(g, names, 10); got != "" {
		t.Errorf("asked %q after EINTR", got)
	}
}

// TestKqueueOneEvent: the two filters of a descriptor make one event, descriptors with one token
// do not.
func TestKqueueOneEvent(t *testing.T) {
	g, _ := recordedKqueue(t)
	a, b := g.unix()
	c, _ := g.unix()
	g.write(b, "x")
	g.must(g.p.Add(a, 7, Read|Write))
	g.must(g.p.Add(c, 7, Write))
	dst := make([]Event, 10)
	n, err := g.p.Wait(dst, 0)
	g.must(err)
	if n != 2 || dst[0] != (Event{7, Read | Write}) || dst[1] != (Event{7, Write}) {
		t.Errorf("got %v", dst[:n])
	}
}

// TestKqueueResetInLittleRoom: a reset shows as all that was asked for, even where there is room for
// what one filter says only.
func TestKqueueResetInLittleRoom(t *testing.T) {
	g, _ := recordedKqueue(t)
	a, b := g.tcp()
	g.must(g.p.Add(a, 1, Read|Write))
	g.allReady(1, 10)
	g.reset(b)
	dst := make([]Event, 1)
	for range 3 {
		n, err := g.p.Wait(dst, patience)
		g.must(err)
		if n != 1 || dst[0].Ready&^Hangup != Read|Write|Err {
			t.Errorf("got %v", dst[:n])
		}
	}
}

// TestKqueueOpenFails: what cannot be set up leaves nothing open.
func TestKqueueOpenFails(t *testing.T) {
	for _, user := range []bool{true, false} {
		k, err := newFakeKernel(map[bool]string{true: "freebsd", false: "netbsd"}[user])
		if err != nil {
			t.Fatal(err)
		}
		k.fail = unix.ENOMEM
		if p, err := newKqueue(k, k.filters); p != nil || !errors.Is(err, unix.ENOMEM) {
			t.Errorf("got %v, %v", p, err)
		}
		if _, err := inode(k.nudge.r); err != unix.EBADF {
			t.Error("the kernel was not closed")
		}
	}
}
