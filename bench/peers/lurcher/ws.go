// WebSocket: an echo, and one message to all.

package main

import (
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// serveSockets sends every message back, or to all.
func serveSockets(f peer.Flags) error {
	h := &ws.Handler{Message: func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) }}
	if f.Mode == "cast" {
		var all ws.Hub
		h.Open = func(c *ws.Conn) { all.Add(c) }
		h.Message = func(c *ws.Conn, op ws.Op, p []byte) { all.Send(op, p) }
	}
	return server.ListenAndServe(f.Addr, func(w server.Response, r server.Request) { ws.Upgrade(w, r, h) })
}
