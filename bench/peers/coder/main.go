// The contender coder, on net/http: an echo of WebSocket messages, or one message to all. It does not check
// that texts are UTF-8.
package main

import (
	"context"
	"net/http"
	"sync"

	"github.com/coder/websocket"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("ws", "cast")
	var all sync.Map
	peer.Fail(http.ListenAndServe(f.Addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		ctx := context.Background()
		if f.Mode == "cast" {
			all.Store(c, nil)
			defer all.Delete(c)
		}
		for {
			op, p, err := c.Read(ctx)
			if err != nil {
				return
			}
			if f.Mode != "cast" {
				c.Write(ctx, op, p)
				continue
			}
			for c := range all.Range {
				c.(*websocket.Conn).Write(ctx, op, p)
			}
		}
	})))
}
