package measure

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSummaryIsOrderedAndWithinTheSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		xs := make([]float64, 1+rng.IntN(20))
		for i := range xs {
			xs[i] = rng.NormFloat64()
		}
		before := slices.Clone(xs)
		s := Summarize(xs)
		if !slices.Equal(xs, before) {
			t.Fatal("Summarize changed its argument")
		}
		if s.Min != slices.Min(xs) || s.Max != slices.Max(xs) || s.N != len(xs) {
			t.Fatalf("%v of %v", s, xs)
		}
		if !slices.IsSorted([]float64{s.Min, s.Q1, s.Median, s.Q3, s.Max}) {
			t.Fatalf("not in order: %+v", s)
		}
		below := 0
		for _, x := range xs {
			if x <= s.Median {
				below++
			}
		}
		if 2*below < len(xs) {
			t.Fatalf("the median %v of %v has only %d below it", s.Median, xs, below)
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		q    float64
		want float64
	}{
		{[]float64{7}, 0.25, 7},
		{[]float64{1, 2}, 0.5, 1.5},
		{[]float64{1, 2, 3}, 0.5, 2},
		{[]float64{1, 2, 3, 4, 5}, 0.25, 2},
		{[]float64{1, 2, 3, 4, 5}, 1, 5},
		{[]float64{1, 2, 3, 4}, 0.75, 3.25},
	} {
		if got := Quantile(c.xs, c.q); got != c.want {
			t.Errorf("Quantile(%v, %v) = %v, want %v", c.xs, c.q, got, c.want)
		}
	}
}

func TestSamplesThatAreMissing(t *testing.T) {
	if s := Summarize([]float64{math.NaN(), 3}); s.N != 1 || s.Median != 3 {
		t.Errorf("a NaN counted: %+v", s)
	}
	if s := Summarize(nil).String(); s != "-" {
		t.Errorf("no samples are written as %q", s)
	}
}

func TestRatiosAreByRound(t *testing.T) {
	r := Ratios([]float64{10, 30, 5}, []float64{20, 10, 0})
	if r[0] != 0.5 || r[1] != 3 || !math.IsNaN(r[2]) {
		t.Errorf("%v", r)
	}
	// A machine that slows down by ten from round to round leaves the ratio alone.
	if s := Summarize(Ratios([]float64{100, 10, 1}, []float64{200, 20, 2})); s.Min != 0.5 || s.Max != 0.5 {
		t.Errorf("drift did not cancel: %+v", s)
	}
}

func TestShort(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.00", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234: "1234", 9994: "9994",
		12345: "12.3k", 123456: "123k", 1234567: "1.23M", math.NaN(): "-", -2.5: "-2.50",
		0.06: "0.06", 0.0004: "0.0004", 1.5e-9: "1.5e-09", 3.2e9: "3.20G", 1e12: "1.00T", 4e20: "4e+20",
	} {
		if got := Short(x); got != want {
			t.Errorf("Short(%v) = %q, want %q", x, got, want)
		}
	}
}

func TestHistogramQuantilesAreOffByThreePercentAtMost(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(rng.Float64() * 24)) // 1 ns to 26 s
		all = append(all, d)
		h.Record(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		got := h.Quantile(q)
		if got < want || float64(got) > float64(want)*33/32+1 {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if h.N() != 20_000 || h.Max() != all[len(all)-1] {
		t.Errorf("N %d, Max %v", h.N(), h.Max())
	}
	var none Histogram
	if none.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}

func TestStatWithANameThatLooksLikeFields(t *testing.T) {
	f, err := parseStat([]byte("42 (a) b (c 1 2) S 1 77 77 0 -1 4194304 100 0 0 0 250 125 0 0 20 0 1 0 5 6 7\n"))
	if err != nil || f != (statLine{pgrp: 77, utime: 250, stime: 125}) {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := parseStat([]byte("42 nonsense")); err == nil {
		t.Error("no error for nonsense")
	}
}

func TestGroupCountsTheTimeThatWeSpend(t *testing.T) {
	pgid := syscall.Getpgrp()
	// Others of the group, as the compilers of other packages, may end meanwhile, and take their time with them.
	// So it is asked until none does.
	for end := time.Now().Add(time.Minute); ; {
		before, err := Group(pgid)
		if err != nil {
			t.Fatal(err)
		}
		var spent syscall.Rusage
		start := cpuOf(&spent)
		for cpuOf(&spent)-start < 100*time.Millisecond { // of CPU, not of the clock
		}
		after, err := Group(pgid)
		if err != nil {
			t.Fatal(err)
		}
		d := after.Sub(before).Total()
		if d >= 80*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("spent 100 ms of CPU, /proc says %v", d)
		}
	}
}

func cpuOf(r *syscall.Rusage) time.Duration {
	syscall.Getrusage(syscall.RUSAGE_SELF, r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestGroupMemory(t *testing.T) {
	m, err := GroupMemory(syscall.Getpgrp())
	if err != nil || m.RSS < 1<<20 || m.Peak < m.RSS/2 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := GroupMemory(1 << 30); err == nil || !strings.Contains(err.Error(), os.ErrProcessDone.Error()) {
		t.Errorf("a group that does not exist: %v", err)
	}
}
