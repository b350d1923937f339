// The contender gorilla, on net/http: an echo of WebSocket messages, or one message to all. It does not check
// that texts are UTF-8, as it does by default.
package main

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

var upgrader websocket.Upgrader

func main() {
	f := peer.Parse("ws", "cast")
	h := echo
	if f.Mode == "cast" {
		h = cast
	}
	peer.Fail(http.ListenAndServe(f.Addr, http.HandlerFunc(h)))
}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		op, p, err := c.ReadMessage()
		if err != nil || c.WriteMessage(op, p) != nil {
			return
		}
	}
}

// A member is written to by one goroutine at a time: gorilla wants that.
type member struct {
	sync.Mutex
	c *websocket.Conn
}

var all sync.Map

func cast(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	m := &member{c: c}
	all.Store(m, nil)
	defer all.Delete(m)
	for {
		op, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		frame, err := websocket.NewPreparedMessage(op, p)
		if err != nil {
			return
		}
		for m := range all.Range {
			m := m.(*member)
			m.Lock()
			m.c.WritePreparedMessage(frame)
			m.Unlock()
		}
	}
}
