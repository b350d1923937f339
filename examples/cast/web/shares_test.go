// Shares: one address cannot use what is for all.

package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
)

// visits asks by a poll, and returns the status.
func (n *node) visits(room, name, from string) int {
	n.t.Helper()
	resp, body := n.ask("GET", "/wait?"+query(room, name, ""), "", "X-Forwarded-For", from)
	if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
		n.t.Errorf("%s, and not when to come again: %s", resp.Status, body)
	}
	return resp.StatusCode
}

// Polls and rooms are counted for each address, which is the one that the proxy says.
func TestSharesOfAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		proxy  bool
		first  string // the address that uses all that it may
		others map[string]int
	}{
		{"no proxy", false, "192.0.2.1", map[string]int{"192.0.2.2": 429, "": 429}},
		{"a proxy", true, "192.0.2.1", map[string]int{
			"192.0.2.2": 200, "192.0.2.1": 429, "192.0.2.2, 192.0.2.1": 429, "192.0.2.1, 192.0.2.3": 200,
			"::ffff:192.0.2.1": 429, "": 200, // the proxy itself
		}},
		{"IPv6", true, "2001:db8:0:1::1", map[string]int{"2001:db8:0:1::2": 429, "2001:db8:0:2::1": 200}},
	} {
		for _, what := range []string{"polls", "rooms"} {
			n := serve(t, "", func(h *rooms.House, s *Site) {
				s.Proxied, h.Poll = c.proxy, time.Hour // who has asked is here until the end
				if what == "polls" {
					h.PollsEach = 2
				} else {
					h.RoomsEach = 2
				}
			})
			ask := func(i int, from string) int {
				if what == "polls" { // one room, several visitors
					return n.visits("r", fmt.Sprint("ann", i), from)
				}
				return n.visits(fmt.Sprint("r", i), "ann", from)
			}
			for i := range 2 {
				if got := ask(i, c.first); got != 200 {
					t.Errorf("%s, %s: number %d has %d", c.what, what, i, got)
				}
			}
			i := 2
			for from, want := range c.others {
				if got := ask(i, from); got != want {
					t.Errorf("%s, %s: from %q %d, not %d", c.what, what, from, got, want)
				}
				i++
			}
		}
	}
}

// What one address has used up keeps nobody from what is there already, itself included.
func TestShareIsUsedUp(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, s *Site) { h.RoomsEach, h.PollsEach, h.Poll, s.Proxied = 1, 1, time.Hour, true })
	const flood = "192.0.2.1"
	if got := n.visits("r", "ann", flood); got != 200 {
		t.Fatal(got)
	}
	for _, c := range []struct {
		what, room, name, from string
		want                   int
	}{
		{"another room", "r2", "ann", flood, 429},
		{"another visitor", "r", "ben", flood, 429},
		{"another address in the room", "r", "cleo", "192.0.2.2", 200},
		{"the room that the other address has opened is no use of this one's share", "r3", "cleo2", "192.0.2.3", 200},
		{"and this visitor is refused there too", "r3", "ben", flood, 429},
	} {
		if got := n.visits(c.room, c.name, c.from); got != c.want {
			t.Errorf("%s: %d, not %d", c.what, got, c.want)
		}
	}
	n.socket(loop(t), query("r", "dora", "")).count(3) // by a connection, which is what it costs
	n.post("r", "ann", "hello", "k")
	if list := n.poll(query("r", "ann", "")); len(texts(list)) != 1 {
		t.Errorf("who is here already gets %v", list)
	}
}
