package metrics_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/metrics"
	"github.com/lurcher-net/lurcher/server"
)

// page returns what Prometheus reads.
func page(t *testing.T, collectors ...prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(collectors...)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	return w.Body.String()
}

func TestNamesFollowTheFields(t *testing.T) {
	t.Parallel()
	type limits struct{ MaxHead, TLSHandshakes uint64 }
	type stats struct {
		Open        int
		Requests    uint64
		Status      [2]uint64
		Limits      limits
		LongestTurn time.Duration
		Waiting     bool
	}
	s := stats{1, 2, [2]uint64{3, 4}, limits{5, 6}, 7 * time.Millisecond, true}
	got := page(t, metrics.Collector("x", func() stats { return s }), metrics.Value("y", "Some.", func() int { return 8 }))
	for _, line := range []string{
		"x_open 1", "x_requests_total 2", `x_status_total{class="0"} 3`, `x_status_total{class="1"} 4`,
		`x_limits_total{name="max_head"} 5`, `x_limits_total{name="tls_handshakes"} 6`, "x_longest_turn_seconds 0.007",
		"x_waiting 1", "y 8", "# TYPE x_open gauge", "# TYPE x_requests_total counter",
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
}

// A server that has answered three requests says so.
func TestServer(t *testing.T) {
	t.Parallel()
	srv := &server.Server{Handler: func(w server.Response, r server.Request) { w.End("hi") }, Loops: 1}
	at, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve()
	defer srv.Close()
	for range 3 {
		get(t, at)
	}
	c := metrics.Collector("lurcher_server", srv.Stats)
	if problems, err := testutil.CollectAndLint(c); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	// Counters are those of the loop's last turn.
	for deadline := time.Now().Add(time.Minute); !strings.Contains(page(t, c), "lurcher_server_requests_total 3\n"); {
		if time.Now().After(deadline) {
			t.Fatal(page(t, c))
		}
	}
}

// The Stats of all parts are of types that are known.
func TestAllStats(t *testing.T) {
	t.Parallel()
	for _, c := range []prometheus.Collector{
		metrics.Collector("lurcher_server", func() server.Stats { return server.Stats{} }),
		metrics.Collector("lurcher_loop", func() conn.Stats { return conn.Stats{} }),
	} {
		if problems, err := testutil.CollectAndLint(c); err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
	}
}

// Each metric that the dashboard asks for is one that a server or a process has, with
// the labels by which it is summed.
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
	there := page(t, metrics.Collector("lurcher_server", func() server.Stats { return server.Stats{} }),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metric := regexp.MustCompile(`(\w+)\{job=~"\$job"\}`)
	by := regexp.MustCompile(`by \((\w+)\)`)
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			m := metric.FindStringSubmatch(target.Expr)
			if m == nil {
				t.Errorf("%q asks for no metric: %s", p.Title, target.Expr)
				continue
			}
			if !strings.Contains(there, "# TYPE "+m[1]+" ") {
				t.Errorf("%q shows %s, which there is not", p.Title, m[1])
			}
			if strings.HasSuffix(m[1], "_total") != strings.Contains(target.Expr, "rate(") {
				t.Errorf("%q: a counter is shown as a rate, a gauge as it is: %s", p.Title, target.Expr)
			}
			if l := by.FindStringSubmatch(target.Expr); l != nil && l[1] != "instance" && !strings.Contains(there, m[1]+"{"+l[1]+"=") {
				t.Errorf("%q: %s has no label %s", p.Title, m[1], l[1])
			}
		}
	}
	if len(board.Panels) == 0 {
		t.Error("there is no panel")
	}
}

func get(t *testing.T, at net.Addr) {
	t.Helper()
	resp, err := http.Get("http://" + at.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}
