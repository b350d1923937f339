// WebSocket: the transport that pages try first.

package web

import (
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/time/rate"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// A visitor is somebody who is in a room by WebSocket.
type visitor struct {
	room *rooms.Room
	name string
	addr string  // as the proxy says; empty without one: the kernel knows
	send *sender // nil until something is said: most only listen
	out  func()  // of the lobby
}

// A sender is what is kept of a visitor who says something.
type sender struct {
	limit   *rate.Limiter
	addr    string // for the limit of all at an address
	refused int    // messages in a row that came too fast
}

// patience is how many messages in a row may come too fast before the connection is
// closed: a client that does not stop costs more than one that is gone.
const patience = 100

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
	if err := v.room.Enter(v.name); err != nil {
		fail(w, 503, err)
		return
	}
	addr := s.forwarded(r)
	c, err := ws.Upgrade(w, r, &s.sockets)
	if err != nil { // it has answered
		v.room.Leave(v.name)
		return
	}
	me := &visitor{room: v.room, name: strings.Clone(v.name)} // not the query that it is a part of
	if addr != "" {
		me.send = s.sender(addr)
	}
	c.State = me
	v.room.Socket(c, v.id)
	if s.House.Lobby(v.room.Name) {
		me.out = s.House.Wait(v.room.Name, v.key,
			func(room string) { c.Post(func() { c.Write(ws.Text, rooms.Word("move", room)) }) },
			func() { c.Post(func() { c.Write(ws.Text, rooms.Word("wait", true)) }) })
	}
}

// message is something that is said. The answer says what became of it.
func (s *Site) message(c *ws.Conn, op ws.Op, p []byte) {
	v := c.State.(*visitor)
	var m struct{ Text, Key, Speaker string }
	if op != ws.Text || json.Unmarshal(p, &m) != nil {
		c.Close(ws.UnsupportedData, errJSON.Error())
		return
	}
	if v.send == nil {
		v.send = s.sender(host(c.Conn().RemoteAddr()))
	}
	if !s.allowed(v.send) {
		if v.send.refused++; v.send.refused > patience {
			c.Close(ws.PolicyViolation, errFast.Error())
			return
		}
		c.Write(ws.Text, refusal(m.Key, errFast, true))
		return
	}
	key := m.Key
	err := s.House.Say(v.room.Name, v.name, m.Text, m.Key, m.Speaker, func(id string, err error) {
		c.Post(func() {
			if err != nil {
				c.Write(ws.Text, refusal(key, errStore, true))
				return
			}
			b, _ := json.Marshal([]any{map[string]string{"ack": key, "id": id}})
			c.Write(ws.Text, b)
		})
	})
	if err != nil {
		c.Write(ws.Text, refusal(m.Key, err, errors.Is(err, journal.ErrBusy)))
	}
}

func (s *Site) sender(addr string) *sender {
	return &sender{limit: rate.NewLimiter(rate.Limit(s.Rate), s.Burst), addr: addr}
}

// allowed reports whether a visitor may send a message now.
func (s *Site) allowed(v *sender) bool {
	if !v.limit.Allow() || !s.limits.allow(v.addr, "", s.Rate, s.Burst) {
		return false
	}
	v.refused = 0
	return true
}

// refusal returns the answer to a message that is not stored. again says that the same
// message may be stored later.
func refusal(key string, err error, again bool) []byte {
	b, _ := json.Marshal([]any{map[string]any{"nak": key, "error": err.Error(), "again": again}})
	return b
}

func (v *visitor) close(c *ws.Conn) {
	v.room.Leave(v.name)
	v.room.Unsocket(c)
	if v.out != nil {
		v.out()
	}
}
