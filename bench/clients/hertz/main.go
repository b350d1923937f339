// hertz's client, on netpoll.
package main

import (
	"context"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
)

func main() {
	ask.Main(func(j ask.Job, m *ask.Meter) error {
		c, err := client.NewClient(client.WithMaxConnsPerHost(j.Conns))
		if err != nil {
			return err
		}
		url := j.URL()
		return ask.Blocking(j, m, func() error {
			q, r := protocol.AcquireRequest(), protocol.AcquireResponse()
			defer protocol.ReleaseRequest(q)
			defer protocol.ReleaseResponse(r)
			q.SetRequestURI(url)
			return c.Do(context.Background(), q, r)
		})
	})
}
