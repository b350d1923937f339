package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/server"
)

// open starts a house with a journal in memory.
func open(t *testing.T, modes map[string]Mode) *House {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h := &House{Node: "n", Keep: 10, Fresh: 3, MaxText: 100, MaxName: 64, MaxRooms: 10, Poll: time.Second, Modes: modes, Log: quiet}
	j, err := journal.Open(ctx, journal.Options{Keep: h.Keep, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	if err := h.Open(j); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func TestParseID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]ID{
		"e-1": {"e", 1}, "e-18446744073709551615": {"e", 1<<64 - 1}, "-5": {"", 5},
		"": {}, "e": {}, "e-": {}, "e-x": {}, "e--1": {}, "e-+1": {}, "e-1-2": {}, "e-18446744073709551616": {}, "e- 1": {},
	} {
		if got := ParseID(s); got != want {
			t.Errorf("%q is %+v, not %+v", s, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	h := &House{MaxName: 12}
	for s, want := range map[string]string{
		"ann": "ann", " ann\n": "ann", "a\x00n\x1bn\x7f\u0085": "ann", "a\xffnn": "ann", "محمد": "محمد", "漢字": "漢字", "👩\u200d👧": "👩\u200d👧",
		"evil\u202egnp": "evilgnp", "a\u2066b\u2069": "ab", "a\u2028b": "ab", "e\u0301": "e\u0301",
		"": "", " ": "", "\u200b": "", "\u202e": "", "\u00a0\u3000": "", "\ufeff": "", "0123456789abc": "",
	} {
		got, err := h.Nickname(s)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; not %q", s, got, err, want)
		}
	}
	if got := clean(" a\r\n\tb\x00\xff\u0085c \n"); got != "a\nbc" {
		t.Errorf("a text is %q", got)
	}
}

func TestCheckModes(t *testing.T) {
	t.Parallel()
	h := &House{MaxName: 64}
	for _, c := range []struct {
		room string
		mode Mode
		ok   bool
	}{
		{"r", Mode{Kind: Open}, true}, {"r", Mode{Kind: Random}, true},
		{"r", Mode{Kind: Queue, Key: "k"}, true}, {"r", Mode{Kind: Broadcast, Key: "k"}, true},
		{"r", Mode{Kind: Queue}, false}, {"r", Mode{Kind: Broadcast}, false}, {"r", Mode{}, false}, {"r", Mode{Kind: "party"}, false},
		{"", Mode{Kind: Open}, false}, {"a\nb", Mode{Kind: Open}, false},
		{strings.Repeat("r", 64), Mode{Kind: Open}, true}, {strings.Repeat("r", 65), Mode{Kind: Open}, false},
		{strings.Repeat("r", 37), Mode{Kind: Random}, true}, {strings.Repeat("r", 38), Mode{Kind: Random}, false},
	} {
		err := c.mode.Check()
		if err == nil {
			err = h.CheckName(c.room, c.mode)
		}
		if (err == nil) != c.ok {
			t.Errorf("%q %+v: %v", c.room, c.mode, err)
		}
	}
}

// Who may say what, where.
func TestSay(t *testing.T) {
	t.Parallel()
	h := open(t, map[string]Mode{
		"news": {Broadcast, "speaker"}, "help": {Queue, "agent"}, "meet": {Kind: Random}, "shut": {Kind: Broadcast},
	})
	for _, c := range []struct {
		room, speaker, text, key string
		err                      error
	}{
		{"lobby", "", "hello", "", nil},
		{"lobby", "anything", "hello", "k", nil},
		{"news", "", "hello", "", ErrMute},
		{"news", "wrong", "hello", "", ErrMute},
		{"news", "speaker", "hello", "", nil},
		{"shut", "", "hello", "", ErrMute}, // a key that nobody has set is nobody's
		{"help", "agent", "hello", "", ErrLobby},
		{"meet", "", "hello", "", ErrLobby},
		{"meet.abc", "", "hello", "", nil}, // a room for two
		{"lobby", "", "", "", ErrText},
		{"lobby", "", strings.Repeat("x", 101), "", ErrText},
		{"lobby", "", "x", strings.Repeat("k", 65), ErrText},
	} {
		stored := make(chan error, 1)
		err := h.Say(c.room, "ann", c.text, c.key, c.speaker, func(_ string, err error) { stored <- err })
		if err == nil {
			err = <-stored
		}
		if err != c.err {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A large crowd is told as its number and the first names.
func TestCrowd(t *testing.T) {
	t.Parallel()
	r := &Room{house: &House{}, names: make(map[string]int), others: map[string]crowd{"n2": {7, []string{"name 00050", "zoe", "aaa"}}}}
	for i := range 1000 {
		r.enterLocked(fmt.Sprintf("name %05d", i))
		r.enterLocked(fmt.Sprintf("name %05d", i))
	}
	c := r.crowd(true)
	if c.Count != 2007 || len(c.Names) != mostNames || c.Names[0] != "aaa" || c.Names[1] != "name 00000" || c.Names[99] != "name 00098" {
		t.Errorf("%d, %q", c.Count, c.Names)
	}
	if c := r.crowd(false); c.Count != 2000 || c.Names[0] != "name 00000" {
		t.Errorf("here alone: %d, %q", c.Count, c.Names)
	}
	for i := range 1000 {
		r.leaveLocked(fmt.Sprintf("name %05d", i))
		r.leaveLocked(fmt.Sprintf("name %05d", i))
	}
	if len(r.names) != 0 || r.visits != 0 {
		t.Errorf("%d names, %d visits", len(r.names), r.visits)
	}
}

// The pieces that since gives are all that is kept, in order, each once, and none is
// much longer than pieceSize.
func TestPieces(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.Fresh = 1000
	epoch := h.journal.Epoch()
	for _, size := range []int{10, pieceSize / 10, pieceSize - 60, pieceSize, 3 * pieceSize} {
		r := &Room{house: h}
		for i := range 50 {
			r.last = uint64(2 * i)
			r.kept = append(r.kept, kept{r.last, marshal(event{ID: ID{epoch, r.last}.String(), Text: strings.Repeat("x", size)}), ""})
		}
		for _, id := range []ID{{}, {epoch, 0}, {epoch, 41}, {epoch, 98}, {epoch, 1000}} {
			var got []string
			for p := (piece{last: id, more: true}); p.more; {
				p = r.since(p.last)
				n := 0
				for _, e := range p.events {
					var ev event
					json.Unmarshal(e, &ev)
					if n += len(e); ev.Text != "" {
						got = append(got, ev.ID)
					}
				}
				if len(p.events) > 2 && n > pieceSize+100 || p.more && len(p.events) == 0 {
					t.Fatalf("a piece of %d events and %d bytes", len(p.events), n)
				}
			}
			var want []string
			for _, k := range r.kept {
				if id.Epoch == "" || k.seq > id.Seq {
					want = append(want, ID{epoch, k.seq}.String())
				}
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("messages of %d bytes, after %v: %v, not %v", size, id, got, want)
			}
		}
	}
}

// Who comes back when nothing, or not all, is kept of what came after is told so, once; who
// has seen nothing, or up to what is gone, is not.
func TestLost(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	epoch := h.journal.Epoch()
	for _, c := range []struct {
		what      string
		kept      []uint64
		gone, old uint64
		id        ID
		lost      bool
		next      uint64 // of the id that the visitor has then
	}{
		{"all was too old", nil, 0, 9, ID{epoch, 5}, true, 9},
		{"who was told that before", nil, 0, 9, ID{epoch, 9}, false, 9},
		{"who has seen nothing", nil, 0, 9, ID{epoch, 0}, false, 0},
		{"somebody new", nil, 0, 9, ID{}, false, 0},
		{"of another epoch", nil, 0, 9, ID{"x", 5}, true, 9},
		{"what was too old, and a new message", []uint64{12}, 0, 9, ID{epoch, 5}, true, 12},
		{"who was told of the old ones", []uint64{12}, 0, 9, ID{epoch, 9}, false, 12},
		{"new ones were dropped since", []uint64{20}, 12, 9, ID{epoch, 9}, true, 20},
		{"who has seen up to the dropped", []uint64{20}, 12, 9, ID{epoch, 12}, false, 20},
		{"nothing was too old", nil, 0, 0, ID{epoch, 0}, false, 0},
		{"the first one comes", []uint64{3}, 0, 0, ID{epoch, 0}, false, 3},
	} {
		r := &Room{house: h, gone: c.gone}
		for _, seq := range c.kept {
			r.kept, r.last = append(r.kept, kept{seq, []byte("{}"), ""}), seq
		}
		r.open(c.old)
		if !r.knows(c.id) {
			t.Errorf("%s: the visitor has to wait", c.what)
		}
		r.mu.Lock()
		p := r.since(c.id)
		r.mu.Unlock()
		lost := len(p.events) > 0 && strings.Contains(string(p.events[0]), "lost")
		if lost != c.lost || p.last != (ID{epoch, c.next}) {
			t.Errorf("%s: lost %v, then %v: %s", c.what, lost, p.last, p.events)
		}
	}
}

// A room that nobody visits ends after a while, but not one that somebody has just
// found, or waits for.
func TestRoomsEnd(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	r, err := h.Room("r", server.Request{})
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	at := func(fn func()) error { fn(); return nil }
	r.from(ID{}, &early{post: at, fn: func() { close(ready) }})
	<-ready
	later := time.Now().Add(2 * empty)
	there := func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.rooms["r"] == r }
	if h.forget(r, time.Now()); !there() {
		t.Error("a room ends at once")
	}
	r.Enter("ann")
	if h.forget(r, later); !there() {
		t.Error("a room with a visitor ends")
	}
	r.Leave("ann")
	heard := 0
	r.from(ID{h.journal.Epoch(), 1 << 40}, &early{who: t, post: at, hear: func([]byte) { heard++ }})
	if h.forget(r, later); !there() {
		t.Error("a room that somebody waits for ends")
	}
	r.tidy(later, false)
	r.tidy(later, false)
	if h.forget(r, later); !there() || heard != 1 {
		t.Errorf("a room ends that somebody waits for who has heard who is there: %d times", heard)
	}
	r.giveUp(t)
	if h.forget(r, later); there() {
		t.Error("a room without visitors stays")
	}
}

// A page that was asleep for longer than the journal knows keys sends a message again that
// was stored: the room knows it. The journal is closed here, so nothing can be stored.
func TestSaidAgainLater(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	r, err := h.Room("r", server.Request{})
	if err != nil {
		t.Fatal(err)
	}
	ids := make(chan string, 1)
	say := func(key string) string {
		t.Helper()
		if err := h.Say("r", "ann", "hello", key, "", func(id string, err error) { ids <- id }); err != nil {
			t.Fatal(err)
		}
		return <-ids
	}
	first := say("k1")
	say("k2")
	for late := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, there := r.stored("k2"); there {
			break
		}
		if time.Now().After(late) {
			t.Fatal("the messages do not come")
		}
	}
	h.journal.Close()
	if again := say("k1"); again != first {
		t.Errorf("said again it is %q, not %q", again, first)
	}
}
