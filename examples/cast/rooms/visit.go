// Visits: the three transports by which visitors get what is said in a room.

package rooms

import (
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// Socket has a WebSocket connection get what comes after id. It is called on
// the connection's loop.
func (r *Room) Socket(c *ws.Conn, id ID) {
	r.from(id, &early{who: c, post: c.Post, fn: func() { r.socket(c, id) }, hear: func(p []byte) { c.Write(ws.Text, p) }})
}

// Unsocket forgets a connection that has closed.
func (r *Room) Unsocket(c *ws.Conn) { r.giveUp(c) }

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
	err := c.Write(ws.Text, array(p.events...))
	if r.house.closing() {
		restarts(c)
	}
	if err != nil || !p.more {
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
	w.OnAbort(func() { r.unstream(w); r.giveUp(w) })
	r.from(id, &early{who: w, post: w.Post, fn: func() { r.stream(w, id) }, hear: func(p []byte) { w.Write(serverSent(p, ID{})) }})
}

func (r *Room) stream(w server.Response, id ID) {
	r.mu.Lock()
	p := r.since(id)
	if !p.more {
		p.events = append(p.events, r.whoIsHere())
		r.streams.Add(w)
	}
	r.mu.Unlock()
	_, err := w.Write(serverSent(array(p.events...), p.last))
	if r.house.closing() && (p.more || r.streams.Remove(w)) {
		w.EndBytes(serverSent(restart, ID{}))
		return
	}
	if err != nil || !p.more {
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
	w.After(r.house.Slow, func() { w.Abort() })
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
	name   string
	seen   int64           // ns of Unix time
	w      server.Response // of the last question
	told   bool            // w is answered, or about to be
	served bool            // there was an answer before
	share  *share          // of whose address this is one
	lobby  *lobby          // if this is one
}

// A lobby is what one has for a poller.
type lobby struct {
	room string // that was found
	out  func()
}

// Poll answers with what comes after id, now if there is something, or else when it
// comes, or with nothing after a while. token is the visitor's, who counts as here
// between two polls. by is the question. It is called on the answer's loop. The error says
// that there is no room for one more: nothing has been answered then.
//
// After a message all pollers of a room ask again at once, while others still wait for
// the message. What is kept of a question is little, so that this takes little time.
func (r *Room) Poll(w server.Response, by server.Request, id ID, name, key, token string) error {
	p, err := r.poller(w, by, name, token)
	if err != nil {
		return err
	}
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	if r.knows(id) {
		r.poll(w, p, id, key)
		return nil
	}
	r.from(id, &early{who: w, post: w.Post, fn: func() { r.poll(w, p, id, key) }, hear: func(p []byte) { w.EndBytes(p) }, ends: true})
	return nil
}

func (r *Room) poll(w server.Response, p *poller, id ID, key string) {
	events, first := r.ask(w, p, id)
	if first && p.lobby != nil {
		r.wait(p, key)
	}
	if events != nil {
		w.EndBytes(events)
		return
	}
	w.OnAbort(func(error) { r.missed(w, p) })
}

// missed notes that a poller's connection was lost while the poller waited: its page was
// closed, or it comes again soon.
func (r *Room) missed(w server.Response, p *poller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.w == w { // else it has come again already
		p.seen, p.told = time.Now().Add(lost-away-r.house.Poll).UnixNano(), true
	}
}

// ask returns what there is to answer, and whether it is the first answer to p. If there
// is nothing, it puts w among those who wait.
func (r *Room) ask(w server.Response, p *poller, id ID) (answer []byte, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, p.served = !p.served, true
	if p.lobby != nil && p.lobby.room != "" {
		return word("move", p.lobby.room), first
	}
	events := r.since(id).events
	if first {
		events = append(events, r.whoIsHere())
	}
	if len(events) > 0 {
		return array(events...), first
	}
	r.polls.Add(w)
	if r.house.closing() && r.polls.Remove(w) {
		return []byte("[]"), first
	}
	p.told = false
	return nil, first
}

// due returns the answers that have waited for as long as a poll may. No timer for each
// is needed: it takes a second more at most. r.mu is held.
func (r *Room) due(now time.Time) (all []server.Response) {
	for _, p := range r.polling {
		if !p.told && now.UnixNano()-p.seen >= int64(r.house.Poll) {
			p.told = true
			all = append(all, p.w)
		}
	}
	return all
}

// quiet ends an answer that has waited and to which nothing has come.
func (r *Room) quiet(w server.Response) {
	w.Post(func() {
		if !r.polls.Remove(w) { // a message has come, or the client has left
			return
		}
		r.mu.Lock()
		p := array(r.whoIsHere())
		r.mu.Unlock()
		w.EndBytes(p)
	})
}

// poller finds who asks, or lets a new one in.
func (r *Room) poller(w server.Response, by server.Request, name, token string) (*poller, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.polling[token]
	if p == nil {
		share, ok := r.house.polled.take(r.house.address(by), r.house.PollsEach)
		if !ok {
			return nil, ErrShare
		}
		if err := r.enterLocked(name); err != nil {
			share.give()
			return nil, err
		}
		p = &poller{name: strings.Clone(name), share: share} // not the query that it is a part of
		if r.house.Lobby(r.Name) {
			p.lobby = new(lobby)
		}
		r.polling[strings.Clone(token)] = p
	}
	p.seen, p.w, p.told = time.Now().UnixNano(), w, true
	return p, nil
}

// wait has a new poller of a lobby wait for another visitor.
func (r *Room) wait(p *poller, key string) {
	out := r.house.Wait(r.Name, key, func(room string) {
		r.mu.Lock()
		p.lobby.room = room
		w := p.w
		r.mu.Unlock()
		w.Post(func() {
			if r.polls.Remove(w) { // else the next question has this answer
				w.EndBytes(word("move", room))
			}
		})
	}, func() {})
	r.mu.Lock()
	p.lobby.out = out
	r.mu.Unlock()
}
