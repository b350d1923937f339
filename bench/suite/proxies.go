// The suite proxy: what a request costs a reverse proxy.

package suite

import (
	"context"

	"github.com/lurcher-net/lurcher/bench/contender"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

var proxyScenarios = []scenario{
	{name: "proxy-hello", title: "Proxy: hello, 64 connections", path: peer.HelloPath, conns: 64, quick: true},
	{name: "proxy-1k", title: "Proxy: 1 KB of JSON, 64 connections", path: peer.JSONPath, conns: 64},
	{name: "proxy-64k", title: "Proxy: 64 KB, 64 connections", path: peer.LargePath, conns: 64},
	{name: "proxy-post", title: "Proxy: POST of 4 KB, 64 connections", path: peer.PostPath, conns: 64, body: 4096},
}

// Proxies measures reverse proxies. The upstream, lurcher's hello, shares a core with the generator: where
// those two are the limit, CPU is what to compare.
func Proxies(ctx context.Context, b *Bench) error {
	up, err := b.answerer(ctx, "lurcher")
	if err != nil {
		return err
	}
	defer up.Stop()
	env := b.Env
	b.Env = env.On(env.Pin)
	b.Env.Upstream = up.Addr
	servers := b.Contenders
	b.Contenders = contender.Proxies()
	defer func() { b.Env, b.Contenders = env, servers }()
	for _, c := range b.Contenders {
		b.Report.Who = append(b.Report.Who, [2]string{"proxy " + c.Name, c.Note})
	}
	return b.scenarios(ctx, "proxy", proxyScenarios)
}
