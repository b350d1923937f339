// Room: its last messages, its visitors, and the way of a message to them.

package rooms

import (
	"context"
	"slices"
	"sort"
	"strings"
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

	house  *House
	end    context.CancelFunc // of following the journal
	opener *share             // whose room it is

	// Those who get what comes. Each is told in the order of the calls, so
	// that calls with mu held keep the order of messages for everybody.
	sockets ws.Hub
	streams server.Hub
	polls   server.Hub

	mu     sync.Mutex
	ready  bool
	early  []*early // visitors who wait until the room is as far as they are
	kept   []kept   // the last messages, at most house.Keep
	last   uint64   // number of the last message
	gone   uint64   // number of the last that was dropped from kept
	old    uint64   // up to this number the journal had nothing any more when the room opened
	visits int      // by transports: the room ends a while after the last
	left   time.Time
	names  map[string]int   // who is here, on this node
	others map[string]crowd // by node
	heard  map[string]time.Time
	spoke  time.Time // when streams got something
	stale  bool      // that has changed since visitors were told
	unsaid bool      // a node is to be told, changed or not
	who    []byte    // the event that says who is here; nil: to be made

	polling map[string]*poller         // by token
	leaving map[server.Response]func() // of streams, which may have to be ended
}

// kept is a message that the room remembers.
type kept struct {
	seq  uint64
	json []byte
	key  string
}

// early is a visitor who came before the room had what the visitor has seen. It is given
// nothing until the room has: it would get messages that it knows.
type early struct {
	who   any                // a *ws.Conn or a server.Response
	post  func(func()) error // to the visitor's loop
	fn    func()             // serves the visitor
	hear  func(p []byte)     // tells the visitor an array of events; nothing more, if it is a poll
	ends  bool               // it is a poll
	seq   uint64             // what the visitor has seen
	until time.Time          // then the visitor hears who is here, and waits on
}

// behind is how long a visitor who waits for a node hears nothing. A message is on all
// nodes within some milliseconds, but a node can be behind for longer, or have lost what
// it had.
const behind = 5 * time.Second

// take is called with messages from the journal, in order. gap says that some before them
// may be missing.
func (r *Room) take(ms []journal.Message, gap bool) {
	var news []kept
	for _, m := range ms {
		if e, key := encode(r.house.journal.Epoch(), m); e != nil {
			news = append(news, kept{m.Seq, e, key})
		}
	}
	if len(news) == 0 {
		return
	}
	r.house.shown.Add(uint64(len(news)))
	r.mu.Lock()
	if gap {
		r.kept, r.gone = nil, news[0].seq-1
	}
	r.kept = append(r.kept, news...)
	r.last = news[len(news)-1].seq
	if extra := len(r.kept) - r.house.Keep; extra > 0 {
		r.gone = r.kept[extra-1].seq
		clear(r.kept[:extra])
		r.kept = r.kept[extra:] // append moves them to a new array now and then
	}
	if r.ready {
		r.tellAll(news, gap)
	}
	arrived := r.arrived(time.Time{})
	r.mu.Unlock()
	for _, fn := range arrived {
		fn()
	}
}

// tellAll hands messages to everybody, in pieces. r.mu is held.
func (r *Room) tellAll(news []kept, gap bool) {
	var events [][]byte
	if gap {
		events = append(events, marshal(map[string]any{"lost": true}))
	}
	size := 0
	for i, k := range news {
		events = append(events, k.json)
		if size += len(k.json); size > pieceSize || i == len(news)-1 {
			r.tell(array(events...), k.seq)
			events, size = nil, 0
		}
	}
}

// stored returns the id of a message that is kept, by its key.
func (r *Room) stored(key string) (id string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range slices.Backward(r.kept) {
		if k.key == key {
			return ID{r.house.journal.Epoch(), k.seq}.String(), true
		}
	}
	return "", false
}

// tell hands an array of events to everybody. r.mu is held.
func (r *Room) tell(p []byte, seq uint64) {
	r.sockets.Send(ws.Text, p)
	r.streams.Send(serverSent(p, ID{r.house.journal.Epoch(), seq}))
	r.polls.End(p)
	r.spoke = time.Now()
}

// open is called when all that the journal had kept has been taken. Up to old there is
// nothing any more, if that was nothing.
func (r *Room) open(old uint64) {
	r.mu.Lock()
	r.ready, r.old = true, old
	arrived := r.arrived(time.Time{})
	r.mu.Unlock()
	for _, fn := range arrived {
		fn()
	}
}

