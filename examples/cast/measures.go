// Measures: what operators see.

package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/metrics"
	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// measures returns the handler of /metrics.
func measures(srv *server.Server, h *rooms.House) server.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		metrics.Collector("lurcher_server", srv.Stats),
		metrics.Collector("cast", h.Stats),
	)
	return nethttp.Handler(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}), 2)
}
