// Visits: the three transports by which visitors get what is said in a room.

package rooms

import (
	"time"

	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

const atOnce = 500 // events of an array

// Socket has a WebSocket connection get what comes after id. It is called on
// the connection's loop.
func (r *Room) Socket(c *ws.Conn, id ID) {
	r.whenReady(func() {
		c.Post(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			events, _ := r.since(id, r.house.Fresh)
			for len(events) > atOnce {
				c.Write(ws.Text, array(events[:atOnce]...))
				events = events[atOnce:]
			}
			events = append(events, marshal(map[string]any{"who": r.crowd(true)}))
			c.Write(ws.Text, array(events...))
			r.sockets.Add(c)
		})
	})
}

// Stream begins an answer of server-sent events with what comes after id. It is
// called on the answer's loop.
func (r *Room) Stream(w server.Response, id ID) {
	w.Set("Content-Type", "text/event-stream")
	w.Set("Cache-Control", "no-store")
	w.Set("X-Accel-Buffering", "no") // nginx passes each event on as it comes
	w.WriteString("retry: 1000\n\n")
	r.whenReady(func() {
		w.Post(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			events, last := r.since(id, r.house.Fresh)
			events = append(events, marshal(map[string]any{"who": r.crowd(true)}))
			w.Write(serverSent(array(events...), ID{r.house.journal.Epoch(), last}))
			r.streams.Add(w)
		})
	})
}

// serverSent is an array as a server-sent event. JSON has no line breaks.
func serverSent(p []byte, id ID) []byte {
	b := make([]byte, 0, len(p)+64)
	if id.Seq != 0 {
		b = append(append(append(b, "id: "...), id.String()...), '\n')
	}
	return append(append(append(b, "data: "...), p...), "\n\n"...)
}

// Event is a word to one visitor as a server-sent event.
func Event(name string, value any) []byte { return serverSent(word(name, value), ID{}) }

// Word is a word to one visitor, as an array of one event.
func Word(name string, value any) []byte { return word(name, value) }

// A poller is a visitor who asks again and again.
type poller struct {
	name string
	seen time.Time
	w    server.Response // of the last question
	room string          // that a lobby has found
	out  func()          // of the lobby
}

// Poll answers with what comes after id, now if there is something, or else when it
// comes, or with nothing after a while. token is the visitor's, who counts as here
// between two polls. It is called on the answer's loop.
func (r *Room) Poll(w server.Response, id ID, name, key, token string, wait time.Duration) {
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	r.whenReady(func() {
		w.Post(func() {
			p, fresh := r.poller(w, name, key, token)
			r.mu.Lock()
			defer r.mu.Unlock()
			if p.room != "" {
				w.EndBytes(word("move", p.room))
				return
			}
			events, _ := r.since(id, r.house.Fresh)
			events = events[:min(len(events), atOnce)]
			if fresh {
				events = append(events, marshal(map[string]any{"who": r.crowd(true)}))
			}
			if len(events) > 0 {
				w.EndBytes(array(events...))
				return
			}
			if r.polls.Add(w) {
				w.After(wait, func() { w.EndBytes(r.whoIsHere()) })
			}
		})
	})
}

func (r *Room) whoIsHere() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return word("who", r.crowd(true))
}

// poller finds who asks, or lets a new one in, to wait if this is a lobby.
func (r *Room) poller(w server.Response, name, key, token string) (p *poller, fresh bool) {
	r.mu.Lock()
	p = r.polling[token]
	fresh = p == nil
	if fresh {
		p = &poller{name: name}
		r.polling[token] = p
		r.enterLocked(name)
	}
	p.seen, p.w = time.Now(), w
	r.mu.Unlock()
	if fresh && r.house.Lobby(r.Name) {
		out := r.house.Wait(r.Name, key, func(room string) {
			r.mu.Lock()
			p.room = room
			w := p.w
			r.mu.Unlock()
			w.Post(func() { w.EndBytes(word("move", room)) })
		}, func() {})
		r.mu.Lock()
		p.out = out
		r.mu.Unlock()
	}
	return p, fresh
}
