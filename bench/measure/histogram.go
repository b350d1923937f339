// Histograms of durations.

package measure

import (
	"math"
	"math/bits"
	"time"
)

// A Histogram counts durations in buckets that are at most 1/32 of their value wide, so that
// recording is an increment and a quantile is off by 3% at most. The zero Histogram is ready.
type Histogram struct {
	counts [64 * 32]uint64
	n      uint64
	max    time.Duration
}

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// N is how many were recorded, Max the longest, exactly.
func (h *Histogram) N() uint64          { return h.n }
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is a duration that a part q of those recorded did not exceed; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.n)))
	for i, c := range h.counts {
		if c == 0 {
			continue
		}
		if c >= rank {
			return min(upper(i), h.max)
		}
		rank -= c
	}
	return h.max
}

// bucket: below 32 each value has its own; above, the exponent and the five bits below the highest.
func bucket(v uint64) int {
	if v < 32 {
		return int(v)
	}
	e := bits.Len64(v) - 6
	return (e+1)*32 + int(v>>e)&31
}

func upper(i int) time.Duration {
	if i < 32 {
		return time.Duration(i)
	}
	e := i/32 - 1
	return time.Duration((uint64(i%32+32)+1)<<e - 1)
}
