package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/bench/present"
)

func TestTrend(t *testing.T) {
	g := &present.Grid{Chart: "CPU", XLabel: "members"}
	for _, x := range []float64{10, 100, 1000} {
		g.Metrics = append(g.Metrics, present.Metric{Key: fmt.Sprint(x), X: x})
	}
	for row, ys := range map[string][3]float64{"level": {4, 4.5, 4.2}, "down": {4, 2, 1}, "up": {4, 5, 6}, "linear": {4, 40, 400}, "dip": {4, 2, 3}} {
		for i, m := range g.Metrics {
			g.Add(row, m.Key, 0, ys[i])
		}
	}
	got := trend(g)
	for _, want := range []string{"CPU, from 10.0 to 1000 members.", "Flat: level 4.00 to 4.20.", "Falling: down 4.00 to 1.00.",
		"up 4.00 to 6.00, at most 1.50 times what it was", "dip 4.00 to 3.00, at most 1.50 times what it was", "linear 4.00 to 400, in proportion"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in: %s", want, got)
		}
	}
	if got := trend(&present.Grid{}); got != "" {
		t.Errorf("%q of nothing", got)
	}
}
