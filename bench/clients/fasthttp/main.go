// fasthttp's HostClient, and with -kind pipeline its PipelineClient.
package main

import (
	"github.com/valyala/fasthttp"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
)

func main() {
	ask.Main(func(j ask.Job, m *ask.Meter) error {
		do := (&fasthttp.HostClient{Addr: j.Addr, MaxConns: j.Conns}).Do
		if j.Kind == "pipeline" {
			do = (&fasthttp.PipelineClient{Addr: j.Addr, MaxConns: j.Conns, MaxPendingRequests: j.Pipeline * 2}).Do
		}
		url := j.URL()
		return ask.Blocking(j, m, func() error {
			q, r := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(q)
			defer fasthttp.ReleaseResponse(r)
			q.SetRequestURI(url)
			return do(q, r)
		})
	})
}
