// Package metrics gives the counters of lurcher to Prometheus. It is a module of
// its own, so that programs without it do not depend on client_golang.
//
// Each Stats of the toolkit, of a server, a client or a loop, becomes a
// collector:
//
//	reg := prometheus.NewRegistry()
//	reg.MustRegister(metrics.Collector("lurcher_server", srv.Stats))
//	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
//
// A metric is named after its field: Requests is lurcher_server_requests_total.
// What is counted, a uint64, is a counter; how many there are now, an int, a
// gauge; a time is a gauge in seconds. A struct within, such as Limits, is one metric
// with a label for its fields; an array is one with a label for its elements.
// dashboard.json shows them in Grafana.
package metrics
