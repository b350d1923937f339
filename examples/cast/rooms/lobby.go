// Lobbies: two visitors are brought together, on whichever nodes they are.

package rooms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// A waiter is a visitor of a lobby on this node.
type waiter struct {
	lobby string
	move  func(room string) // tells the visitor where to go; called once, on any goroutine
}

// A place is a waiter in the list that all nodes share.
type place struct {
	ID    string `json:"id"`
	Node  string `json:"node"`
	Agent bool   `json:"agent"`
}

// Lobby reports whether a room is one.
func (h *House) Lobby(room string) bool { return h.mode(room).lobby() }

// Wait brings a visitor of a lobby together with another one. move is called, on
// another goroutine, when a room is found; before that, wait may be called to say
// that nobody is free yet. leave ends the waiting.
func (h *House) Wait(lobby, key string, move func(room string), wait func()) (leave func()) {
	mode := h.mode(lobby)
	me := place{ID: rand.Text(), Node: h.Node, Agent: mode.Kind == Queue && mode.opens(key)}
	h.mu.Lock()
	h.waits[me.ID] = &waiter{lobby, move}
	h.mu.Unlock()
	go h.match(lobby, mode, me, wait)
	return func() {
		h.mu.Lock()
		_, here := h.waits[me.ID]
		delete(h.waits, me.ID)
		h.mu.Unlock()
		if here {
			go h.unlist(lobby, me.ID)
		}
	}
}

const (
	mostWait = 2000        // places on a lobby's list: it is one value of the journal
	tryAgain = time.Second // after the journal could not be asked, or the list was full
)

var errCrowded = errors.New("the list is full")

// match finds a partner for me, or puts me on the list.
func (h *House) match(lobby string, mode Mode, me place, wait func()) {
	for told := false; ; {
		partner, err := h.pick(lobby, mode, me)
		switch {
		case err != nil:
			h.Log.Warn("lobby", "room", lobby, "error", err)
			if !told {
				told = true
				wait()
			}
			select {
			case <-h.ctx.Done():
				return
			case <-time.After(tryAgain):
			}
			if !h.isWaiting(me.ID) {
				return
			}
		case partner.ID == "": // I am on the list
			if !h.isWaiting(me.ID) {
				h.unlist(lobby, me.ID) // I had left before I was
				return
			}
			if !told {
				wait()
			}
			return
		case !h.isWaiting(me.ID):
			h.relist(lobby, partner)
			return
		default:
			room := lobby + "." + strings.ToLower(rand.Text())
			if h.fetch(partner, room) {
				h.bring(me.ID, room)
				return
			} // it has left, or its node has: the next one
		}
	}
}

// isWaiting reports whether a visitor waits here.
func (h *House) isWaiting(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waits[id] != nil && h.ctx.Err() == nil
}

// pick takes a partner for me off the list, or puts me on it.
func (h *House) pick(lobby string, mode Mode, me place) (partner place, err error) {
	crowded := false
	err = h.change(lobby, func(list []place) []place {
		partner, crowded = place{}, false
		i := slices.IndexFunc(list, func(p place) bool { return mode.Kind == Random || p.Agent != me.Agent })
		switch {
		case i >= 0:
			partner = list[i]
			return slices.Delete(list, i, i+1)
		case len(list) >= mostWait:
			crowded = true
			return list
		}
		return append(list, me)
	})
	if err == nil && crowded {
		err = errCrowded
	}
	return partner, err
}

// fetch has a partner's node lead it to a room, and reports whether that was done.
func (h *House) fetch(partner place, room string) bool {
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	reply, err := h.journal.Ask(ctx, "move."+partner.Node, marshal(move{partner.ID, room}))
	return err == nil && string(reply) == "yes"
}

// change replaces the list of a lobby.
func (h *House) change(lobby string, fn func(list []place) []place) error {
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	return h.journal.Change(ctx, lobby, func(old []byte) []byte {
		var list []place
		json.Unmarshal(old, &list)
		return marshal(fn(list))
	})
}

type move struct {
	ID   string `json:"id"`
	Room string `json:"room"`
}

// moved is another node's word that a visitor here has a partner. The answer is
// whether it is still here.
func (h *House) moved(data []byte) []byte {
	var m move
	if json.Unmarshal(data, &m) == nil && h.bring(m.ID, m.Room) {
		return []byte("yes")
	}
	return []byte("no")
}

// bring tells a visitor where to go, and reports whether it waits.
func (h *House) bring(id, room string) bool {
	h.mu.Lock()
	w := h.waits[id]
	delete(h.waits, id)
	h.mu.Unlock()
	if w == nil {
		return false
	}
	w.move(room)
	return true
}

// unlist takes a visitor who has left off the list.
func (h *House) unlist(lobby, id string) {
	err := h.change(lobby, func(list []place) []place {
		return slices.DeleteFunc(list, func(p place) bool { return p.ID == id })
	})
	if err != nil {
		h.Log.Warn("lobby", "room", lobby, "error", err)
	}
}

// relist puts a visitor back who was taken off the list for one who has left.
func (h *House) relist(lobby string, p place) {
	err := h.change(lobby, func(list []place) []place { return slices.Insert(list, 0, p) })
	if err != nil {
		h.Log.Warn("lobby", "room", lobby, "error", err)
	}
}
