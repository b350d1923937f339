// Transports: what a visitor gets by each, and across them.

package web

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
)

// visit returns what a visitor with an id is told at first, by each transport.
func (n *node) told(transport, room, id string) []event {
	n.t.Helper()
	switch q := query(room, "guest "+transport, id, "token", fmt.Sprint("t", id, transport)); transport {
	case "websocket":
		g := n.socket(loop(n.t), q)
		defer g.cancel()
		return g.told()
	case "events":
		g := n.stream(q)
		defer g.cancel()
		return g.told()
	default:
		return n.poll(q)
	}
}

var transports = []string{"websocket", "events", "poll"}

func TestWhatComesAfterAnID(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.Keep, h.Fresh = 10, 3 })
	ann := n.socket(loop(t), query("r", "ann", ""))
	ann.told() // the room is there, and sees messages come and go
	var ids []string
	for i := range 15 {
		ids = append(ids, n.post("r", "ann", fmt.Sprint(i), fmt.Sprint("k", i)))
	}
	ann.hears("14")
	epoch, _, _ := strings.Cut(ids[0], "-")
	for _, c := range []struct {
		name, id string
		texts    string
		lost     bool
	}{
		{"a new visitor gets the last ones", "", "12 13 14", false},
		{"one who knows all gets none", ids[14], "", false},
		{"one who was away gets the rest", ids[11], "12 13 14", false},
		{"the last that is not kept", ids[4], "5 6 7 8 9 10 11 12 13 14", false},
		{"too old: it says so", ids[1], "5 6 7 8 9 10 11 12 13 14", true},
		{"another epoch: it says so", "other-7", "12 13 14", true},
		{"no id at all", "nonsense", "12 13 14", false},
		{"a number too large for one", epoch + "-99999999999999999999", "12 13 14", false},
		{"a negative number", epoch + "--1", "12 13 14", false},
	} {
		for _, transport := range transports {
			if c.texts == "" && transport == "poll" {
				continue // that one waits
			}
			all := n.told(transport, "r", c.id)
			lost := slices.ContainsFunc(all, func(e event) bool { return e.Lost })
			if got := strings.Join(texts(all), " "); got != c.texts || lost != c.lost {
				t.Errorf("%s, by %s: %q, lost %v; not %q, %v", c.name, transport, got, lost, c.texts, c.lost)
			}
		}
	}
}

// What the stream has dropped while a visitor was away is said, also by a node that has
// just opened the room and never had it; also to one who left when nothing had been said.
func TestGapAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := func(h *rooms.House, _ *Site) { h.Keep, h.Fresh = 5, 3 }
	n := serve(t, dir, set)
	var nothing string
	for _, e := range n.told("websocket", "r", "") {
		if e.ID != "" {
			nothing = e.ID
		}
	}
	for i := range 3 {
		n.post("r", "ann", fmt.Sprint(i), fmt.Sprint("k", i))
	}
	n.stop()
	n = serve(t, dir, set)
	for _, e := range n.told("events", "r", nothing) {
		if e.Lost {
			t.Error("one who left an empty room is told of a gap, and there is none")
		}
	}
	for i := range 6 {
		n.post("r", "ann", fmt.Sprint(3+i), fmt.Sprint("l", i))
	}
	n.stop()
	n = serve(t, dir, set)
	for _, transport := range transports {
		all := n.told(transport, "r", nothing)
		if !slices.ContainsFunc(all, func(e event) bool { return e.Lost }) || strings.Join(texts(all), " ") != "4 5 6 7 8" {
			t.Errorf("by %s, after %s: %q, without a word of what is missing", transport, nothing, texts(all))
		}
	}
}

// An empty room says where to go on, so that nothing is missed by one who heard
// nothing yet; also if the id is of another epoch, after which a poll would be
// answered at once for ever.
func TestEmptyRoomHasAnID(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.Fresh = 3 })
	for _, transport := range transports {
		for _, id := range []string{"", "other-7"} {
			room := "empty " + transport + id
			all := n.told(transport, room, id)
			i := slices.IndexFunc(all, func(e event) bool { return e.ID != "" })
			if i < 0 {
				t.Fatalf("by %s there is no id in %+v", transport, all)
			}
			for j := range 5 {
				n.post(room, "ann", fmt.Sprint(j), fmt.Sprint("k", j))
			}
			n.socket(loop(t), query(room, "ann", "")).hears("4")
			if got := strings.Join(texts(n.told(transport, room, all[i].ID)), " "); got != "0 1 2 3 4" {
				t.Errorf("by %s, after %s: %q", transport, all[i].ID, got)
			}
		}
	}
}

