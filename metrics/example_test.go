package metrics_test

import (
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lurcher-net/lurcher/metrics"
	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// A server that shows its own counters at /metrics, with the number of clients that wait
// in a hub.
func ExampleCollector() {
	var hub server.Hub
	m := &nethttp.Mux{Workers: 4}
	m.Native("GET /wait", func(w server.Response, r server.Request) { hub.Add(w) })
	s := &server.Server{Handler: m.Serve}

	reg := prometheus.NewRegistry()
	reg.MustRegister(
		metrics.Collector("lurcher_server", s.Stats),
		metrics.Value("waiting", "Clients that wait for news.", hub.Len),
	)
	var page http.Handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	m.Handle("GET /metrics", page)

	if _, err := s.Listen("tcp", "127.0.0.1:8000"); err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.Serve())
}
