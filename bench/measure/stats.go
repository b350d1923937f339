// Package measure is what numbers are made of: summaries of samples, a histogram of latencies, and the
// kernel's own counters of a process's CPU time and memory.
package measure

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A Summary is what a table shows of the samples of several rounds.
type Summary struct {
	N                        int
	Min, Q1, Median, Q3, Max float64
}

// Summarize sorts a copy of xs, NaNs left out. Without samples all of it is NaN.
func Summarize(xs []float64) Summary {
	s := slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
	slices.Sort(s)
	if len(s) == 0 {
		nan := math.NaN()
		return Summary{0, nan, nan, nan, nan, nan}
	}
	return Summary{len(s), s[0], Quantile(s, 0.25), Quantile(s, 0.5), Quantile(s, 0.75), s[len(s)-1]}
}

// Quantile interpolates linearly between the samples around q, as R's type 7 does. sorted is not empty.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	lo := int(at)
	if lo+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[lo] + (at-float64(lo))*(sorted[lo+1]-sorted[lo])
}

// Ratios divides the samples of each round by those of the same round of base: what drifts from one
// round to the next is in both and cancels out. A round that is missing in either is NaN.
func Ratios(xs, base []float64) []float64 {
	r := make([]float64, min(len(xs), len(base)))
	for i := range r {
		if r[i] = math.NaN(); base[i] != 0 {
			r[i] = xs[i] / base[i]
		}
	}
	return r
}

// String is the median with the quartiles beside it, or the median alone if there is but one sample.
func (s Summary) String() string {
	switch s.N {
	case 0:
		return "-"
	case 1:
		return Short(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", Short(s.Median), Short(s.Q1), Short(s.Q3))
}

// Short writes x with three significant digits, two decimals at most where it is not tiny, and k, M, G or T
// for what is large.
func Short(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "-"
	case a >= 999.5e12 || a < 0.005 && a != 0:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case a >= 999.5e9:
		return digits(x/1e12) + "T"
	case a >= 999.5e6:
		return digits(x/1e9) + "G"
	case a >= 999_500:
		return digits(x/1e6) + "M"
	case a >= 9_995:
		return digits(x/1e3) + "k"
	default:
		return digits(x)
	}
}

func digits(x float64) string {
	switch a := math.Abs(x); {
	case a >= 99.95:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}
