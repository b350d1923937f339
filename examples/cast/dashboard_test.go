// The dashboard shows what there is.

package main

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
)

// Each metric that the dashboard asks for is one of /metrics.
func TestDashboard(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-addr", "127.0.0.1:0")
	there := p.metrics()
	metric := regexp.MustCompile(`(\w+)\{job=~"\$job"\}`)
	for _, panel := range board.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("%q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			m := metric.FindStringSubmatch(target.Expr)
			if m == nil || !regexp.MustCompile(`(?m)^# TYPE `+m[1]+` `).MatchString(there) {
				t.Errorf("%q shows what there is not: %s", panel.Title, target.Expr)
			}
		}
	}
}
