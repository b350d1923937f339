// The contender fasthttp.
package main

import (
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/valyala/fasthttp"
)

func main() {
	f := peer.Parse("http")
	s := &fasthttp.Server{Handler: answer, MaxRequestBodySize: 32 << 20}
	peer.Fail(s.ListenAndServe(f.Addr))
}

func answer(ctx *fasthttp.RequestCtx) {
	path := ctx.Path()
	if body := peer.Body(path); body != nil {
		ctx.SetBody(body)
		return
	}
	switch string(path) {
	case peer.PostPath:
		ctx.SetBodyString(peer.Posted)
	case peer.DelayPath:
		time.Sleep(peer.Delay(ctx.URI().QueryString()))
		ctx.SetBodyString(peer.Hello)
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}
