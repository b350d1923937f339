// Timer: functions that the loop calls later.

package conn

import (
	"math"
	"time"

	"github.com/lurcher-net/lurcher/poller"
)

// A Timer calls a function on its loop, once. It is made by [Loop.After] or
// [Conn.After], and belongs to the loop's goroutine.
type Timer struct {
	conn *Conn // the owner; Loop.nobody for the loop's own timers
	fn   func()
	slot uint32 // 0: not running
	laps uint32 // how often maxTicks have still to pass
}

// After calls fn on the loop once d has passed: never earlier, and later only if the
// loop is busy. A running timer keeps [Loop.Run] from returning.
func (l *Loop) After(d time.Duration, fn func()) *Timer {
	l.own("Loop.After")
	t := &Timer{conn: &l.nobody, fn: fn}
	t.start(d)
	return t
}

// After is [Loop.After], but fn is not called once c is closed. A panic in fn closes c.
// Like any timer it keeps [Loop.Run] from returning, even after c is closed: stop it in
// Handler.Close if that matters.
func (c *Conn) After(d time.Duration, fn func()) *Timer {
	c.own("After")
	t := &Timer{conn: c, fn: fn}
	t.start(d)
	return t
}

// Stop prevents the call, and reports whether it did. False means that fn has been
// called, that the timer was stopped before, or that it is nil.
func (t *Timer) Stop() bool {
	t.own("Stop")
	if !t.Running() {
		return false
	}
	t.conn.loop.wheel.remove(t.slot)
	t.release()
	return true
}

// Running reports whether the call is still to come.
func (t *Timer) Running() bool { return t != nil && t.slot != 0 }

// Reset starts the timer anew, to fire when d has passed from now, and reports whether
// it was still running. A nil or zero Timer has no function: Reset does nothing.
func (t *Timer) Reset(d time.Duration) bool {
	t.own("Reset")
	if t == nil || t.conn == nil {
		return false
	}
	running := t.Stop()
	t.start(d)
	return running
}

func (t *Timer) start(d time.Duration) {
	l := t.conn.loop
	if l.ending || t.conn.is(closed) {
		return
	}
	t.slot = l.slots.alloc(t)
	// Read the clock: counted from the time of the turn, the timer would fire early
	// by what the turn has taken so far.
	late := time.Since(l.time) + l.ahead
	d = min(max(d, 0), math.MaxInt64-late-tickLen)
	n := (d + late + tickLen - 1) / tickLen
	t.laps = uint32(n / maxTicks)
	l.wheel.add(t.slot, l.now+uint32(n%maxTicks))
}

func (t *Timer) release() {
	t.conn.loop.slots.release(t.slot)
	t.slot = 0
}

func (t *Timer) expire() {
	l := t.conn.loop
	if t.laps > 0 {
		t.laps--
		l.wheel.add(t.slot, l.slots.at(t.slot).tick+maxTicks)
		return
	}
	t.release()
	if t.conn.is(closed) {
		return
	}
	if t.conn != &l.nobody {
		l.running = t.conn
	}
	t.fn()
}

func (t *Timer) event(poller.Ready) {}
func (t *Timer) stop(error)         { t.Stop() }
