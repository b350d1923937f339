// House: the rooms of this node, who may do what in them, and who is in them on
// other nodes.

package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

const (
	tidyEvery = time.Second      // who is here is told so often, at most
	empty     = 30 * time.Second // a room without visitors is kept for so long
	away      = 15 * time.Second // a visitor by polls who does not ask again has left
	lost      = 5 * time.Second  // and so has one whose connection was lost, and who has not come again since
	beat      = 30 * time.Second // a stream that is quiet for so long gets a comment: proxies end what is silent
	silent    = 30 * time.Second // a node that says nothing is gone, with its visitors
	repeat    = 10 * time.Second // so often a node says who is here, though nobody came or left
)

// A House is all rooms of a node. The fields are settings; its methods may be
// called from any goroutine.
type House struct {
	Node     string        // the name of this node
	Keep     int           // messages of a room, as the journal has it
	Fresh    int           // of them that a new visitor gets
	MaxText  int           // bytes of a message
	MaxName  int           // bytes of a nickname or room
	MaxRooms int           // that are visited at a time
	Poll     time.Duration // that a long poll waits, and up to a second more
	Slow     time.Duration // that a client which was too slow may take to read that it was
	Modes    map[string]Mode
	Log      *slog.Logger

	MaxVisitors int // of a room, on this node; 0: no limit

	// Address returns whose share a request uses; nil: nobody's, and the next two do not count.
	Address   func(r server.Request) string
	RoomsEach int // of MaxRooms, that are opened from one address; 0: no limit
	PollsEach int // visitors by polls from one address; 0: no limit

	journal *journal.Journal
	stop    context.CancelFunc
	ctx     context.Context
	stops   []func()

	opened, polled shares

	mu    sync.Mutex
	rooms map[string]*Room
	waits map[string]*waiter // visitors of lobbies on this node

	said, shown atomic.Uint64
}

// Errors that a visitor is told.
var (
	ErrRoom  = errors.New("that is no name for a room")
	ErrName  = errors.New("that is no nickname")
	ErrText  = errors.New("a message has to have a text, and not too long a one")
	ErrMute  = errors.New("here only the speaker may send")
	ErrMany  = errors.New("there are too many rooms at the moment")
	ErrFull  = errors.New("the room is full")
	ErrShare = errors.New("too many come from your address at the moment")
	ErrEnds  = errors.New("the server restarts")
	ErrLobby = errors.New("this is a lobby: wait for a room")
)

// Open begins to use the journal.
func (h *House) Open(j *journal.Journal) error {
	h.journal = j
	h.rooms, h.waits = make(map[string]*Room), make(map[string]*waiter)
	h.ctx, h.stop = context.WithCancel(context.Background())
	if h.Log == nil {
		h.Log = slog.Default()
	}
	for topic, fn := range map[string]func([]byte) []byte{"who": h.hear, "move." + h.Node: h.moved} {
		stop, err := j.Listen(topic, fn)
		if err != nil {
			return err
		}
		h.stops = append(h.stops, stop)
	}
	go h.tidy()
	return nil
}

// Close lets the visitors go: their transports reconnect, to another process. It
// may be called more than once.
func (h *House) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stop()
	for _, stop := range h.stops {
		stop()
	}
	h.stops = nil
	for _, r := range h.rooms {
		r.end()
		r.sockets.Each(restarts)
		r.polls.End([]byte("[]"))
		r.streams.End(serverSent(restart, ID{}))
		r.admit()
	}
}

// closing reports whether Close has begun. It is checked after a visitor was added to a hub of
// a room: Close itself sends away those that it finds there.
func (h *House) closing() bool { return h.ctx.Err() != nil }

var restart = word("end", ErrEnds.Error())

func restarts(c *ws.Conn) { c.Close(ws.ServiceRestart, ErrEnds.Error()) }

// Room finds a room, which from then on follows the journal, for some time also if
// nobody enters. by is the request of who asks.
func (h *House) Room(name string, by server.Request) (*Room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil, ErrEnds
	}
	r := h.rooms[name]
	if r != nil {
		r.mu.Lock()
		r.left = time.Now()
		r.mu.Unlock()
		return r, nil
	}
	if name == "" || len(name) > h.MaxName || cleanName(name) != name {
		return nil, ErrRoom
	}
	if len(h.rooms) >= h.MaxRooms {
		return nil, ErrMany
	}
	opener, ok := h.opened.take(h.address(by), h.RoomsEach)
	if !ok {
		return nil, ErrShare
	}
	ctx, cancel := context.WithCancel(h.ctx)
	r = &Room{
		Name: strings.Clone(name), house: h, end: cancel, opener: opener, left: time.Now(), names: make(map[string]int),
		others: make(map[string]crowd), heard: make(map[string]time.Time), polling: make(map[string]*poller),
		leaving: make(map[server.Response]func()),
	}
	r.streams.Slow = r.slow
	if err := h.journal.Follow(ctx, name, r.take, r.open); err != nil {
		cancel()
		opener.give()
		return nil, err
	}
	h.rooms[r.Name] = r
	return r, nil
}

// address returns whose share a request uses.
func (h *House) address(r server.Request) string {
	if h.Address == nil {
		return ""
	}
	return h.Address(r)
}