// from serves a visitor once the room's history is there and goes as far as id: at once, or
// later on the same loop. A visitor may come from a node that was ahead of this one, and
// would get the difference twice.
func (r *Room) from(id ID, e *early) {
	r.mu.Lock()
	if !r.knowsLocked(id) {
		e.seq, e.until = r.number(id), time.Now().Add(behind)
		r.early = append(r.early, e)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	e.fn()
}

// admit serves those who wait, though the room has not what they have seen.
func (r *Room) admit() {
	r.mu.Lock()
	all := r.early
	r.early = nil
	r.mu.Unlock()
	for _, e := range all {
		e.post(e.fn)
	}
}

// giveUp forgets a visitor who has left without having been served.
func (r *Room) giveUp(who any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.early = slices.DeleteFunc(r.early, func(e *early) bool { return e.who == who })
}

// knows reports whether the room's history is there and goes as far as id.
func (r *Room) knows(id ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.knowsLocked(id)
}

func (r *Room) knowsLocked(id ID) bool { return r.ready && r.has(r.number(id)) }

// has reports whether the room goes as far as a message, or will never have it because it
// was too old. r.mu is held.
func (r *Room) has(seq uint64) bool { return seq <= max(r.last, r.old) }

// number is that of the message with an id; 0 for one of another epoch.
func (r *Room) number(id ID) uint64 {
	if id.Epoch != r.house.journal.Epoch() {
		return 0
	}
	return id.Seq
}

// arrived takes those out of early who need not wait any more, and returns what there is to
// do for all. r.mu is held.
func (r *Room) arrived(now time.Time) (fns []func()) {
	if !r.ready || len(r.early) == 0 {
		return nil
	}
	r.early = slices.DeleteFunc(r.early, func(e *early) bool {
		switch {
		case r.has(e.seq):
			fns = append(fns, func() { e.post(e.fn) })
			return true
		case now.After(e.until):
			e.until = now.Add(time.Hour)
			p := array(r.whoIsHere())
			fns = append(fns, func() { e.post(func() { e.hear(p) }) })
			return e.ends
		}
		return false
	})
	return fns
}

// misses reports whether messages between one that a visitor has seen and those that are
// kept may be gone. None is after the last that was dropped, nor, if none was dropped,
// after the last that was too old. r.mu is held.
func (r *Room) misses(seq uint64) bool {
	if len(r.kept) == 0 {
		return 0 < seq && seq < r.old // who has seen nothing is not told that something is lost
	}
	return seq != r.gone && (seq != r.old || r.gone > 0)
}

// A piece is a part of what a visitor is to be told: so much that nobody who does
// not read makes us hold more.
type piece struct {
	events [][]byte
	last   ID   // of its last message: where the next piece begins
	more   bool // there is another one
}

const pieceSize = 64 << 10 // bytes, and one message that may go beyond

// since returns what a visitor who has seen up to id is to be told next. New visitors,
// without an id, get the last messages. r.mu is held.
func (r *Room) since(id ID) (p piece) {
	epoch := r.house.journal.Epoch()
	i := max(len(r.kept)-r.house.Fresh, 0)
	lost := id.Epoch != "" // the journal's files were lost, or it had none
	if id.Epoch == epoch {
		i = sort.Search(len(r.kept), func(i int) bool { return r.kept[i].seq > id.Seq })
		p.last = id
		if lost = i == 0 && r.misses(id.Seq); lost {
			p.last = ID{}
		}
	}
	if lost {
		p.events = append(p.events, marshal(map[string]any{"lost": true}))
	}
	begun, size := i, 0
	for ; i < len(r.kept); i++ {
		if size += len(r.kept[i].json); size > pieceSize && i > begun {
			p.more = true
			break
		}
		p.events = append(p.events, r.kept[i].json)
		p.last = ID{epoch, r.kept[i].seq}
	}
	if p.last.Epoch == "" { // nothing has been said here, and still the visitor can say how far it has heard
		p.last = ID{epoch, r.last}
		if lost {
			p.last.Seq = max(r.last, r.old) // beyond what the visitor has seen
		}
		p.events = append(p.events, marshal(map[string]any{"id": p.last.String()}))
	}
	return p
}

// Beyond some names only their number matters.
const mostNames = 100

// crowd is who is here, on this node or on all. r.mu is held.
func (r *Room) crowd(all bool) crowd {
	c := crowd{Count: r.visits, Names: make([]string, 0, min(len(r.names), mostNames)+1)}
	for name := range r.names {
		c.add(name)
	}
	if all {
		for _, o := range r.others {
			c.Count += o.Count
			for _, name := range o.Names {
				c.add(name)
			}
		}
	}
	return c
}

// add keeps the first names, in order.
func (c *crowd) add(name string) {
	n := len(c.Names)
	if n == mostNames && name >= c.Names[n-1] {
		return
	}
	if i, there := slices.BinarySearch(c.Names, name); !there {
		c.Names = slices.Insert(c.Names, i, name)
	}
	c.Names = c.Names[:min(len(c.Names), mostNames)]
}

// whoIsHere returns the event that says so. In a large crowd it is as old as what
// everybody was told last. r.mu is held.
func (r *Room) whoIsHere() []byte {
	if r.who == nil || r.stale && len(r.names) < mostNames {
		r.who = marshal(map[string]any{"who": r.crowd(true)})
	}
	return r.who
}

// Enter and Leave count who is here under a name, by a transport that stays
// connected. The same name may be here several times: two tabs of one person are.
func (r *Room) Enter(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.enterLocked(name)
}

func (r *Room) Leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(name)
}

func (r *Room) enterLocked(name string) error {
	if most := r.house.MaxVisitors; most > 0 && r.visits >= most {
		return ErrFull
	}
	r.visits++
	if n, there := r.names[name]; there {
		r.names[name] = n + 1 // under the key that is there, for which the old name lives on
	} else {
		r.names[strings.Clone(name)] = 1
	}
	r.stale = true
	return nil
}

func (r *Room) leaveLocked(name string) {
	r.visits--
	if r.names[name]--; r.names[name] <= 0 {
		delete(r.names, name)
	}
	r.stale = true
	r.left = time.Now()
}
