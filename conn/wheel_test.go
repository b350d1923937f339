// The wheel against a model: a plain list. Time starts just before its 32 bits
// wrap and goes far around.

package conn

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// An entry of the model. Its time has 64 bits.
type entry struct {
	slot uint32
	due  int64
}

func (e *entry) event(poller.Ready) {}
func (e *entry) expire()            {}
func (e *entry) stop(error)         {}

func TestWheelAgainstAModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			base := int64(^uint32(0)) - rnd.Int64N(1<<(1+seed%32))
			wheelModel(t, rnd, base)
		})
	}
}

func wheelModel(t *testing.T, rnd *rand.Rand, now int64) {
	var slots table
	w := &wheel{t: &slots, now: uint32(now)}
	live := map[*entry]bool{}
	distance := func() int64 { return rnd.Int64N(1 << (1 + rnd.IntN(30))) }
	for range 20_000 {
		switch op := rnd.IntN(10); {
		case op < 5:
			due := now + distance() - 3
			e := &entry{due: max(due, now+1)} // what is due already fires at the next tick
			e.slot = slots.alloc(e)
			w.add(e.slot, uint32(due))
			live[e] = true
		case op < 7:
			for e := range live { // any
				w.remove(e.slot)
				if rnd.IntN(2) == 0 {
					slots.release(e.slot)
					delete(live, e)
				} else {
					due := now + distance()
					e.due = max(due, now+1)
					w.add(e.slot, uint32(due))
				}
				break
			}
		default:
			// As a loop does: to the next time there is, or anywhere before or after.
			to := now + distance()
			if _, tick, ok := w.next(); ok && op == 9 {
				to = now + int64(int32(tick-uint32(now)))
			}
			now = max(to, now)
			last := int64(-1 << 62)
			for i := w.advance(uint32(now)); i != 0; i = w.advance(uint32(now)) {
				e := slots.at(i).owner.(*entry)
				switch {
				case e.due > now:
					t.Fatalf("early by %d", e.due-now)
				case e.due < last:
					t.Fatalf("out of order: %d after %d", e.due, last)
				}
				last = e.due
				slots.release(i)
				delete(live, e)
				if rnd.IntN(8) == 0 { // a call that sets a timer
					e := &entry{due: now + 1 + distance()}
					e.slot = slots.alloc(e)
					w.add(e.slot, uint32(e.due))
					live[e] = true
				}
			}
			if w.now != uint32(now) {
				t.Fatalf("the wheel is at %d, not at %d", w.now, uint32(now))
			}
			soonest := int64(1 << 62)
			for e := range live {
				if e.due <= now {
					t.Fatalf("late by %d", now-e.due)
				}
				soonest = min(soonest, e.due)
			}
			if _, tick, ok := w.next(); ok != (len(live) > 0) || ok && int64(int32(tick-uint32(now))) > max(soonest-now, 1) {
				t.Fatalf("next is %d, %v; %d entries, the first in %d", int32(tick-uint32(now)), ok, len(live), soonest-now)
			}
		}
	}
	for e := range live {
		w.remove(e.slot)
		slots.release(e.slot)
	}
	if slots.live != 0 || w.used != [wheelLevels]uint64{} {
		t.Errorf("%d slots live, lists %x in use", slots.live, w.used)
	}
}

// clockLoop returns a loop with a clock that is moved by hand, and no poller.
func clockLoop() *Loop {
	l := &Loop{epoch: time.Now()}
	l.nobody.loop = l
	l.readClock()
	l.wheel = wheel{t: &l.slots, now: firstTick}
	return l
}

func (l *Loop) moveTo(d time.Duration) {
	l.epoch = time.Now().Add(-d)
	l.readClock()
	for i := l.wheel.advance(l.now); i != 0; i = l.wheel.advance(l.now) {
		l.slots.at(i).owner.expire()
	}
}

// Timers count what does not fit in the wheel in laps: 12 days each.
func TestTimerOfManyDays(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, d := range []time.Duration{day, 12*day + 10*time.Hour, 13 * day, 49*day + 17*time.Hour, 50 * day, 1000 * day} {
		l := clockLoop()
		l.moveTo(3 * day)
		fired := false
		l.After(d, func() { fired = true })
		end := 3*day + d
		for at := 3 * day; at < end-time.Second; at += 5 * day {
			if l.moveTo(at); fired {
				t.Fatalf("a timer of %v fired after %v", d, at-3*day)
			}
		}
		if l.moveTo(end - time.Second); fired {
			t.Fatalf("a timer of %v fired a second early", d)
		}
		if l.moveTo(end + time.Second); !fired {
			t.Fatalf("a timer of %v did not fire a second late", d)
		}
		if l.slots.live != 0 {
			t.Error("its slot is not free")
		}
	}
}

// A negative duration on an old loop once made billions of laps.
func TestTimerInThePastOfAnOldLoop(t *testing.T) {
	t.Parallel()
	l := clockLoop()
	for day := range time.Duration(40) {
		l.moveTo((day + 1) * 24 * time.Hour)
	}
	fired := false
	l.After(-50*24*time.Hour, func() { fired = true })
	if l.moveTo(40*24*time.Hour + time.Second); !fired {
		t.Error("it did not fire")
	}
}

// A loop with no timer still turns often enough that its wheel keeps up.
func TestIdleForIsBounded(t *testing.T) {
	t.Parallel()
	l := clockLoop()
	if d := l.idleFor(); d <= 0 || d > maxTicks*tickLen {
		t.Errorf("idle for %v", d)
	}
	l.After(time.Hour, func() {})
	if d := l.idleFor(); d <= 0 || d > time.Hour+2*tickLen {
		t.Errorf("idle for %v with a timer in an hour", d)
	}
}

func TestTicksRoundUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]uint32{1: 1, tickLen - 1: 1, tickLen: 1, tickLen + 1: 2, 1 << 62: maxTicks, maxTicks * tickLen: maxTicks} {
		if got := ticks(d); got != want {
			t.Errorf("ticks(%v) = %d, want %d", d, got, want)
		}
	}
}

// Generations keep a late event from the next tenant of a slot.
func TestStaleTokens(t *testing.T) {
	t.Parallel()
	var slots table
	a, b := &entry{}, &entry{}
	i := slots.alloc(a)
	old := slots.token(i)
	if slots.find(old) != owner(a) {
		t.Fatal("not found")
	}
	slots.release(i)
	if slots.find(old) != nil {
		t.Error("found after its release")
	}
	if j := slots.alloc(b); j != i {
		t.Fatal("the slot was to be used again")
	}
	if slots.find(old) != nil || slots.find(slots.token(i)) != owner(b) {
		t.Error("the old token finds the new tenant")
	}
	if slots.find(poller.Token(1<<20)) != nil || slots.find(0) != nil {
		t.Error("a token of nobody finds somebody")
	}
}
