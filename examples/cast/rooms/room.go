// Room: its last messages, its visitors, and the way of a message to them.

package rooms

import (
	"context"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// A Room is a room on this node, for as long as somebody here visits it. Its
// methods may be called from any goroutine, but for those of a transport, which
// belong to the visitor's loop.
type Room struct {
	Name string

	house *House
	end   context.CancelFunc // of following the journal

	// Those who get what comes. Each is told in the order of the calls, so
	// that calls with mu held keep the order of messages for everybody.
	sockets ws.Hub
	streams server.Hub
	polls   server.Hub

	mu     sync.Mutex
	ready  bool
	early  []func() // until ready
	kept   []kept   // the last messages, at most house.Keep
	visits int      // by transports: the room ends a while after the last
	left   time.Time
	names  map[string]int   // who is here, on this node
	others map[string]crowd // by node
	heard  map[string]time.Time
	stale  bool // that has changed since visitors were told
	unsaid bool // a node is to be told, changed or not

	polling map[string]*poller // by token
}

// kept is a message that the room remembers.
type kept struct {
	seq  uint64
	json []byte
}

// take is called with messages from the journal, in order.
func (r *Room) take(ms []journal.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events [][]byte
	for _, m := range ms {
		if e := encode(r.house.journal.Epoch(), m); e != nil {
			events = append(events, e)
			r.kept = append(r.kept, kept{m.Seq, e})
		}
	}
	if extra := len(r.kept) - r.house.Keep; extra > 0 {
		r.kept = append(r.kept[:0:0], r.kept[extra:]...)
	}
	r.house.shown.Add(uint64(len(events)))
	if len(events) > 0 && r.ready {
		r.tell(array(events...), ms[len(ms)-1].Seq)
	}
}

// tell hands an array of events to everybody. r.mu is held.
func (r *Room) tell(p []byte, seq uint64) {
	r.sockets.Send(ws.Text, p)
	r.streams.Send(serverSent(p, ID{r.house.journal.Epoch(), seq}))
	r.polls.End(p)
}

// open is called when all that the journal had kept has been taken.
func (r *Room) open() {
	r.mu.Lock()
	early := r.early
	r.ready, r.early = true, nil
	r.mu.Unlock()
	for _, fn := range early {
		fn()
	}
}

// whenReady calls fn once the room's history is there: now, or later on another
// goroutine.
func (r *Room) whenReady(fn func()) {
	r.mu.Lock()
	if !r.ready {
		r.early = append(r.early, fn)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	fn()
}

// since is what a visitor who has seen up to id is to be told, and the number of
// its last message. fresh visitors, without an id, get the last messages.
// r.mu is held.
func (r *Room) since(id ID, fresh int) (events [][]byte, last uint64) {
	epoch := r.house.journal.Epoch()
	from := max(len(r.kept)-fresh, 0)
	switch {
	case id.Epoch == epoch:
		from = sort.Search(len(r.kept), func(i int) bool { return r.kept[i].seq > id.Seq })
		if from == 0 && len(r.kept) == r.house.Keep {
			events = append(events, marshal(map[string]any{"lost": true}))
		}
		last = id.Seq
	case id.Epoch != "": // the journal's files were lost, or it had none
		events = append(events, marshal(map[string]any{"lost": true}))
	}
	for _, k := range r.kept[from:] {
		events = append(events, k.json)
		last = k.seq
	}
	return events, last
}

// crowd is who is here, on this node or on all. Beyond some names only their
// number matters. r.mu is held.
func (r *Room) crowd(all bool) crowd {
	const most = 100
	c := crowd{Names: slices.Collect(maps.Keys(r.names))}
	for _, n := range r.names {
		c.Count += n
	}
	if all {
		for _, o := range r.others {
			c.Count += o.Count
			c.Names = append(c.Names, o.Names...)
		}
	}
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	c.Names = c.Names[:min(len(c.Names), most)]
	return c
}

// Enter and Leave count who is here under a name, by a transport that stays
// connected.
func (r *Room) Enter(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enterLocked(name)
}

func (r *Room) Leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(name)
}

func (r *Room) enterLocked(name string) {
	r.visits++
	r.names[name]++
	r.stale = true
}

func (r *Room) leaveLocked(name string) {
	r.visits--
	if r.names[name]--; r.names[name] <= 0 {
		delete(r.names, name)
	}
	r.stale = true
	r.left = time.Now()
}
