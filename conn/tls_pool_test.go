//go:build unix

package conn

import (
	"bytes"
	"container/heap"
	"context"
	"net"
	"slices"
	"testing"
	"time"
)

// waiter returns a handshake that has waited for its peer for so long.
func waiter(p *pool, waited time.Duration) *handshake {
	hs := new(handshake)
	hs.ctx, hs.cancel = context.WithCancelCause(context.Background())
	hs.since = time.Now().Add(-waited)
	heap.Push(&p.waiting, hs)
	p.running++
	p.places++
	return hs
}

// Who has waited longest in sum makes room, for as many as wait; nobody does where nobody waits.
func TestHandshakesMakeRoom(t *testing.T) {
	t.Parallel()
	const none = -time.Hour // begun to wait just now, on a machine that may be slow
	for _, k := range []struct {
		name   string
		waited []time.Duration
		queued int
		want   []bool // who makes room
	}{
		{"nobody waits", []time.Duration{time.Hour, time.Minute}, 0, []bool{false, false}},
		{"one waits", []time.Duration{time.Minute, time.Hour, none, 2 * time.Second}, 1, []bool{false, true, false, false}},
		{"two wait", []time.Duration{time.Minute, time.Hour, none, 2 * time.Second}, 2, []bool{true, true, false, false}},
		{"more wait than have had their time", []time.Duration{time.Minute, none, none, none}, 3, []bool{true, false, false, false}},
	} {
		var p pool
		var all []*handshake
		for _, d := range k.waited {
			all = append(all, waiter(&p, d))
		}
		for range k.queued {
			p.queue.push(new(handshake))
		}
		p.mu.Lock()
		p.makeRoom()
		p.makeRoom() // it does not go twice for the same
		for i, hs := range all {
			if got := hs.leaving; got != k.want[i] || got != (context.Cause(hs.ctx) == errCrowded) || got == hs.waits {
				t.Errorf("%s: handshake %d leaves: %v, %v", k.name, i, got, context.Cause(hs.ctx))
			}
		}
		if timer := p.due.IsZero(); timer == (k.queued > p.leaving && len(p.waiting) > 0) {
			t.Errorf("%s: no timer: %v", k.name, timer)
		}
		if p.timer != nil {
			p.timer.Stop()
		}
		p.mu.Unlock()
	}
}

// A part of the goroutines is kept free, so that who comes next need not wait: by those who have waited
// longest, but nobody who has had less than the least time.
func TestHandshakesLeaveAReserve(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name            string
		free            int // of 16 places
		patient, others int // who have waited for a minute, and just begun
		leave           int
	}{
		{"there is a reserve", 2, 14, 0, 0},
		{"it is short", 1, 15, 0, 1},
		{"there is none", 0, 16, 0, 2},
		{"one has had its time", 0, 1, 15, 1},
		{"nobody has had its time", 0, 0, 16, 0},
	} {
		var p pool
		for range k.patient {
			waiter(&p, time.Minute)
		}
		for range k.others {
			waiter(&p, -time.Hour)
		}
		p.places += k.free
		p.mu.Lock()
		p.advance()
		p.advance()
		if p.leaving != k.leave {
			t.Errorf("%s: %d leave, want %d", k.name, p.leaving, k.leave)
		}
		if p.timer != nil {
			p.timer.Stop()
		}
		p.mu.Unlock()
	}
}

// A second is shared among those who have a goroutine and those who wait for one, but has a least.
func TestHandshakesShareTheSecond(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		places, queued int
		want           time.Duration
	}{{2, 0, time.Second}, {3, 1, 750 * time.Millisecond}, {2, 2, time.Second / 2}, {2048, 2048, time.Second / 2}, {2048, 14336, leastPatience}} {
		p := pool{places: k.places}
		for range k.queued {
			p.queue.push(new(handshake))
		}
		if got := p.patience(); got != k.want {
			t.Errorf("%d places, %d in line: %v, want %v", k.places, k.queued, got, k.want)
		}
	}
}

// What counts is the sum of the waits: who goes on has no new second.
func TestHandshakeWaitsAddUp(t *testing.T) {
	t.Parallel()
	var p pool
	hs := waiter(&p, 600*time.Millisecond)
	p.resume(hs)
	if hs.waits || hs.waited < 600*time.Millisecond {
		t.Fatalf("%+v", hs.scheduling)
	}
	p.wait(hs)
	if waited := time.Since(hs.since); waited < 600*time.Millisecond || len(p.waiting) != 1 {
		t.Error(waited, len(p.waiting))
	}
}

