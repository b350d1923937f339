// Times: a histogram, and its chart.

package main

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// A histogram counts durations in steps of a twentieth of a power of two.
type histogram struct{ counts [64 * 20]atomic.Int64 }

func (h *histogram) add(d time.Duration) {
	i := int(20 * math.Log2(float64(max(d, 1))))
	h.counts[min(max(i, 0), len(h.counts)-1)].Add(1)
}

type percentiles struct{ P50, P90, P99, P999, Max time.Duration }

func (p percentiles) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, p99.9 %s, max %s", ms(p.P50), ms(p.P90), ms(p.P99), ms(p.P999), ms(p.Max))
}

// at returns the time within which a share of all came.
func (h *histogram) at(share float64) time.Duration {
	var total int64
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	left := max(int64(math.Ceil(share*float64(total))), 1)
	for i := range h.counts {
		if left -= h.counts[i].Load(); left <= 0 && total > 0 {
			return time.Duration(math.Exp2(float64(i+1) / 20))
		}
	}
	return 0
}

func (h *histogram) percentiles() percentiles {
	return percentiles{h.at(0.5), h.at(0.9), h.at(0.99), h.at(0.999), h.at(1)}
}

// chart draws what share of messages came within which time, in light and dark.
func chart(r result, t *test) []byte {
	const w, h, left, top, right, bottom = 640, 320, 60, 44, 36, 50
	low, high := max(t.times.at(0), time.Microsecond), max(t.times.at(1), time.Millisecond)
	l0, l1 := math.Floor(math.Log10(float64(low))), math.Ceil(math.Log10(float64(high)))
	x := func(d time.Duration) float64 {
		return left + (w-left-right)*(math.Log10(float64(max(d, 1)))-l0)/(l1-l0)
	}
	y := func(share float64) float64 { return h - bottom - (h-top-bottom)*share }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui,sans-serif" font-size="12">
<style>svg{background:#fff;color:#1d2126}.g{stroke:#d9dcd8}.c{stroke:#2458a6}
@media(prefers-color-scheme:dark){svg{background:#14171a;color:#e7e9ea}.g{stroke:#32383e}.c{stroke:#86b0f2}}</style>
<text x="%d" y="24" fill="currentColor" font-size="14">%d clients, %d messages: from sending to receiving</text>
`, w, h, left, r.Clients, r.Messages)
	for e := l0; e <= l1; e++ {
		d := time.Duration(math.Pow(10, e))
		fmt.Fprintf(&b, `<path class="g" d="M%.1f %dV%d"/><text x="%.1f" y="%d" fill="currentColor" text-anchor="middle">%v</text>`+"\n",
			x(d), top, h-bottom, x(d), h-bottom+18, d)
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		fmt.Fprintf(&b, `<path class="g" d="M%d %.1fH%d"/><text x="%d" y="%.1f" fill="currentColor" text-anchor="end">%.0f%%</text>`+"\n",
			left, y(share), w-right, left-8, y(share)+4, share*100)
	}
	b.WriteString(`<path class="c" fill="none" stroke-width="2" d="M`)
	for i := range 201 {
		share := float64(i) / 200
		fmt.Fprintf(&b, "%.1f %.1f ", x(max(t.times.at(share), low)), y(share))
	}
	fmt.Fprintf(&b, `"/><text x="%d" y="%d" fill="currentColor" text-anchor="middle">time (logarithmic)</text></svg>`+"\n", (w+left)/2, h-12)
	return []byte(b.String())
}
