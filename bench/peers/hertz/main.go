// The contender hertz, on netpoll, which is what it uses where it can.
package main

import (
	"context"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("http")
	hlog.SetLevel(hlog.LevelFatal)
	h := server.New(server.WithHostPorts(f.Addr), server.WithMaxRequestBodySize(32<<20))
	for _, path := range []string{peer.HelloPath, peer.JSONPath, peer.LargePath} {
		body := peer.Body([]byte(path))
		h.GET(path, func(_ context.Context, c *app.RequestContext) { c.Data(200, "text/plain", body) })
	}
	h.POST(peer.PostPath, func(_ context.Context, c *app.RequestContext) {
		c.Request.Body()
		c.Data(200, "text/plain", []byte(peer.Posted))
	})
	h.GET(peer.APIPath, func(_ context.Context, c *app.RequestContext) { c.Data(200, peer.APIType, peer.API()) })
	h.GET(peer.DelayPath, func(_ context.Context, c *app.RequestContext) {
		time.Sleep(peer.Delay(c.URI().QueryString()))
		c.Data(200, "text/plain", []byte(peer.Hello))
	})
	h.Spin()
}
