// The contender lurcher: the server and the connections with all their defaults on.
package main

import (
	"flag"
	"net/http"
	"path/filepath"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

func main() {
	std := flag.Bool("nethttp", false, "answer by a handler of net/http")
	f := peer.Parse("http", "echo", "ws", "cast", "tls")
	if f.Mode == "echo" {
		peer.Fail(server.ListenTCP(f.Addr, func(c *conn.Conn) { c.Pipe(c) }))
	}
	if f.Mode == "ws" || f.Mode == "cast" {
		peer.Fail(serveSockets(f))
	}
	www = f.WWW
	h := answer
	if *std {
		h = nethttp.Handler(http.HandlerFunc(answerHTTP), 64)
	}
	if f.Mode == "tls" {
		peer.Fail(server.ListenAndServeTLS(f.Addr, f.Cert, f.Cert, h))
	}
	peer.Fail(server.ListenAndServe(f.Addr, h))
}

func answerHTTP(w http.ResponseWriter, r *http.Request) {
	if body := peer.Body([]byte(r.URL.Path)); body != nil {
		w.Write(body)
		return
	}
	if peer.IsFile(r.URL.Path) {
		http.ServeFile(w, r, filepath.Join(www, r.URL.Path))
		return
	}
	switch r.URL.Path {
	case peer.APIPath:
		w.Header().Set("Content-Type", peer.APIType)
		w.Write(peer.API())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
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
	case peer.APIPath:
		w.Set("Content-Type", peer.APIType)
		w.EndBytes(peer.API())
	case peer.DelayPath:
		w.After(peer.Delay(r.Query()), func() { w.End(peer.Hello) })
	default:
		answerHeavy(w, r)
	}
}
