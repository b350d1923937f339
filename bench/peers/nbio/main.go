// The contender nbio: nbhttp for HTTP, nbio itself for the echo.
package main

import (
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("http", "echo", "ws", "cast")
	logging.SetLevel(logging.LevelNone)
	if f.Mode == "ws" || f.Mode == "cast" {
		peer.Fail(serveSockets(f))
	}
	if f.Mode == "echo" {
		g := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{f.Addr}, NPoller: runtime.GOMAXPROCS(0)})
		g.OnData(func(c *nbio.Conn, p []byte) { c.Write(p) })
		peer.Fail(g.Start())
	} else {
		g := nbhttp.NewEngine(nbhttp.Config{
			Network: "tcp", Addrs: []string{f.Addr}, NPoller: runtime.GOMAXPROCS(0),
			Handler: http.HandlerFunc(answer),
		})
		peer.Fail(g.Start())
	}
	select {}
}

func answer(w http.ResponseWriter, r *http.Request) {
	if body := peer.Body([]byte(r.URL.Path)); body != nil {
		w.Write(body)
		return
	}
	switch r.URL.Path {
	case peer.PostPath:
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, peer.Posted)
	case peer.APIPath:
		w.Header().Set("Content-Type", peer.APIType)
		w.Write(peer.API())
	case peer.DelayPath:
		time.Sleep(peer.Delay([]byte(r.URL.RawQuery)))
		io.WriteString(w, peer.Hello)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
