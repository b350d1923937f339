// Shedding, on connections without a socket: which are closed, and in portions.

package conn

import (
	"math"
	"testing"
	"time"
)

// Connections that hold most are closed first, until the others hold a quarter less than they
// may. However long that takes, the loop has its other work in between.
func TestSheddingIsDoneInPortions(t *testing.T) {
	t.Parallel()
	const small, large = 1 << 10, 3 << 10
	l := idleLoop(t)
	l.maxMemory = 1000 * large
	var ends [2]int
	handler := func(which int) *Handler {
		return &Handler{Close: func(*Conn, error) {
			ends[which]++
			for begin := time.Now(); time.Since(begin) < portion/8; {
			}
		}}
	}
	for _, h := range []*Handler{handler(0), handler(1)} {
		for range 1000 {
			l.newConn(-1, h, 0).Charge(small)
		}
	}
	l.turns()
	if l.stats.Shed != 0 || l.busy() {
		t.Fatalf("%d connections closed, but all hold %d of %d", l.stats.Shed, l.stats.Held, l.maxMemory)
	}
	for c := range l.Conns() {
		if c.slot%2 == 0 {
			c.h = handler(1)
			c.Charge(large - small)
		} else {
			c.h = handler(0)
		}
	}
	for turns := 1; ; turns++ {
		before := ends[1]
		if l.turns(); ends[1]-before > 100 { // each takes an eighth of a portion, at least
			t.Fatalf("%d connections were closed in one turn", ends[1]-before)
		}
		if !l.busy() {
			if turns == 1 {
				t.Error("all was done in one turn")
			}
			break
		}
	}
	if ends[0] != 0 {
		t.Errorf("%d connections were closed that hold less than others", ends[0])
	}
	if l.stats.Held > l.maxMemory/4*3 || l.stats.Held < l.maxMemory/4*3-large {
		t.Errorf("%d bytes are held when %d connections were closed: the bound is %d", l.stats.Held, ends[1], l.maxMemory)
	}
}

func TestClassesOfHolders(t *testing.T) {
	t.Parallel()
	for n, last := uint64(0), 0; n <= math.MaxUint32; n += max(1, n/64) {
		c := classOf(uint32(n))
		if c < last || c > last+1 || c >= numClasses {
			t.Fatalf("%d bytes are in class %d, after class %d", n, c, last)
		}
		last = c
	}
	var h holders
	for _, n := range []uint32{5, 100, 1000, 1000, 70_000} {
		h.move(0, n)
	}
	for n, want := range map[int]uint32{1: 70_000, 70_000: 70_000, 70_001: 1000, 72_000: 1000, 72_001: 100, 72_101: 5} {
		if got := h.most(n); got != classOf(want) {
			t.Errorf("to free %d bytes, those of class %d and above are closed, not of %d", n, got, classOf(want))
		}
	}
	if h.move(1000, 0); h.sum != 71_105 || h.most(71_000) != classOf(1000) || h.most(71_001) != classOf(100) {
		t.Errorf("%d bytes are held", h.sum)
	}
}
