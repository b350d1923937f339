// The contender fasthttp as a proxy: its server, and a HostClient. Bodies are held whole.
package main

import (
	"github.com/valyala/fasthttp"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("proxy")
	up := &fasthttp.HostClient{Addr: f.Upstream, MaxConns: 4096}
	peer.Fail(fasthttp.ListenAndServe(f.Addr, func(ctx *fasthttp.RequestCtx) {
		q := &ctx.Request
		q.Header.Del("Connection")
		q.Header.Set("X-Forwarded-For", ctx.RemoteIP().String())
		if err := up.Do(q, &ctx.Response); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadGateway)
		}
		ctx.Response.Header.Del("Connection")
	}))
}