// Stats are what operators ask for.
type Stats struct {
	Rooms    int                                   // that are visited here
	Visitors struct{ Sockets, Streams, Polls int } // by transport; Polls are those that wait now
	Said     uint64                                // messages of visitors here that were stored
	Shown    uint64                                // messages that came to rooms here
}

// Stats counts.
func (h *House) Stats() (st Stats) {
	for _, r := range h.all() {
		st.Rooms++
		st.Visitors.Sockets += r.sockets.Len()
		st.Visitors.Streams += r.streams.Len()
		st.Visitors.Polls += r.polls.Len()
	}
	st.Said, st.Shown = h.said.Load(), h.shown.Load()
	return st
}

func (h *House) all() []*Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Room, 0, len(h.rooms))
	for _, r := range h.rooms {
		all = append(all, r)
	}
	return all
}

// Nickname returns a name as it is shown. It may be a part of s.
func (h *House) Nickname(s string) (string, error) {
	if s = cleanName(s); s == "" || len(s) > h.MaxName {
		return "", ErrName
	}
	return s, nil
}

// Say stores a message and calls done with its id, on another goroutine as a rule. The
// key is the visitor's: a message that is sent again with it is stored once. The journal
// knows the keys of the last minutes; a page that was asleep for longer, and did not hear
// that its message was stored, sends it again to a room that has the message still.
func (h *House) Say(room, name, text, key, speaker string, done func(id string, err error)) error {
	text = clean(text)
	switch mode := h.mode(room); {
	case text == "" || len(text) > h.MaxText || len(key) > 64:
		return ErrText
	case mode.lobby():
		return ErrLobby
	case mode.Kind == Broadcast && !mode.opens(speaker):
		return ErrMute
	}
	h.mu.Lock()
	r := h.rooms[room]
	h.mu.Unlock()
	if r != nil && key != "" {
		if id, ok := r.stored(key); ok {
			done(id, nil)
			return nil
		}
	}
	return h.journal.Append(room, marshal(said{name, text, key}), key, func(seq uint64, err error) {
		if err != nil {
			done("", err)
			return
		}
		h.said.Add(1)
		done(ID{h.journal.Epoch(), seq}.String(), nil)
	})
}

// tidy tells who is here, ends rooms that nobody visits, and forgets who has left
// without a word.
func (h *House) tidy() {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	repeated := time.Now()
	for {
		select {
		case <-h.ctx.Done():
			return
		case now := <-ticker.C:
			again := now.Sub(repeated) > repeat
			if again {
				repeated = now
			}
			for _, r := range h.all() {
				r.tidy(now, again)
				h.forget(r, now)
			}
		}
	}
}

// forget ends a room without visitors.
func (h *House) forget(r *Room, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visits == 0 && len(r.early) == 0 && now.Sub(r.left) > empty {
		r.end()
		r.opener.give()
		delete(h.rooms, r.Name)
	}
}

// A report is what nodes tell each other of a room.
type report struct {
	Node string `json:"node"`
	Room string `json:"room"`
	crowd
}

// hear takes another node's report.
func (h *House) hear(data []byte) (reply []byte) {
	var rep report
	if json.Unmarshal(data, &rep) != nil || rep.Node == h.Node {
		return nil
	}
	h.mu.Lock()
	r := h.rooms[rep.Room]
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.heard[rep.Node]; !known {
		r.unsaid = true // a node that is new here has not heard of ours
	}
	r.heard[rep.Node] = time.Now()
	old := r.others[rep.Node]
	if old.Count != rep.Count || strings.Join(old.Names, "\n") != strings.Join(rep.Names, "\n") {
		r.others[rep.Node] = rep.crowd
		r.stale = true
	}
	return nil
}

// tidy tells visitors and nodes who is here, if that has changed. The nodes are told
// without the lock, for which loops wait: the connection to them may be busy.
func (r *Room) tidy(now time.Time, again bool) {
	r.mu.Lock()
	r.expire(now)
	arrived, due := r.arrived(now), r.due(now)
	var rep []byte
	if r.stale || r.unsaid || again && r.visits > 0 {
		rep = marshal(report{r.house.Node, r.Name, r.crowd(false)})
	}
	if r.stale {
		r.who = nil
	}
	if r.stale && r.ready {
		p := array(r.whoIsHere())
		r.sockets.Send(ws.Text, p)
		r.streams.Send(serverSent(p, ID{}))
		r.spoke = now
	}
	if now.Sub(r.spoke) >= beat {
		r.streams.Send([]byte(":\n\n")) // a line that clients skip (HTML, 9.2.6)
		r.spoke = now
	}
	r.stale, r.unsaid = false, false
	r.mu.Unlock()
	for _, fn := range arrived {
		fn()
	}
	for _, w := range due {
		r.quiet(w)
	}
	if rep != nil {
		r.house.journal.Tell("who", rep)
	}
}

// expire forgets visitors and nodes that have not been heard of. r.mu is held.
func (r *Room) expire(now time.Time) {
	for token, p := range r.polling {
		if now.UnixNano()-p.seen > int64(r.house.Poll+away) {
			delete(r.polling, token)
			p.share.give()
			r.leaveLocked(p.name)
			if p.lobby != nil && p.lobby.out != nil {
				go p.lobby.out()
			}
		}
	}
	for node, at := range r.heard {
		if now.Sub(at) > silent {
			delete(r.heard, node)
			delete(r.others, node)
			r.stale = true
		}
	}
}
