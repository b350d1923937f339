// The contender fasthttp.
package main

import (
	"bufio"
	"path/filepath"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/valyala/fasthttp"
)

func main() {
	f := peer.Parse("http", "tls")
	s := &fasthttp.Server{Handler: answer, MaxRequestBodySize: 32 << 20}
	www = f.WWW
	if f.Mode == "tls" {
		peer.Fail(s.ListenAndServeTLS(f.Addr, f.Cert, f.Cert))
	}
	peer.Fail(s.ListenAndServe(f.Addr))
}

var www string // the directory of files

func answer(ctx *fasthttp.RequestCtx) {
	path := ctx.Path()
	if body := peer.Body(path); body != nil {
		ctx.SetBody(body)
		return
	}
	if peer.IsFile(string(path)) {
		ctx.SendFile(filepath.Join(www, string(path)))
		return
	}
	switch string(path) {
	case peer.PostPath:
		ctx.SetBodyString(peer.Posted)
	case peer.APIPath:
		ctx.SetContentType(peer.APIType)
		ctx.SetBody(peer.API())
	case peer.DelayPath:
		time.Sleep(peer.Delay(ctx.URI().QueryString()))
		ctx.SetBodyString(peer.Hello)
	case peer.BurnPath:
		peer.Burn(ctx.URI().QueryString())
		ctx.SetBodyString(peer.Hello)
	case peer.TimersPath:
		peer.Timers(ctx.URI().QueryString(), peer.Late)
		ctx.SetBodyString(peer.Hello)
	case peer.EndlessPath:
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
			for err := error(nil); err == nil; {
				_, err = w.Write(peer.Endless)
			}
		})
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}