// A visitor who has more than this node has is told nothing twice.
func TestVisitorIsAheadOfTheNode(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	id := rooms.ParseID(n.post("r", "ann", "0", "k0"))
	n.socket(loop(t), query("r", "ann", "")).hears("0") // the room is open
	id.Seq += 2
	// However long the node is behind: by then they have been told who is here.
	l := loop(t)
	quick := n.socket(l, query("r", "ben", id.String()))
	slow := []*guest{n.socket(l, query("r", "cleo", id.String())), n.stream(query("r", "dora", id.String()))}
	for _, g := range slow {
		g.told()
	}
	for _, e := range n.poll(query("r", "emil", id.String())) {
		if e.Who == nil {
			t.Errorf("a poller who has %v is told %+v", id, e)
		}
	}
	gone := n.stream(query("r", "fay", id.String()))
	gone.cancel()
	for i := 1; i <= 3; i++ {
		n.post("r", "ann", fmt.Sprint(i), fmt.Sprint("k", i))
	}
	for _, g := range append(slow, quick) {
		if e := g.next("a message", func(e event) bool { return e.Text != "" }); e.Text != "3" {
			t.Errorf("a visitor who has %v is told %q first", id, e.Text)
		}
	}
	var told []string
	for late := time.Now().Add(patienceOfTests); len(told) == 0 && time.Now().Before(late); {
		told = texts(n.poll(query("r", "emil", id.String())))
	}
	if len(told) == 0 || told[0] != "3" {
		t.Errorf("a poller who has %v is told %q at last", id, told)
	}
}

// What was said is long: nobody is given all of it at once.
func TestCatchUpInPieces(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.MaxText = 100_000 })
	first := n.post("r", "ann", "first", "k")
	long := strings.Repeat("x", 100_000)
	for i := range 20 {
		n.post("r", "ann", long[i:], fmt.Sprint("k", i))
	}
	last := n.post("r", "ann", "last", "l")
	for _, transport := range transports {
		var all []event
		if id := first; transport == "poll" {
			for id != last {
				part := n.poll(query("r", "cleo", id))
				if len(part) > 3 {
					t.Fatalf("%d events in one answer", len(part))
				}
				for _, e := range part {
					if e.ID != "" {
						id = e.ID
					}
				}
				all = append(all, part...)
			}
		} else {
			all = n.told(transport, "r", first)
		}
		got := texts(all)
		if len(got) != 21 || got[20] != "last" || slices.ContainsFunc(all, func(e event) bool { return e.Lost }) {
			t.Errorf("by %s: %d messages", transport, len(got))
		}
	}
}

func TestWhoIsHere(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	l := loop(t)
	ann := n.socket(l, query("r", "ann", ""))
	ann.count(1)
	again := n.socket(l, query("r", "ann", "")) // another tab
	if e := ann.count(2); len(e.Who.Names) != 1 || e.Who.Names[0] != "ann" {
		t.Errorf("two tabs of one: %+v", e.Who)
	}
	ben := n.stream(query("r", "ben", ""))
	n.poll(query("r", "cleo", ""))
	if e := ann.count(4); strings.Join(e.Who.Names, " ") != "ann ben cleo" {
		t.Errorf("%+v", e.Who)
	}
	ben.cancel()
	ann.count(3)
	again.cancel()
	ann.count(2)
}

// A poller whose connection is lost while it waits has left soon after, however long a
// poll may wait.
func TestLostPollerLeaves(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.Poll = time.Hour })
	ann := n.socket(loop(t), query("r", "ann", ""))
	ann.count(1)
	events := n.poll(query("r", "ben", ""))
	ann.count(2)
	nc, err := net.Dial("tcp", n.host)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "GET /wait?%s HTTP/1.1\r\nHost: x\r\n\r\n", query("r", "ben", events[0].ID))
	for n.house.Stats().Visitors.Polls == 0 {
		time.Sleep(time.Millisecond)
	}
	nc.Close()
	ann.count(1)
}

func TestRoomIsFull(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.MaxVisitors, h.MaxRooms, h.Poll = 2, 2, time.Hour }) // who has asked is here until the end
	l := loop(t)
	ann := n.socket(l, query("r", "ann", ""))
	n.poll(query("r", "ben", ""))
	for _, path := range []string{"/ws?", "/events?", "/wait?"} {
		fields := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
		if resp, body := n.ask("GET", path+query("r", "cleo", ""), "", fields...); resp.StatusCode != 503 || !strings.Contains(body, "full") {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	n.poll(query("r", "ben", "")) // who is here already
	ann.cancel()
	<-ann.closed
	n.socket(l, query("r", "dora", "")).count(2)
	n.poll(query("r2", "cleo", ""))
	if resp, body := n.ask("GET", "/events?"+query("r3", "cleo", ""), ""); resp.StatusCode != 503 {
		t.Errorf("one room more: %s %s", resp.Status, body)
	}
}
