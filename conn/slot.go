// The slot table: one slot for each thing that the loop can call, be it a
// connection, a listener or a timer. The index of a slot and its generation make the
// token that the poller carries. An event of something that is gone has an old
// generation, and calls nobody. The links of the timing wheel are in the slot too:
// indices, not pointers.

package conn

import "github.com/lurcher-net/lurcher/poller"

// An owner is what the loop calls for a slot.
type owner interface {
	event(r poller.Ready) // the descriptor is ready
	expire()              // the slot's tick has come
	stop(cause error)     // the loop ends
}

// connOf returns the connection that a slot is for, or nil.
func connOf(o owner) *Conn {
	switch o := o.(type) {
	case *Conn:
		return o
	case *dial: // it is being opened
		return o.conn
	}
	return nil
}

type slot struct {
	owner owner
	gen   uint32
	tick  uint32 // when the wheel calls expire, if linked
	next  uint32 // in the wheel's list, or in the free list
	prev  uint32 // in the wheel's list; 0: not linked
}

// Slots live in pages that never move: a *slot stays good while callbacks
// open connections, and growing copies nothing.
const (
	pageBits = 10 // 32 KiB, which the allocator gives without loss
	pageSize = 1 << pageBits
)

type table struct {
	pages []*[pageSize]slot
	free  uint32 // head of the free list, 0 when empty; slot 0 is never used
	live  int    // slots in use
}

func (t *table) at(i uint32) *slot { return &t.pages[i>>pageBits][i%pageSize] }

func (t *table) alloc(o owner) uint32 {
	if t.free == 0 {
		t.grow()
	}
	i := t.free
	s := t.at(i)
	t.free = s.next
	s.owner, s.next, s.prev = o, 0, 0
	t.live++
	return i
}

func (t *table) grow() {
	base := uint32(len(t.pages)) * pageSize
	page := new([pageSize]slot)
	t.pages = append(t.pages, page)
	for i := uint32(pageSize - 1); i < pageSize; i-- {
		if base+i == 0 {
			break // slot 0 means none
		}
		page[i].next, t.free = t.free, base+i
	}
}

// release frees a slot that is not linked in the wheel.
func (t *table) release(i uint32) {
	s := t.at(i)
	s.owner = nil
	s.gen++
	s.next, t.free = t.free, i
	t.live--
}

func (t *table) token(i uint32) poller.Token {
	return poller.Token(uint64(t.at(i).gen)<<32 | uint64(i))
}

// find returns the owner that a token was made for, or nil if it is gone.
func (t *table) find(tok poller.Token) owner {
	i := uint32(tok)
	if int(i>>pageBits) >= len(t.pages) {
		return nil
	}
	if s := t.at(i); s.gen == uint32(tok>>32) {
		return s.owner
	}
	return nil
}

// each calls fn for every owner; fn may release slots.
func (t *table) each(fn func(owner)) {
	for _, page := range t.pages {
		for i := range page {
			if o := page[i].owner; o != nil {
				fn(o)
			}
		}
	}
}
