package rooms

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A seat is a visitor of a lobby in a test.
type seat struct {
	t     *testing.T
	room  chan string
	waits chan struct{}
	leave func()
}

func (h *House) sit(t *testing.T, lobby, key string) *seat {
	s := &seat{t: t, room: make(chan string, 2), waits: make(chan struct{}, 2)}
	s.leave = h.Wait(lobby, key, func(room string) { s.room <- room }, func() { s.waits <- struct{}{} })
	return s
}

// waiting returns once the visitor is told that nobody is free.
func (s *seat) waiting() *seat {
	s.t.Helper()
	select {
	case <-s.waits:
	case room := <-s.room:
		s.t.Fatalf("a visitor who is to wait is led to %s", room)
	case <-time.After(time.Minute):
		s.t.Fatal("a visitor is told nothing")
	}
	return s
}

func (s *seat) led() string {
	s.t.Helper()
	select {
	case room := <-s.room:
		return room
	case <-time.After(time.Minute):
		s.t.Fatal("a visitor is led nowhere")
		return ""
	}
}

// together checks that two are led to one room of their own.
func together(t *testing.T, lobby string, a, b *seat) string {
	t.Helper()
	x, y := a.led(), b.led()
	if x != y || !strings.HasPrefix(x, lobby+".") {
		t.Fatalf("two are led to %q and %q", x, y)
	}
	return x
}

// list is who waits, as all nodes see it.
func (h *House) list(t *testing.T, lobby string) (list []place) {
	t.Helper()
	if err := h.change(lobby, func(l []place) []place { list = append([]place{}, l...); return l }); err != nil {
		t.Fatal(err)
	}
	return list
}

func (h *House) empties(t *testing.T, lobby string) {
	t.Helper()
	for late := time.Now().Add(time.Minute); len(h.list(t, lobby)) > 0; {
		if time.Now().After(late) {
			t.Fatalf("on the list there are %+v", h.list(t, lobby))
		}
	}
}

var lobbies = map[string]Mode{"meet": {Kind: Random}, "help": {Queue, "agent"}}

func TestLobbies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T, h *House){
		"random: any two": func(t *testing.T, h *House) {
			a := h.sit(t, "meet", "").waiting()
			one := together(t, "meet", a, h.sit(t, "meet", ""))
			c := h.sit(t, "meet", "").waiting()
			if two := together(t, "meet", c, h.sit(t, "meet", "agent")); one == two {
				t.Error("two pairs have one room")
			}
		},
		"queue: three visitors, one agent, in turn": func(t *testing.T, h *House) {
			var visitors [3]*seat
			for i := range visitors {
				visitors[i] = h.sit(t, "help", "").waiting()
			}
			for i := range visitors {
				together(t, "help", visitors[i], h.sit(t, "help", "agent"))
			}
			h.sit(t, "help", "agent").waiting()
		},
		"queue: a wrong key is a visitor's": func(t *testing.T, h *House) {
			h.sit(t, "help", "").waiting()
			h.sit(t, "help", "Agent").waiting()
		},
		"queue: agents do not meet each other": func(t *testing.T, h *House) {
			a := h.sit(t, "help", "agent").waiting()
			b := h.sit(t, "help", "agent").waiting()
			together(t, "help", a, h.sit(t, "help", ""))
			together(t, "help", b, h.sit(t, "help", ""))
		},
		"a visitor leaves while waiting": func(t *testing.T, h *House) {
			h.sit(t, "meet", "").waiting().leave()
			h.empties(t, "meet")
			b := h.sit(t, "meet", "").waiting()
			together(t, "meet", b, h.sit(t, "meet", ""))
		},
		"an agent leaves: the next one comes": func(t *testing.T, h *House) {
			h.sit(t, "help", "agent").waiting().leave()
			h.empties(t, "help")
			v := h.sit(t, "help", "").waiting()
			together(t, "help", v, h.sit(t, "help", "agent"))
		},
		"who has been led away may leave": func(t *testing.T, h *House) {
			a := h.sit(t, "meet", "").waiting()
			b := h.sit(t, "meet", "")
			together(t, "meet", a, b)
			a.leave()
			b.leave()
			h.empties(t, "meet")
		},
		"a place of a process that was killed": func(t *testing.T, h *House) {
			// Of this node's name, and of one that is not there any more.
			h.change("meet", func(l []place) []place { return append(l, place{ID: "x", Node: "n"}, place{ID: "y", Node: "other"}) })
			b := h.sit(t, "meet", "").waiting()
			together(t, "meet", b, h.sit(t, "meet", ""))
		},
		"a visitor leaves while a partner is picked": func(t *testing.T, h *House) {
			a := h.sit(t, "meet", "").waiting()
			// One who has left when its partner has been taken off the list.
			h.match("meet", lobbies["meet"], place{ID: "left", Node: "n"}, func() { t.Error("told to wait") })
			if n := len(h.list(t, "meet")); n != 1 {
				t.Fatalf("%d wait", n)
			}
			together(t, "meet", a, h.sit(t, "meet", ""))
		},
		"a list that is full": func(t *testing.T, h *House) {
			h.change("help", func(l []place) []place {
				for range mostWait {
					l = append(l, place{ID: "x", Node: "n"})
				}
				return l
			})
			v := h.sit(t, "help", "").waiting() // and asks again
			h.change("help", func(l []place) []place { return nil })
			together(t, "help", v, h.sit(t, "help", "agent"))
		},
		"many at once": func(t *testing.T, h *House) {
			const n = 20
			led := make(map[string]int)
			var all []*seat
			for range n {
				all = append(all, h.sit(t, "meet", ""))
			}
			for _, s := range all {
				led[s.led()]++
			}
			for room, n := range led {
				if n != 2 {
					t.Errorf("%d are in %s", n, room)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, lobbies))
		})
	}
}

// What another node asks for, and is not there.
func TestMovedAnswersOnce(t *testing.T) {
	t.Parallel()
	h := open(t, lobbies)
	s := h.sit(t, "meet", "").waiting()
	id := h.list(t, "meet")[0].ID
	ask := func(id string) string {
		b, _ := json.Marshal(move{id, "meet.x"})
		return string(h.moved(b))
	}
	if a, b, c := ask("nobody"), ask(id), ask(id); a != "no" || b != "yes" || c != "no" {
		t.Errorf("%s, %s, %s", a, b, c)
	}
	if s.led() != "meet.x" {
		t.Error("it is led elsewhere")
	}
	if string(h.moved([]byte("{"))) != "no" {
		t.Error("no JSON is a yes")
	}
}
