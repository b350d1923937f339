// What a poller costs: thousands of descriptors, and not one allocation.

//go:build unix || windows

package poller

import (
	"testing"
	"time"
)

// TestThousands is not parallel: select can watch low numbers only, and this uses many up.
func TestThousands(t *testing.T) {
	needFiles(t, 7000)
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			g := newRig(t, s)
			pairs := min(3000, (s.limit-100)/2)
			near, far := make([]int, pairs), make([]int, pairs)
			for i := range pairs {
				near[i], far[i] = g.unix()
				g.must(g.p.Add(near[i], Token(i), Read))
			}
			g.quiet(0)
			for i := 0; i < pairs; i += 3 {
				g.write(far[i], "x")
			}
			check := func(size int, want Ready, step int) {
				t.Helper()
				got := g.allReady(pairs, size)
				for i := range pairs {
					expect := Ready(0)
					if i%step == 0 {
						expect = want
					}
					if got[Token(i)] != expect {
						t.Fatalf("%d is %v, want %v", i, got[Token(i)], expect)
					}
				}
			}
			check(64, Read, 3)
			check(10_000, Read, 3)
			for i := range pairs {
				g.must(g.p.Mod(near[i], Token(i), Write))
			}
			check(1000, Write, 1)
			for i := range pairs {
				if i%2 == 1 {
					g.must(g.p.Del(near[i]))
				}
			}
			check(1000, Write, 2)
		})
	}
}

func TestNoAllocation(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			g := newRig(t, s)
			a, b := g.unix()
			c, _ := g.unix()
			g.must(g.p.Add(a, 1, Read))
			g.must(g.p.Add(c, 2, Read))
			g.write(b, "x")
			var buf [4]Event
			for _, op := range []struct {
				name string
				run  func()
			}{
				{"Wait, one event", func() { g.p.Wait(buf[:], -1) }},
				{"Wait, a millisecond", func() { g.p.Wait(buf[:], time.Millisecond) }},
				{"Wait, no time", func() { g.p.Wait(buf[:], 0) }},
				{"Wake and Wait", func() { g.p.Wake(); g.p.Wait(buf[:], -1) }},
				{"Mod and Wait", func() { g.p.Mod(c, 2, Write); g.p.Wait(buf[:], 0); g.p.Mod(c, 2, Read) }},
				{"Del, Add and Wait", func() { g.p.Del(c); g.p.Add(c, 2, Read); g.p.Wait(buf[:], 0) }},
			} {
				if n := testing.AllocsPerRun(100, op.run); n != 0 {
					t.Errorf("%s: %v allocations", op.name, n)
				}
			}
		})
	}
}
