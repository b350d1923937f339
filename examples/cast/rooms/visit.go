// Visits: the three transports by which visitors get what is said in a room.

package rooms

import (
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// slowFor is how long a client that was too slow may take to read that it was.
const slowFor = 10 * time.Second

// Socket has a WebSocket connection get what comes after id. It is called on
// the connection's loop.
func (r *Room) Socket(c *ws.Conn, id ID) {
	r.from(id, c.Post, func() { r.socket(c, id) })
}

// socket writes what is missing, a piece at a time, each when the last is on its
// way. The lock is held from the look at what is missing until the connection is
// among those who get what comes: nothing falls between, and nothing is there twice.
func (r *Room) socket(c *ws.Conn, id ID) {
	r.mu.Lock()
	p := r.since(id)
	if !p.more {
		p.events = append(p.events, r.whoIsHere())
		r.sockets.Add(c)
	}
	r.mu.Unlock()
	if c.Write(ws.Text, array(p.events...)) != nil || !p.more {
		return
	}
	next := func() { r.socket(c, p.last) }
	if c.Full() {
		c.OnDrain(next)
		return
	}
	c.Post(next)
}

// Stream begins an answer of server-sent events with what comes after id. It is
// called on the answer's loop. leave is called once if the stream is ended because
// its client reads too slowly; when the client leaves, OnAbort is.
func (r *Room) Stream(w server.Response, id ID, leave func()) {
	w.Set("Content-Type", "text/event-stream")
	w.Set("Cache-Control", "no-store")
	w.Set("X-Accel-Buffering", "no") // nginx passes each event on as it comes
	w.WriteString("retry: 1000\n\n")
	r.mu.Lock()
	r.leaving[w] = leave
	r.mu.Unlock()
	w.OnAbort(func() { r.unstream(w) })
	r.from(id, w.Post, func() { r.stream(w, id) })
}

func (r *Room) stream(w server.Response, id ID) {
	r.mu.Lock()
	p := r.since(id)
	if !p.more {
		p.events = append(p.events, r.whoIsHere())
		r.streams.Add(w)
	}
	r.mu.Unlock()
	if _, err := w.Write(serverSent(array(p.events...), p.last)); err != nil || !p.more {
		return
	}
	next := func() { r.stream(w, p.last) }
	if w.Full() {
		w.OnDrain(next)
		return
	}
	w.Post(next)
}

func (r *Room) unstream(w server.Response) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	leave = r.leaving[w]
	delete(r.leaving, w)
	return leave
}

// slow ends a stream whose client reads more slowly than others speak, with a last
// event that says so, which follows what waits for the client already.
func (r *Room) slow(w server.Response) {
	r.streams.Remove(w)
	w.Write(serverSent(word("end", "too slow"), ID{}))
	w.After(slowFor, func() { w.Abort() })
	w.OnDrain(func() {
		if w.End("") != nil {
			return
		}
		if leave := r.unstream(w); leave != nil {
			leave()
		}
	})
}

// serverSent returns an array as a server-sent event. JSON has no line breaks.
func serverSent(p []byte, id ID) []byte {
	b := make([]byte, 0, len(p)+64)
	if id.Epoch != "" {
		b = append(append(append(b, "id: "...), id.String()...), '\n')
	}
	return append(append(append(b, "data: "...), p...), "\n\n"...)
}

// Event returns a word to one visitor as a server-sent event.
func Event(name string, value any) []byte { return serverSent(word(name, value), ID{}) }

// Word returns a word to one visitor, as an array of one event.
func Word(name string, value any) []byte { return word(name, value) }

// A poller is a visitor who asks again and again.
type poller struct {
	name  string
	seen  int64           // ns of Unix time
	w     server.Response // of the last question
	lobby *lobby          // if this is one
}

// A lobby is what one has for a poller.
type lobby struct {
	room string // that was found
	out  func()
}

// Poll answers with what comes after id, now if there is something, or else when it
// comes, or with nothing after a while. token is the visitor's, who counts as here
// between two polls. It is called on the answer's loop. fail is called if there is no
// room for one more.
func (r *Room) Poll(w server.Response, id ID, name, key, token string, fail func(error)) {
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	r.from(id, w.Post, func() {
		p, fresh, err := r.poller(w, name, key, token)
		if err != nil {
			fail(err)
			return
		}
		if events := r.ask(w, p, id, fresh); events != nil {
			w.EndBytes(events)
			return
		}
		w.OnAbort(func() { r.missed(w, p) })
	})
}

// missed notes that a poller's connection was lost while the poller waited: its page was
// closed, or it comes again soon.
func (r *Room) missed(w server.Response, p *poller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.w == w { // else it has come again already
		p.seen = time.Now().Add(lost - away - r.house.Poll).UnixNano()
	}
}

// ask returns what there is to answer. If there is nothing, it puts w among those who
// wait.
func (r *Room) ask(w server.Response, p *poller, id ID, fresh bool) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.lobby != nil && p.lobby.room != "" {
		return word("move", p.lobby.room)
	}
	events := r.since(id).events
	if fresh {
		events = append(events, r.whoIsHere())
	}
	if len(events) > 0 {
		return array(events...)
	}
	if r.polls.Add(w) {
		w.After(r.house.Poll, func() { w.EndBytes(r.quiet()) })
	}
	return nil
}

// quiet returns the answer to a poll while which nothing was said.
func (r *Room) quiet() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return array(r.whoIsHere())
}

// poller finds who asks, or lets a new one in, to wait if this is a lobby.
func (r *Room) poller(w server.Response, name, key, token string) (p *poller, fresh bool, err error) {
	r.mu.Lock()
	p = r.polling[token]
	fresh = p == nil
	if fresh {
		if err := r.enterLocked(name); err != nil {
			r.mu.Unlock()
			return nil, false, err
		}
		p = &poller{name: name}
		if r.house.Lobby(r.Name) {
			p.lobby = new(lobby)
		}
		r.polling[strings.Clone(token)] = p // not the query that it is a part of
	}
	p.seen, p.w = time.Now().UnixNano(), w
	r.mu.Unlock()
	if fresh && p.lobby != nil {
		out := r.house.Wait(r.Name, key, func(room string) {
			r.mu.Lock()
			p.lobby.room = room
			w := p.w
			r.mu.Unlock()
			w.Post(func() { w.EndBytes(word("move", room)) })
		}, func() {})
		r.mu.Lock()
		p.lobby.out = out
		r.mu.Unlock()
	}
	return p, fresh, nil
}
