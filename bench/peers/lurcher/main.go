// The contender lurcher: the server and the connections with all their defaults on.
package main

import (
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

func main() {
	f := peer.Parse("http", "echo")
	if f.Mode == "echo" {
		peer.Fail(server.ListenTCP(f.Addr, func(c *conn.Conn) { c.Pipe(c) }))
	}
	peer.Fail(server.ListenAndServe(f.Addr, answer))
}

func answer(w server.Response, r server.Request) {
	path := r.Path()
	if body := peer.Body(path); body != nil {
		w.EndBytes(body)
		return
	}
	switch string(path) {
	case peer.PostPath:
		r.Stream(func(_ []byte, last bool) {
			if last {
				w.End(peer.Posted)
			}
		})
	case peer.DelayPath:
		w.After(peer.Delay(r.Query()), func() { w.End(peer.Hello) })
	default:
		w.Status(404)
		w.End("")
	}
}
