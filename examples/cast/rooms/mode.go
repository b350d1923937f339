// Modes: who hears whom in a room.

package rooms

import (
	"crypto/subtle"
	"fmt"
)

// A Kind is a way of talking.
type Kind string

// The kinds. Queue and Random are lobbies: nothing is said in them, they bring two
// visitors together in a room of their own.
const (
	Open      Kind = "room"      // all hear all
	Broadcast Kind = "broadcast" // all hear the one who has the key
	Queue     Kind = "queue"     // a visitor and the next agent that is free: one who has the key
	Random    Kind = "random"    // any two
)

// A Mode is a room's kind, and the key of its speaker or agents.
type Mode struct {
	Kind Kind   `json:"mode"`
	Key  string `json:"key,omitempty"`
}

// Check returns what is wrong with a mode.
func (m Mode) Check() error {
	switch m.Kind {
	case Open, Random:
		return nil
	case Broadcast, Queue:
		if m.Key == "" {
			return fmt.Errorf("mode %q needs a key", m.Kind)
		}
		return nil
	}
	return fmt.Errorf("no mode is called %q: there are room, broadcast, queue and random", m.Kind)
}

// opens reports whether a key is the mode's.
func (m Mode) opens(key string) bool {
	return m.Key != "" && subtle.ConstantTimeCompare([]byte(m.Key), []byte(key)) == 1
}

// CheckName returns what is wrong with the name of a room of a mode: the rooms that a
// lobby leads to are named after it, with 27 bytes more.
func (h *House) CheckName(room string, m Mode) error {
	most := h.MaxName
	if m.lobby() {
		most -= 27
	}
	if room == "" || len(room) > most || cleanName(room) != room {
		return fmt.Errorf("room %q: that is no name, or one of more than %d bytes", room, most)
	}
	return nil
}

func (m Mode) lobby() bool { return m.Kind == Queue || m.Kind == Random }

// mode returns the mode of a room; rooms of which nothing is said are open.
func (h *House) mode(room string) Mode {
	if m, ok := h.Modes[room]; ok {
		return m
	}
	return Mode{Kind: Open}
}
