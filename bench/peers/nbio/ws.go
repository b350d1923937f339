// WebSocket: an echo, and one message to all.

package main

import (
	"net/http"
	"runtime"
	"sync"

	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// serveSockets sends every message back, or to all.
func serveSockets(f peer.Flags) error {
	var all sync.Map
	u := websocket.NewUpgrader()
	u.OnMessage(func(c *websocket.Conn, op websocket.MessageType, p []byte) {
		if f.Mode != "cast" {
			c.WriteMessage(op, p)
			return
		}
		for c := range all.Range {
			c.(*websocket.Conn).WriteMessage(op, p)
		}
	})
	if f.Mode == "cast" {
		u.OnOpen(func(c *websocket.Conn) { all.Store(c, nil) })
		u.OnClose(func(c *websocket.Conn, err error) { all.Delete(c) })
	}
	g := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: []string{f.Addr}, NPoller: runtime.GOMAXPROCS(0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.Upgrade(w, r, nil) }),
	})
	if err := g.Start(); err != nil {
		return err
	}
	select {}
}
