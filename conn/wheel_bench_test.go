package conn

import "testing"

// BenchmarkWheel adds, removes and advances with 100,000 entries in the wheel.
func BenchmarkWheel(b *testing.B) {
	const n = 100_000
	var slots table
	w := &wheel{t: &slots, now: firstTick}
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = slots.alloc(&entry{})
		w.add(ids[i], w.now+30_000+uint32(i%1000))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.remove(ids[i])
		w.add(ids[i], w.now+30_000)
		if i += 7919; i >= n {
			i -= n
			for id := w.advance(w.now + 1); id != 0; id = w.advance(w.now) {
				w.add(id, w.now+30_000)
			}
		}
	}
}
