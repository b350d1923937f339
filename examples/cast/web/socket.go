// WebSocket: the transport that pages try first.

package web

import (
	"encoding/json"
	"errors"

	"golang.org/x/time/rate"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// A visitor is somebody who is in a room by WebSocket.
type visitor struct {
	site  *Site
	c     *ws.Conn
	room  *rooms.Room
	name  string
	limit *rate.Limiter // nil until something is said: most only listen
	out   func()        // of the lobby
}

func (s *Site) socket(w server.Response, r server.Request) {
	if len(r.Get("Upgrade")) == 0 {
		w.Set("Upgrade", "websocket")
		fail(w, 426, errors.New("here WebSocket is spoken"))
		return
	}
	v, ok := s.visit(w, r)
	if !ok {
		return
	}
	c, err := ws.Upgrade(w, r, &s.sockets)
	if err != nil {
		return // it has answered
	}
	me := &visitor{site: s, c: c, room: v.room, name: v.name}
	c.State = me
	v.room.Enter(v.name)
	v.room.Socket(c, v.id)
	if s.House.Lobby(v.room.Name) {
		me.out = s.House.Wait(v.room.Name, v.key,
			func(room string) { c.Post(func() { c.Write(ws.Text, rooms.Word("move", room)) }) },
			func() { c.Post(func() { c.Write(ws.Text, rooms.Word("wait", true)) }) })
	}
}

// message is something that is said. The answer says what became of it.
func (v *visitor) message(op ws.Op, p []byte) {
	var m struct{ Text, Key, Speaker string }
	if op != ws.Text || json.Unmarshal(p, &m) != nil {
		v.c.Close(ws.UnsupportedData, errJSON.Error())
		return
	}
	if v.limit == nil {
		v.limit = rate.NewLimiter(rate.Limit(v.site.Rate), v.site.Burst)
	}
	err := errFast
	if v.limit.Allow() {
		c, key := v.c, m.Key
		err = v.site.House.Say(v.room.Name, v.name, m.Text, m.Key, m.Speaker, func(id string, err error) {
			c.Post(func() {
				if err != nil {
					c.Write(ws.Text, refusal(key, errStore))
					return
				}
				b, _ := json.Marshal([]any{map[string]string{"ack": key, "id": id}})
				c.Write(ws.Text, b)
			})
		})
	}
	if err != nil {
		v.c.Write(ws.Text, refusal(m.Key, err))
	}
}

func refusal(key string, err error) []byte {
	b, _ := json.Marshal([]any{map[string]string{"nak": key, "error": err.Error()}})
	return b
}

func (v *visitor) close() {
	v.room.Leave(v.name)
	if v.out != nil {
		v.out()
	}
}
