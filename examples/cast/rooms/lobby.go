// Lobbies: two visitors are brought together, on whichever nodes they are.

package rooms

import (
	"context"
	"crypto/rand"
	"encoding/json"
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
	me := place{ID: rand.Text(), Node: h.Node, Agent: mode.Kind == Queue && key == mode.Key}
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

// match finds a partner for me, or puts me on the list.
func (h *House) match(lobby string, mode Mode, me place, wait func()) {
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	for {
		var partner place
		err := h.journal.Change(ctx, lobby, func(old []byte) []byte {
			var list []place
			json.Unmarshal(old, &list)
			partner = place{}
			i := slices.IndexFunc(list, func(p place) bool { return mode.Kind == Random || p.Agent != me.Agent })
			if i >= 0 {
				partner = list[i]
				list = slices.Delete(list, i, i+1)
			} else {
				list = append(list, me)
			}
			return marshal(list)
		})
		switch {
		case err != nil:
			h.Log.Warn("lobby", "room", lobby, "error", err)
			return
		case partner.ID == "":
			wait()
			return
		}
		room := lobby + "." + strings.ToLower(rand.Text())
		reply, err := h.journal.Ask(ctx, "move."+partner.Node, marshal(move{partner.ID, room}))
		if err == nil && string(reply) == "yes" {
			h.bring(me.ID, room)
			return
		} // it has left, or its node has: the next one
	}
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
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	err := h.journal.Change(ctx, lobby, func(old []byte) []byte {
		var list []place
		json.Unmarshal(old, &list)
		return marshal(slices.DeleteFunc(list, func(p place) bool { return p.ID == id }))
	})
	if err != nil {
		h.Log.Warn("lobby", "room", lobby, "error", err)
	}
}
