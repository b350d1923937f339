// The timing wheel: six levels of 64 lists, each level 64 times coarser than
// the one below. An entry is at the level of the highest base-64 digit in which its
// tick differs from now, and moves down when time gets there. A bitmap for each level
// says which lists are not empty. So the next deadline is found without walking the
// lists, and the loop never wakes for an empty one.

package conn

import (
	"math/bits"
	"time"
)

// A tick is a millisecond. Ticks are 32 bits wide and wrap after 49 days; only
// their differences count, and those are kept under maxTicks.
const (
	tickLen  = time.Millisecond
	maxTicks = 1 << 30 // 12 days: Timer counts more in laps, timeouts are clamped

	wheelBits   = 6
	wheelSize   = 1 << wheelBits
	wheelLevels = 6           // 36 bits: covers a tick's 32
	dueList     = wheelLevels // one more list, of entries for advance to return
	headFlag    = 1 << 31
)

// ticks converts d, rounding up, so that nothing fires early. The least is one.
func ticks(d time.Duration) uint32 {
	if d >= maxTicks*tickLen {
		return maxTicks
	}
	return uint32(max((d+tickLen-1)/tickLen, 1))
}

type wheel struct {
	t    *table
	now  uint32
	used [wheelLevels]uint64
	head [wheelLevels + 1][wheelSize]uint32
}

// add links slot i to fire at tick, or at the next tick if that has passed.
func (w *wheel) add(i, tick uint32) {
	w.t.at(i).tick = tick
	if int32(tick-w.now) <= 0 {
		tick = w.now + 1
	}
	level := (31 - bits.LeadingZeros32(tick^w.now)) / wheelBits
	pos := tick >> (level * wheelBits) % wheelSize
	w.used[level] |= 1 << pos
	w.link(i, uint32(level), pos)
}

func (w *wheel) link(i, level, pos uint32) {
	s, first := w.t.at(i), &w.head[level][pos]
	s.next, s.prev = *first, headFlag|level<<wheelBits|pos
	if *first != 0 {
		w.t.at(*first).prev = i
	}
	*first = i
}

// remove unlinks slot i if it is linked.
func (w *wheel) remove(i uint32) {
	s := w.t.at(i)
	switch {
	case s.prev == 0:
		return
	case s.prev&headFlag != 0:
		level, pos := s.prev>>wheelBits%wheelSize, s.prev%wheelSize
		w.head[level][pos] = s.next
		if s.next == 0 && level != dueList {
			w.used[level] &^= 1 << pos
		}
	default:
		w.t.at(s.prev).next = s.next
	}
	if s.next != 0 {
		w.t.at(s.next).prev = s.prev
	}
	s.next, s.prev = 0, 0
}

// next returns the level of the earliest list, and its tick: there its entries are due
// (level 0), or have to move down.
func (w *wheel) next() (level int, tick uint32, ok bool) {
	for level := range wheelLevels {
		if w.used[level] == 0 {
			continue
		}
		// An entry agrees with now in the digits above its level, so a finer
		// level's entries all come before a coarser level's, and within a level
		// the lists ahead of now's own digit come in order.
		shift := level * wheelBits
		pos := int(w.now >> shift % wheelSize)
		ahead := bits.TrailingZeros64(bits.RotateLeft64(w.used[level], -pos))
		return level, (w.now>>shift + uint32(ahead)) << shift, true
	}
	return 0, 0, false
}

// due reports whether advance has more to return without moving the time.
func (w *wheel) due() bool { return w.head[dueList][0] != 0 }

// advance moves time up to now. It unlinks one slot that is due and returns it, or 0
// if there is none: call it until then.
func (w *wheel) advance(now uint32) uint32 {
	for {
		if i := w.head[dueList][0]; i != 0 {
			w.remove(i)
			return i
		}
		level, tick, ok := w.next()
		if !ok || int32(tick-now) > 0 {
			if int32(now-w.now) > 0 {
				w.now = now
			}
			return 0
		}
		w.now = tick
		w.cascade(level, tick>>(level*wheelBits)%wheelSize)
	}
}

// cascade empties the list that time has reached. Its entries go to the due list, or
// down to finer levels.
func (w *wheel) cascade(level int, pos uint32) {
	i := w.head[level][pos]
	w.head[level][pos] = 0
	w.used[level] &^= 1 << pos
	for i != 0 {
		s := w.t.at(i)
		next := s.next
		if int32(s.tick-w.now) <= 0 {
			w.link(i, dueList, 0)
		} else {
			w.add(i, s.tick)
		}
		i = next
	}
}
