package suite

import (
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/bench/present"
)

func TestVerdict(t *testing.T) {
	all := &present.Grid{}
	for title, p99 := range map[string][2]float64{"best": {1, 2}, "beaten": {3, 2}, "late": {25, 30}} {
		g := &present.Grid{}
		g.Add("lurcher", "p99", 0, p99[0])
		g.Add("net", "p99", 0, p99[1])
		g.Note("nginx", "not measured: it has no handlers")
		summarize(all, title, g)
	}
	none := &present.Grid{}
	none.Note("lurcher", "failed: it ended")
	summarize(all, "nothing", none)
	got := verdict(all)
	for _, want := range []string{"Of 3 rows lurcher has the lowest p99 in 2;", "beaten (3.00 ms, net has 2.00)", "late (25.00 ms)"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in: %s", want, got)
		}
	}
	if strings.Contains(got, "best (") {
		t.Error(got)
	}
	if note := all.Notes["best"]; note != "nginx not measured: it has no handlers" {
		t.Errorf("%q", note)
	}
}
