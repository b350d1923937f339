// The contender gws: its own server, an echo of WebSocket messages, or one message to all. It does not check
// that texts are UTF-8, as it does by default.
package main

import (
	"sync"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lxzan/gws"
)

func main() {
	f := peer.Parse("ws", "cast")
	s := gws.NewServer(&handler{cast: f.Mode == "cast"}, &gws.ServerOption{})
	peer.Fail(s.Run(f.Addr))
}

type handler struct {
	gws.BuiltinEventHandler
	cast bool
	all  sync.Map
}

func (h *handler) OnOpen(c *gws.Conn) {
	if h.cast {
		h.all.Store(c, nil)
	}
}

func (h *handler) OnClose(c *gws.Conn, err error) { h.all.Delete(c) }

func (h *handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if !h.cast {
		c.WriteMessage(m.Opcode, m.Bytes())
		return
	}
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	h.all.Range(func(c, _ any) bool { b.Broadcast(c.(*gws.Conn)); return true })
}