// Most turns are for the last in line, and some for the first, so that no place in it is hopeless.
func TestHandshakesAreTakenFromBothEnds(t *testing.T) {
	t.Parallel()
	var p pool
	var all []*handshake
	for range 2 * firstEach {
		hs := new(handshake)
		all = append(all, hs)
		p.queue.push(hs)
	}
	var got []int
	for range all {
		got = append(got, slices.Index(all, p.take()))
	}
	want := []int{15, 14, 13, 12, 11, 10, 9, 0, 8, 7, 6, 5, 4, 3, 2, 1}
	if !slices.Equal(got, want) || p.queue.n != 0 || p.queue.first != nil {
		t.Errorf("%d, want %d", got, want)
	}
}

// Who has few handshakes under way goes before an address that has many, whichever came first; but those have
// some of the turns.
func TestHandshakesOfACrowdGoLast(t *testing.T) {
	t.Parallel()
	p := pool{running: maxBusy} // others compute
	s := &TLS{}
	name := map[*handshake]string{}
	begin := func(who string, ip string, n int) {
		for range n {
			hs := &handshake{t: &transport{cfg: s}, remote: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1 + len(name)}}
			name[hs] = who
			p.begin(hs)
		}
	}
	begin("flood", "10.0.0.1", few+20)
	begin("network", "2001:db8::1", few)
	begin("network", "2001:db8::2", 10) // of the same 64 bits
	begin("other", "10.0.0.2", 3)
	begin("flood", "::ffff:10.0.0.1", 10) // the same address
	if p.queue.n != 2*few+3 || p.crowd.n != 40 {
		t.Fatalf("%d in the queue, %d in the crowd", p.queue.n, p.crowd.n)
	}
	var got []string
	for len(got) < firstEach {
		hs := p.take()
		got = append(got, name[hs])
		p.forget(hs)
	}
	want := []string{"other", "other", "other", "network", "network", "network", "network", "flood"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for p.queued() > 0 {
		p.forget(p.take())
	}
	if len(p.from) != 0 {
		t.Errorf("%d addresses stay", len(p.from))
	}
}

// At TLS.Waiting, who has sent no ClientHello for a second makes room; nobody who has just come does.
func TestSilentPeersMakeRoom(t *testing.T) {
	t.Parallel()
	l := idleLoop(t)
	s := &TLS{Waiting: 3}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	begin := func(since time.Duration) *Conn { // as if it had come that long ago
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c, err := l.Adopt(nc, &Handler{TLS: s})
		if err != nil {
			t.Fatal(err)
		}
		l.turn() // it is opened
		if !c.is(closed) {
			c.more.tls.hs.since = time.Now().Add(-since)
		}
		return c
	}
	const later = -time.Hour // it has just come, on a machine that may be slow
	var all []*Conn
	for range 3 {
		all = append(all, begin(later))
	}
	next := begin(later)
	if !next.is(closed) || s.Stats().Pending != 3 {
		t.Errorf("the fourth: closed %v, %+v", next.is(closed), s.Stats())
	}
	all[1].more.tls.hs.since = time.Now().Add(-time.Hour) // too late: all[0] is the oldest
	all[0].more.tls.hs.since = time.Now().Add(-time.Hour)
	next = begin(later)
	l.turn()
	if next.is(closed) || !all[0].is(closed) || all[1].is(closed) {
		t.Error("the oldest of the silent has not made room")
	}
	for _, c := range append(all[1:], next) {
		c.Abort()
	}
	l.turn()
	if st := s.Stats(); st.Pending != 0 {
		t.Errorf("%+v", st)
	}
}

// A goroutine is woken for whole records; what is no record is crypto/tls's to refuse.
func TestWholeRecords(t *testing.T) {
	t.Parallel()
	record := func(kind byte, n int) []byte {
		return append([]byte{kind, 3, 3, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{'x'}, n)...)
	}
	two := append(record(22, 3), record(20, 1)...)
	for _, k := range []struct {
		name string
		p    []byte
		want int
	}{
		{"nothing", nil, 0},
		{"a header begun", []byte{22, 3, 3, 0}, 0},
		{"a header", []byte{22, 3, 3, 0, 1}, 0},
		{"an empty record", record(22, 0), 5},
		{"one", record(22, 300), 305},
		{"one, but for a byte", record(22, 300)[:304], 0},
		{"two", two, len(two)},
		{"two, but for a byte", two[:len(two)-1], 8},
		{"two and a type", append(bytes.Clone(two), 23), len(two)},
		{"the longest", record(23, 18<<10), 18<<10 + 5},
		{"longer than any", record(23, 18<<10+1)[:5], 5},
		{"no record", []byte("G"), 1},
		{"no record behind one", append(record(22, 3), "GET"...), 11},
	} {
		if got := wholeRecords(k.p); got != k.want {
			t.Errorf("%s: %d, want %d", k.name, got, k.want)
		}
	}
}
