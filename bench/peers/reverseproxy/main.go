// The contender ReverseProxy: httputil's, with as many idle connections as there are clients.
package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("proxy")
	up := &url.URL{Scheme: "http", Host: f.Upstream}
	p := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(up); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
	}
	ln, err := net.Listen("tcp", f.Addr)
	peer.Fail(err)
	peer.Fail(http.Serve(ln, p))
}
